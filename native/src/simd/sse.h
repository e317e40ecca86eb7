// What the levels with AVX share: partial 16-byte loads, and the end of a COSINE or IP, four rows at a time.

#pragma once

#include <immintrin.h>

#include "simd/partial.h"

namespace elanus {
namespace {

// The first `count` bytes (1 to 15), then zeros.
inline __m128i load_part_128(const void* start, int64_t count) {
    const auto* p = static_cast<const uint8_t*>(start);
    const uint64_t low = read_word(p, count < 8 ? count : 8);
    const uint64_t high = count > 8 ? read_as<uint64_t>(p + count - 8) >> (8 * (16 - count)) : 0;
    return _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
}

inline __m128 within(__m128 x, float low, float high) {
    return _mm_and_ps(_mm_cmpge_ps(x, _mm_set1_ps(low)), _mm_cmple_ps(x, _mm_set1_ps(high)));
}

// Bit i: whether -limit <= values[i] <= limit, which NaN is not.
inline int within4(const float* values, float limit) {
    return _mm_movemask_ps(within(_mm_loadu_ps(values), -limit, limit));
}

// products[i] / sqrt(squares[i]) / norm, clamped to [-1, 1], in place of the products. Bit i of the result: whether
// the product is within +-limit and the square sum between `square_min` and `limit`.
inline int cosine4(float* products, const float* squares, float norm, float square_min, float limit) {
    const __m128 product = _mm_loadu_ps(products);
    const __m128 square = _mm_loadu_ps(squares);
    const __m128 cosine = _mm_div_ps(_mm_div_ps(product, _mm_sqrt_ps(square)), _mm_set1_ps(norm));
    _mm_storeu_ps(products, _mm_min_ps(_mm_max_ps(cosine, _mm_set1_ps(-1)), _mm_set1_ps(1)));
    return _mm_movemask_ps(_mm_and_ps(within(product, -limit, limit), within(square, square_min, limit)));
}

}  // namespace
}  // namespace elanus
