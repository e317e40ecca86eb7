// Comparisons into mask registers: AVX-512 F, BW.

#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace elanus {
namespace {

template <class T>
struct Lanes;

// One struct a type, alike but for the suffix of the instructions.
#define ELANUS_INTEGER_LANES(Type, Suffix, Set1)                                                     \
    template <>                                                                                      \
    struct Lanes<Type> {                                                                             \
        static constexpr int kCount = 64 / static_cast<int>(sizeof(Type));                           \
        static __m512i load(const Type* p) { return _mm512_loadu_si512(p); }                         \
        static __m512i broadcast(Type value) { return Set1(value); }                                 \
        static uint64_t between(__m512i x, __m512i low, __m512i high) {                              \
            return _mm512_mask_cmple_##Suffix##_mask(_mm512_cmpge_##Suffix##_mask(x, low), x, high); \
        }                                                                                            \
        static uint64_t equal(__m512i x, __m512i y) { return _mm512_cmpeq_##Suffix##_mask(x, y); }   \
    };

ELANUS_INTEGER_LANES(int8_t, epi8, _mm512_set1_epi8)
ELANUS_INTEGER_LANES(int16_t, epi16, _mm512_set1_epi16)
ELANUS_INTEGER_LANES(int32_t, epi32, _mm512_set1_epi32)
ELANUS_INTEGER_LANES(int64_t, epi64, _mm512_set1_epi64)
ELANUS_INTEGER_LANES(uint64_t, epu64, _mm512_set1_epi64)
#undef ELANUS_INTEGER_LANES

template <>
struct Lanes<float> {
    static constexpr int kCount = 16;
    static __m512 load(const float* p) { return _mm512_loadu_ps(p); }
    static __m512 broadcast(float value) { return _mm512_set1_ps(value); }
    static uint64_t between(__m512 x, __m512 low, __m512 high) {
        return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(x, low, _CMP_GE_OQ), x, high, _CMP_LE_OQ);
    }
    static uint64_t equal(__m512 x, __m512 y) { return _mm512_cmp_ps_mask(x, y, _CMP_EQ_OQ); }
};

template <>
struct Lanes<double> {
    static constexpr int kCount = 8;
    static __m512d load(const double* p) { return _mm512_loadu_pd(p); }
    static __m512d broadcast(double value) { return _mm512_set1_pd(value); }
    static uint64_t between(__m512d x, __m512d low, __m512d high) {
        return _mm512_mask_cmp_pd_mask(_mm512_cmp_pd_mask(x, low, _CMP_GE_OQ), x, high, _CMP_LE_OQ);
    }
    static uint64_t equal(__m512d x, __m512d y) { return _mm512_cmp_pd_mask(x, y, _CMP_EQ_OQ); }
};

}  // namespace
}  // namespace elanus
