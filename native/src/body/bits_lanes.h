// Set bits to row numbers eight at a time, and booleans to bits: AVX-512 F, BW.

#pragma once

#include <immintrin.h>

#include "body/bits.h"
#include "elanus/kernels.h"

namespace elanus {
namespace {

// Words with fewer bits than this are quicker bit by bit.
constexpr int kDenseWordBits = 12;

// The first word from `i` on that has a bit; `word_count` when there is none.
inline int64_t next_word_with_bits(const uint64_t* words, int64_t i, int64_t word_count) {
    for (; i + 8 <= word_count; i += 8) {
        const __m512i bits = _mm512_loadu_si512(words + i);
        const auto mask = static_cast<uint32_t>(_mm512_test_epi64_mask(bits, bits));
        if (mask != 0) return i + __builtin_ctz(mask);
    }
    while (i < word_count && words[i] == 0) ++i;
    return i;
}

// Whole registers are stored, so the last 64 places of `rows` are left to the careful loop.
void bit_rows(const uint64_t* words, int64_t word_count, int64_t* rows, int64_t row_count) {
    const int64_t* careful_from = rows + row_count - 64;
    const __m512i first = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    for (int64_t i = 0; i < word_count; ++i) {
        if (words[i] == 0) {
            i = next_word_with_bits(words, i + 1, word_count);
            if (i == word_count) return;
        }
        const uint64_t word = words[i];
        if (rows > careful_from || __builtin_popcountll(word) < kDenseWordBits) {
            rows = write_rows(word, 64 * i, rows);
            continue;
        }
        __m512i numbers = _mm512_add_epi64(first, _mm512_set1_epi64(64 * i));
        for (int shift = 0; shift < 64; shift += 8) {
            const auto mask = static_cast<__mmask8>(word >> shift);
            _mm512_storeu_si512(rows, _mm512_maskz_compress_epi64(mask, numbers));
            rows += __builtin_popcount(mask);
            numbers = _mm512_add_epi64(numbers, _mm512_set1_epi64(8));
        }
    }
}

void bits_from_bool(const uint8_t* bytes, int64_t count, uint64_t* words) {
    int64_t i = 0;
    for (; i + 64 <= count; i += 64) {
        const __m512i x = _mm512_loadu_si512(bytes + i);
        *words++ = _mm512_test_epi8_mask(x, x);
    }
    if (i < count) {
        const __m512i x = _mm512_maskz_loadu_epi8((uint64_t{1} << (count - i)) - 1, bytes + i);
        *words = _mm512_test_epi8_mask(x, x);
    }
}

}  // namespace
}  // namespace elanus
