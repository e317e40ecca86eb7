#include "body/crc32c_tables.h"
#include "elanus/kernels.h"

namespace elanus {
namespace {

// Row k holds the checksum of a byte followed by k zero bytes.
constexpr ByteTables make_tables() {
    ByteTables tables = {};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t crc = byte;
        for (int k = 0; k < 8; ++k) {
            for (int bit = 0; bit < 8; ++bit) crc = shift_bit(crc);
            tables.entry[k][byte] = crc;
        }
    }
    return tables;
}

constexpr ByteTables kTables = make_tables();

// Eight bytes a step. Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation".
uint32_t crc32c(uint32_t crc, const uint8_t* data, int64_t size) {
    crc = ~crc;
    int64_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        __builtin_memcpy(&word, data + i, sizeof word);
        word ^= crc;
        crc = 0;
        for (int k = 0; k < 8; ++k) crc ^= kTables.entry[7 - k][(word >> (8 * k)) & 0xff];
    }
    for (; i < size; ++i) crc = (crc >> 8) ^ kTables.entry[0][(crc ^ data[i]) & 0xff];
    return ~crc;
}

}  // namespace

extern const ChecksumKernels scalar_checksum = {crc32c};

}  // namespace elanus
