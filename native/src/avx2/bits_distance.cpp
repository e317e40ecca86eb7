#include <immintrin.h>

#include "body/rows.h"
#include "simd/partial.h"

namespace elanus {
namespace {

struct BitCounts {
    int64_t first[kGroupRows], second[kGroupRows];
};

// Set bits of each 64-bit lane: two nibble look-ups a byte, added up by the sum of absolute differences with zero.
// Mula, Kurz, Lemire, "Faster Population Counts Using AVX2 Instructions".
inline __m256i lane_bits(__m256i bits) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2,
                                           2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(bits, nibble));
    const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bits, 4), nibble));
    return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
}

inline int64_t sum_lanes(__m256i lanes) {
    const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    return _mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1);
}

template <Metric metric, bool Listed>
inline BitCounts count_bits(const uint8_t* query, const RowGroup& rows, int64_t width) {
    BitCounts counts = {};
    for (int j = 0; j < rows.count; ++j) {
        if constexpr (Listed) prefetch_bytes(rows.ahead[j], width);
        const uint8_t* row = rows.row[j];
        __m256i first = _mm256_setzero_si256(), second = _mm256_setzero_si256();
        int64_t i = 0;
        for (; i + 32 <= width; i += 32) {
            const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(query + i));
            const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(row + i));
            if constexpr (metric == Metric::hamming) {
                first = _mm256_add_epi64(first, lane_bits(_mm256_xor_si256(q, x)));
            } else {
                first = _mm256_add_epi64(first, lane_bits(_mm256_and_si256(q, x)));
                second = _mm256_add_epi64(second, lane_bits(_mm256_or_si256(q, x)));
            }
        }
        const auto take = [&](uint64_t q, uint64_t x) {
            counts.first[j] += _mm_popcnt_u64(metric == Metric::hamming ? q ^ x : q & x);
            if constexpr (metric == Metric::jaccard) counts.second[j] += _mm_popcnt_u64(q | x);
        };
        if (i > 0) {
            counts.first[j] = sum_lanes(first);
            if constexpr (metric == Metric::jaccard) counts.second[j] = sum_lanes(second);
        }
        for (; i + 8 <= width; i += 8) take(read_word(query + i, 8), read_word(row + i, 8));
        if (i < width) take(read_word(query + i, width - i), read_word(row + i, width - i));
    }
    return counts;
}

}  // namespace
}  // namespace elanus

#include "body/bits_distance.h"

namespace elanus {

extern const BitsDistanceKernels avx2_bits_distance = {
    score<BitsTile<Metric::hamming>>,
    score<BitsTile<Metric::jaccard>>,
};

}  // namespace elanus
