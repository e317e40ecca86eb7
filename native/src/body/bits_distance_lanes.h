// Bit counts in 64-byte registers, in the `lane_bits` that was defined before: set bits of each 64-bit lane.

#pragma once

#include <immintrin.h>

#include "body/rows.h"

namespace elanus {
namespace {

struct BitCounts {
    int64_t first[kGroupRows], second[kGroupRows];
};

inline void sum4_i64(const __m512i* regs, int64_t* sums) {
    __m256i half[4];
    for (int i = 0; i < 4; ++i) {
        half[i] = _mm256_add_epi64(_mm512_castsi512_si256(regs[i]), _mm512_extracti64x4_epi64(regs[i], 1));
    }
    // Lanes 0 and 2 belong to the first of a pair, lanes 1 and 3 to the second.
    const __m256i left =
        _mm256_add_epi64(_mm256_unpacklo_epi64(half[0], half[1]), _mm256_unpackhi_epi64(half[0], half[1]));
    const __m256i right =
        _mm256_add_epi64(_mm256_unpacklo_epi64(half[2], half[3]), _mm256_unpackhi_epi64(half[2], half[3]));
    const __m256i total =
        _mm256_add_epi64(_mm256_permute2x128_si256(left, right, 0x20), _mm256_permute2x128_si256(left, right, 0x31));
    _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(sums), total);
}

template <Metric metric, bool Listed>
inline BitCounts count_bits(const uint8_t* query, const RowGroup& rows, int64_t width) {
    __m512i first[kGroupRows], second[kGroupRows];
    for (int j = 0; j < kGroupRows; ++j) {
        __m512i sum = _mm512_setzero_si512(), other = _mm512_setzero_si512();
        const auto take = [&](__m512i q, __m512i x) __attribute__((always_inline)) {
            if constexpr (metric == Metric::hamming) {
                sum = _mm512_add_epi64(sum, lane_bits(_mm512_xor_si512(q, x)));
            } else {
                sum = _mm512_add_epi64(sum, lane_bits(_mm512_and_si512(q, x)));
                other = _mm512_add_epi64(other, lane_bits(_mm512_or_si512(q, x)));
            }
        };
        if (j < rows.count) {
            const uint8_t* row = rows.row[j];
            if constexpr (Listed) prefetch_bytes(rows.ahead[j], width);
            int64_t i = 0;
            for (; i + 64 <= width; i += 64) take(_mm512_loadu_si512(query + i), _mm512_loadu_si512(row + i));
            if (i < width) {
                const __mmask64 mask = (uint64_t{1} << (width - i)) - 1;
                take(_mm512_maskz_loadu_epi8(mask, query + i), _mm512_maskz_loadu_epi8(mask, row + i));
            }
        }
        first[j] = sum;
        second[j] = other;
    }
    BitCounts counts;
    sum4_i64(first, counts.first);
    if constexpr (metric == Metric::jaccard) sum4_i64(second, counts.second);
    return counts;
}

}  // namespace
}  // namespace elanus
