// Thirty-two codes in a register: AVX2.

#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace elanus {
namespace {

using CodeReg = __m256i;
using CodeSum = __m256i;
constexpr int64_t kCodeLanes = 32;

inline CodeSum zero_codes() { return _mm256_setzero_si256(); }
inline CodeReg load_codes(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i_u*>(p)); }
inline CodeReg low_halves(CodeReg x) { return _mm256_and_si256(x, _mm256_set1_epi8(15)); }
inline CodeReg high_halves(CodeReg x) { return low_halves(_mm256_srli_epi16(x, 4)); }

inline CodeSum add_products(CodeSum sum, CodeReg codes, CodeReg query) {
    const __m256i pairs = _mm256_maddubs_epi16(codes, query);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

inline int32_t total(CodeSum a, CodeSum b) {
    const __m256i all = _mm256_add_epi32(a, b);
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

}  // namespace
}  // namespace elanus
