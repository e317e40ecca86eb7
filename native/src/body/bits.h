// Set bits to row numbers, one by one; what every level uses for words with few of them.

#pragma once

#include <stdint.h>

namespace elanus {
namespace {

// Writes the numbers of the word's set bits, the lowest of which counts as `base`; returns the end.
inline int64_t* write_rows(uint64_t word, int64_t base, int64_t* rows) {
    for (; word != 0; word &= word - 1) *rows++ = base + __builtin_ctzll(word);
    return rows;
}

}  // namespace
}  // namespace elanus
