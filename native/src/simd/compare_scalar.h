// Comparisons into bits without vector instructions of our own; the loops over bytes are ones a compiler vectorises.

#pragma once

#include <stdint.h>

namespace elanus {
namespace {

// Eight bytes of 0 or 1 as the eight bits of one byte: the product moves byte i's bit to bit 56 + i, without carries.
inline uint64_t pack_flags(const uint8_t* flags) {
    uint64_t word = 0;
    for (int i = 0; i < 64; i += 8) {
        uint64_t eight;
        __builtin_memcpy(&eight, flags + i, sizeof eight);
        word |= ((eight * 0x0102040810204080u) >> 56) << i;
    }
    return word;
}

template <class T>
inline uint64_t between_word(const T* values, T low, T high) {
    uint8_t flags[64];
    for (int i = 0; i < 64; ++i) flags[i] = static_cast<uint8_t>((values[i] >= low) & (values[i] <= high));
    return pack_flags(flags);
}

template <class T>
inline uint64_t in_list_word(const T* values, const T* list, int64_t list_size) {
    uint8_t flags[64] = {};
    for (int64_t j = 0; j < list_size; ++j) {
        const T item = list[j];
        for (int i = 0; i < 64; ++i) flags[i] |= static_cast<uint8_t>(values[i] == item);
    }
    return pack_flags(flags);
}

}  // namespace
}  // namespace elanus
