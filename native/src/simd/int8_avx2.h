// Sixteen int8 in a register, widened to int16: AVX2.

#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "simd/sse.h"

namespace elanus {
namespace {

using IntReg = __m256i;
using Int8Row = __m256i;
using Int8Squares = __m256i;
constexpr int64_t kInt8Lanes = 16;
constexpr int64_t kProductBias = 0;

inline IntReg zero_i32() { return _mm256_setzero_si256(); }
inline Int8Squares zero_squares() { return zero_i32(); }

inline Int8Row load_row_i8(const void* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(static_cast<const __m128i_u*>(p)));
}

// The first `count` elements (1 to 15), then zeros.
inline Int8Row load_row_part_i8(const void* p, int64_t count) { return _mm256_cvtepi8_epi16(load_part_128(p, count)); }

inline Int8Row load_query_i8(const void* p) { return load_row_i8(p); }
inline Int8Row load_query_part_i8(const void* p, int64_t count) { return load_row_part_i8(p, count); }

inline IntReg add_products(IntReg sum, Int8Row x, Int8Row q) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, q)); }
inline Int8Squares add_squares(Int8Squares sum, Int8Row x) { return add_products(sum, x, x); }
inline IntReg fold_squares(Int8Squares sum) { return sum; }

inline void sum4_i32(const IntReg* regs, int32_t* sums) {
    const __m256i quad = _mm256_hadd_epi32(_mm256_hadd_epi32(regs[0], regs[1]), _mm256_hadd_epi32(regs[2], regs[3]));
    const __m128i total = _mm_add_epi32(_mm256_castsi256_si128(quad), _mm256_extracti128_si256(quad, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i_u*>(sums), total);
}

}  // namespace
}  // namespace elanus
