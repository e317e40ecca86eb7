// Tables of CRC-32C, computed by the compiler. Bits are reflected: the highest bit of a word is the lowest power of x.

#pragma once

#include <stdint.h>

namespace elanus {
namespace {

constexpr uint32_t kCastagnoli = 0x82f63b78u;
constexpr uint32_t kOne = 0x80000000u;  // the polynomial 1

// The remainder after one more zero bit.
constexpr uint32_t shift_bit(uint32_t crc) { return (crc >> 1) ^ ((crc & 1) != 0 ? kCastagnoli : 0); }

// a * b modulo the polynomial.
constexpr uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = kOne; bit != 0; bit >>= 1) {
        if ((a & bit) != 0) product ^= b;
        b = shift_bit(b);
    }
    return product;
}

// x to the power of 8 * bytes, modulo the polynomial: what appending that many zero bytes multiplies by.
constexpr uint32_t zero_bytes_factor(uint64_t bytes) {
    uint32_t square = kOne >> 8;
    uint32_t factor = kOne;
    for (; bytes != 0; bytes >>= 1) {
        if ((bytes & 1) != 0) factor = multiply(factor, square);
        square = multiply(square, square);
    }
    return factor;
}

struct ByteTables {
    uint32_t entry[8][256];
};

}  // namespace
}  // namespace elanus
