// Sixteen floats in a register: AVX-512 F, BW, VL.

#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "simd/sse.h"

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
    // The first `count` elements (1 to 15), then zeros.
    static FloatReg load_part(const void* p, int64_t count) { return _mm512_maskz_loadu_ps(first_lanes(count), p); }
    static float element(const void* p) { return read_as<float>(p); }
};

struct Float16 {
    using Storage = uint16_t;
    static FloatReg load(const void* p) {
        return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i_u*>(p)));
    }
    static FloatReg load_part(const void* p, int64_t count) {
        return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(count), p));
    }
    static float element(const void* p) { return _cvtsh_ss(read_as<uint16_t>(p)); }
};

struct BFloat16 {
    using Storage = uint16_t;
    static FloatReg widen(__m256i bits) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
    }
    static FloatReg load(const void* p) { return widen(_mm256_loadu_si256(static_cast<const __m256i_u*>(p))); }
    static FloatReg load_part(const void* p, int64_t count) {
        return widen(_mm256_maskz_loadu_epi16(first_lanes(count), p));
    }
    static float element(const void* p) {
        const uint32_t bits = static_cast<uint32_t>(read_as<uint16_t>(p)) << 16;
        return read_as<float>(&bits);
    }
};

}  // namespace
}  // namespace elanus
