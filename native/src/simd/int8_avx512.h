// Thirty-two int8 in a register, widened to int16: AVX-512 BW, VL.

#pragma once

#include "simd/int32_avx512.h"

namespace elanus {
namespace {

using Int8Row = __m512i;
using Int8Squares = __m512i;
constexpr int64_t kInt8Lanes = 32;
constexpr int64_t kProductBias = 0;

inline Int8Squares zero_squares() { return zero_i32(); }

inline Int8Row load_row_i8(const void* p) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(static_cast<const __m256i_u*>(p)));
}

// The first `count` elements (1 to 31), then zeros.
inline Int8Row load_row_part_i8(const void* p, int64_t count) {
    return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8((1u << count) - 1, p));
}

inline Int8Row load_query_i8(const void* p) { return load_row_i8(p); }
inline Int8Row load_query_part_i8(const void* p, int64_t count) { return load_row_part_i8(p, count); }

inline IntReg add_products(IntReg sum, Int8Row x, Int8Row q) { return _mm512_add_epi32(sum, _mm512_madd_epi16(x, q)); }
inline Int8Squares add_squares(Int8Squares sum, Int8Row x) { return add_products(sum, x, x); }
inline IntReg fold_squares(Int8Squares sum) { return sum; }

}  // namespace
}  // namespace elanus
