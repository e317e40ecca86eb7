// Sums of sixteen int32 lanes: AVX-512 F, DQ.

#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace elanus {
namespace {

using IntReg = __m512i;

inline IntReg zero_i32() { return _mm512_setzero_si512(); }

inline void sum4_i32(const IntReg* regs, int32_t* sums) {
    __m256i half[4];
    for (int i = 0; i < 4; ++i) {
        half[i] = _mm256_add_epi32(_mm512_castsi512_si256(regs[i]), _mm512_extracti32x8_epi32(regs[i], 1));
    }
    const __m256i quad = _mm256_hadd_epi32(_mm256_hadd_epi32(half[0], half[1]), _mm256_hadd_epi32(half[2], half[3]));
    const __m128i total = _mm_add_epi32(_mm256_castsi256_si128(quad), _mm256_extracti128_si256(quad, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i_u*>(sums), total);
}

}  // namespace
}  // namespace elanus
