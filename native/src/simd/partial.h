// Reads of fewer bytes than a register has, without touching a byte outside them and without a loop.

#pragma once

#include <stdint.h>

namespace elanus {
namespace {

template <class T>
inline T read_as(const void* p) {
    T value;
    __builtin_memcpy(&value, p, sizeof value);
    return value;
}

// The first `count` bytes (0 to 8) as a little-endian word, zeros after them. Loads may overlap: they agree there.
inline uint64_t read_word(const uint8_t* p, int64_t count) {
    if (count >= 8) return read_as<uint64_t>(p);
    if (count >= 4) {
        return read_as<uint32_t>(p) | static_cast<uint64_t>(read_as<uint32_t>(p + count - 4)) << (8 * (count - 4));
    }
    if (count == 0) return 0;
    const int64_t middle = count / 2;
    return static_cast<uint64_t>(p[0]) | static_cast<uint64_t>(p[middle]) << (8 * middle) |
           static_cast<uint64_t>(p[count - 1]) << (8 * (count - 1));
}

}  // namespace
}  // namespace elanus
