#include <immintrin.h>

#include "body/bits.h"
#include "elanus/kernels.h"

namespace elanus {
namespace {

int64_t bit_count(const uint64_t* words, int64_t word_count) {
    int64_t sums[4] = {};
    int64_t i = 0;
    for (; i + 4 <= word_count; i += 4) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) sums[j] += _mm_popcnt_u64(words[i + j]);
    }
    for (; i < word_count; ++i) sums[0] += _mm_popcnt_u64(words[i]);
    return sums[0] + sums[1] + sums[2] + sums[3];
}

void bit_rows(const uint64_t* words, int64_t word_count, int64_t* rows, int64_t /*row_count*/) {
    for (int64_t i = 0; i < word_count; ++i) rows = write_rows(words[i], 64 * i, rows);
}

inline uint64_t nonzero_bytes(const uint8_t* bytes) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(bytes));
    return static_cast<uint32_t>(~_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_setzero_si256())));
}

void bits_from_bool(const uint8_t* bytes, int64_t count, uint64_t* words) {
    int64_t i = 0;
    for (; i + 64 <= count; i += 64) *words++ = nonzero_bytes(bytes + i) | nonzero_bytes(bytes + i + 32) << 32;
    if (i < count) {
        uint8_t padded[64] = {};
        __builtin_memcpy(padded, bytes + i, static_cast<size_t>(count - i));
        *words = nonzero_bytes(padded) | nonzero_bytes(padded + 32) << 32;
    }
}

}  // namespace

extern const BitKernels avx2_bits = {bit_count, bit_rows, bits_from_bool};

}  // namespace elanus
