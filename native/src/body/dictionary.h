// Codes looked up one by one in a table of bytes, for tables that do not fit a level's registers.

#pragma once

#include "elanus/kernels.h"

namespace elanus {
namespace {

inline void look_up_bytes(const int32_t* codes, int64_t count, const uint8_t* table, int64_t table_size,
                          uint64_t* words) {
    const auto limit = static_cast<uint64_t>(table_size);
    for (int64_t start = 0; start < count; start += 64) {
        const int64_t left = count - start < 64 ? count - start : 64;
        uint64_t word = 0;
        for (int64_t i = 0; i < left; ++i) {
            // A negative code becomes a large one, and is out of range like it.
            const uint64_t code = static_cast<uint32_t>(codes[start + i]);
            const uint64_t bit = code < limit ? table[code] : 0;
            word |= bit << i;
        }
        *words++ = word;
    }
}

}  // namespace
}  // namespace elanus
