// Sixteen floats in a register: AVX-512 F, BW, VL.

#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace elanus {
namespace {

using FloatReg = __m512;
constexpr int64_t kFloatLanes = 16;
constexpr int kAccumulators = 2;
constexpr int kTileQueries = 4;

inline FloatReg zero_f32() { return _mm512_setzero_ps(); }
inline FloatReg add_f32(FloatReg a, FloatReg b) { return _mm512_add_ps(a, b); }
inline FloatReg sub_f32(FloatReg a, FloatReg b) { return _mm512_sub_ps(a, b); }
inline FloatReg fma_f32(FloatReg a, FloatReg b, FloatReg c) { return _mm512_fmadd_ps(a, b, c); }

// The four sums of four registers, each over its lanes in one fixed order.
inline void sum4_f32(const FloatReg* regs, float* sums) {
    __m256 half[4];
    for (int i = 0; i < 4; ++i) {
        half[i] = _mm256_add_ps(_mm512_castps512_ps256(regs[i]), _mm512_extractf32x8_ps(regs[i], 1));
    }
    const __m256 quad = _mm256_hadd_ps(_mm256_hadd_ps(half[0], half[1]), _mm256_hadd_ps(half[2], half[3]));
    _mm_storeu_ps(sums, _mm_add_ps(_mm256_castps256_ps128(quad), _mm256_extractf128_ps(quad, 1)));
}

inline __mmask16 first_lanes(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }

struct Float32 {
    using Storage = float;
    static FloatReg load(const void* p) { return _mm512_loadu_ps(p); }
    // The first `count` elements (1 to 15), then zeros; `has_before` tells that 15 more lie before them.
    static FloatReg load_part(const void* p, int64_t count, bool /*has_before*/) {
        return _mm512_maskz_loadu_ps(first_lanes(count), p);
    }
    static float element(const void* p) { return _mm_cvtss_f32(_mm_load_ss(static_cast<const float*>(p))); }
};

struct Float16 {
    using Storage = uint16_t;
    static FloatReg load(const void* p) {
        return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i_u*>(p)));
    }
    static FloatReg load_part(const void* p, int64_t count, bool /*has_before*/) {
        return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(count), p));
    }
    static float element(const void* p) {
        uint16_t bits;
        __builtin_memcpy(&bits, p, sizeof bits);
        return _cvtsh_ss(bits);
    }
};

struct BFloat16 {
    using Storage = uint16_t;
    static FloatReg widen(__m256i bits) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
    }
    static FloatReg load(const void* p) { return widen(_mm256_loadu_si256(static_cast<const __m256i_u*>(p))); }
    static FloatReg load_part(const void* p, int64_t count, bool /*has_before*/) {
        return widen(_mm256_maskz_loadu_epi16(first_lanes(count), p));
    }
    static float element(const void* p) {
        uint16_t half;
        __builtin_memcpy(&half, p, sizeof half);
        const uint32_t bits = static_cast<uint32_t>(half) << 16;
        float value;
        __builtin_memcpy(&value, &bits, sizeof value);
        return value;
    }
};

}  // namespace
}  // namespace elanus
