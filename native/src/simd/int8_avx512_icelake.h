// Sixty-four int8 in a register: AVX-512 BW, VNNI.
//
// VNNI multiplies unsigned by signed bytes, so rows are taken as x + 128: products come out as (x + 128) * q and the
// caller takes 128 * sum(q) away; squares come out as (x + 128) * x, and 128 * sum(x) is taken away here.

#pragma once

#include "simd/int32_avx512.h"

namespace elanus {
namespace {

using Int8Row = __m512i;
struct Int8Squares {
    IntReg biased, sum;
};
constexpr int64_t kInt8Lanes = 64;
constexpr int64_t kProductBias = 128;

inline Int8Squares zero_squares() { return {zero_i32(), zero_i32()}; }

inline Int8Row load_row_i8(const void* p) { return _mm512_loadu_si512(p); }

// The first `count` elements (1 to 63), then zeros, which add nothing: every factor with them is multiplied by 0.
inline Int8Row load_row_part_i8(const void* p, int64_t count) {
    return _mm512_maskz_loadu_epi8((uint64_t{1} << count) - 1, p);
}

inline Int8Row load_query_i8(const void* p) { return load_row_i8(p); }
inline Int8Row load_query_part_i8(const void* p, int64_t count) { return load_row_part_i8(p, count); }

inline __m512i biased(Int8Row x) { return _mm512_xor_si512(x, _mm512_set1_epi8(-128)); }

inline IntReg add_products(IntReg sum, Int8Row x, Int8Row q) { return _mm512_dpbusd_epi32(sum, biased(x), q); }
inline Int8Squares add_squares(Int8Squares sums, Int8Row x) {
    return {_mm512_dpbusd_epi32(sums.biased, biased(x), x), _mm512_dpbusd_epi32(sums.sum, _mm512_set1_epi8(1), x)};
}
inline IntReg fold_squares(Int8Squares sums) { return _mm512_sub_epi32(sums.biased, _mm512_slli_epi32(sums.sum, 7)); }

}  // namespace
}  // namespace elanus
