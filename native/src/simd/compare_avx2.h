// Comparisons into bits by way of sign bits: AVX2.

#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace elanus {
namespace {

inline __m256i load_256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i_u*>(p)); }

template <class T>
struct Lanes;

template <>
struct Lanes<int8_t> {
    static constexpr int kCount = 32;
    static __m256i load(const int8_t* p) { return load_256(p); }
    static __m256i broadcast(int8_t value) { return _mm256_set1_epi8(value); }
    static uint64_t bits(__m256i flags) { return static_cast<uint32_t>(_mm256_movemask_epi8(flags)); }
    static uint64_t between(__m256i x, __m256i low, __m256i high) {
        const __m256i outside = _mm256_or_si256(_mm256_cmpgt_epi8(low, x), _mm256_cmpgt_epi8(x, high));
        return bits(outside) ^ 0xffffffffu;
    }
    static uint64_t equal(__m256i x, __m256i y) { return bits(_mm256_cmpeq_epi8(x, y)); }
};

template <>
struct Lanes<int16_t> {
    struct Pair {
        __m256i low, high;
    };
    static constexpr int kCount = 32;
    static Pair load(const int16_t* p) { return {load_256(p), load_256(p + 16)}; }
    static Pair broadcast(int16_t value) { return {_mm256_set1_epi16(value), _mm256_set1_epi16(value)}; }
    // Packing works within 128-bit halves, so the middle quarters change places afterwards.
    static uint64_t bits(__m256i low, __m256i high) {
        const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
        return static_cast<uint32_t>(_mm256_movemask_epi8(packed));
    }
    static __m256i outside(__m256i x, __m256i low, __m256i high) {
        return _mm256_or_si256(_mm256_cmpgt_epi16(low, x), _mm256_cmpgt_epi16(x, high));
    }
    static uint64_t between(Pair x, Pair low, Pair high) {
        return bits(outside(x.low, low.low, high.low), outside(x.high, low.high, high.high)) ^ 0xffffffffu;
    }
    static uint64_t equal(Pair x, Pair y) {
        return bits(_mm256_cmpeq_epi16(x.low, y.low), _mm256_cmpeq_epi16(x.high, y.high));
    }
};

template <>
struct Lanes<int32_t> {
    static constexpr int kCount = 8;
    static __m256i load(const int32_t* p) { return load_256(p); }
    static __m256i broadcast(int32_t value) { return _mm256_set1_epi32(value); }
    static uint64_t bits(__m256i flags) {
        return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(flags)));
    }
    static uint64_t between(__m256i x, __m256i low, __m256i high) {
        return bits(_mm256_or_si256(_mm256_cmpgt_epi32(low, x), _mm256_cmpgt_epi32(x, high))) ^ 0xffu;
    }
    static uint64_t equal(__m256i x, __m256i y) { return bits(_mm256_cmpeq_epi32(x, y)); }
};

template <>
struct Lanes<int64_t> {
    static constexpr int kCount = 4;
    static __m256i load(const int64_t* p) { return load_256(p); }
    static __m256i broadcast(int64_t value) { return _mm256_set1_epi64x(value); }
    static uint64_t bits(__m256i flags) {
        return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(flags)));
    }
    static uint64_t between(__m256i x, __m256i low, __m256i high) {
        return bits(_mm256_or_si256(_mm256_cmpgt_epi64(low, x), _mm256_cmpgt_epi64(x, high))) ^ 0xfu;
    }
    static uint64_t equal(__m256i x, __m256i y) { return bits(_mm256_cmpeq_epi64(x, y)); }
};

// There is no unsigned comparison; flipping the top bit keeps the order and makes it signed.
template <>
struct Lanes<uint64_t> {
    static constexpr int kCount = 4;
    static __m256i flip(__m256i x) { return _mm256_xor_si256(x, _mm256_set1_epi64x(INT64_MIN)); }
    static __m256i load(const uint64_t* p) { return flip(load_256(p)); }
    static __m256i broadcast(uint64_t value) { return flip(_mm256_set1_epi64x(static_cast<int64_t>(value))); }
    static uint64_t between(__m256i x, __m256i low, __m256i high) { return Lanes<int64_t>::between(x, low, high); }
};

template <>
struct Lanes<float> {
    static constexpr int kCount = 8;
    static __m256 load(const float* p) { return _mm256_loadu_ps(p); }
    static __m256 broadcast(float value) { return _mm256_set1_ps(value); }
    static uint64_t bits(__m256 flags) { return static_cast<uint32_t>(_mm256_movemask_ps(flags)); }
    static uint64_t between(__m256 x, __m256 low, __m256 high) {
        return bits(_mm256_and_ps(_mm256_cmp_ps(x, low, _CMP_GE_OQ), _mm256_cmp_ps(x, high, _CMP_LE_OQ)));
    }
    static uint64_t equal(__m256 x, __m256 y) { return bits(_mm256_cmp_ps(x, y, _CMP_EQ_OQ)); }
};

template <>
struct Lanes<double> {
    static constexpr int kCount = 4;
    static __m256d load(const double* p) { return _mm256_loadu_pd(p); }
    static __m256d broadcast(double value) { return _mm256_set1_pd(value); }
    static uint64_t bits(__m256d flags) { return static_cast<uint32_t>(_mm256_movemask_pd(flags)); }
    static uint64_t between(__m256d x, __m256d low, __m256d high) {
        return bits(_mm256_and_pd(_mm256_cmp_pd(x, low, _CMP_GE_OQ), _mm256_cmp_pd(x, high, _CMP_LE_OQ)));
    }
    static uint64_t equal(__m256d x, __m256d y) { return bits(_mm256_cmp_pd(x, y, _CMP_EQ_OQ)); }
};

}  // namespace
}  // namespace elanus
