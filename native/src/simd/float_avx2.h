// Eight floats in a register: AVX2, FMA, F16C.

#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "simd/sse.h"

namespace elanus {
namespace {

using FloatReg = __m256;
constexpr int64_t kFloatLanes = 8;
constexpr int kAccumulators = 4;
constexpr int kTileQueries = 2;

inline FloatReg zero_f32() { return _mm256_setzero_ps(); }
inline FloatReg add_f32(FloatReg a, FloatReg b) { return _mm256_add_ps(a, b); }
inline FloatReg sub_f32(FloatReg a, FloatReg b) { return _mm256_sub_ps(a, b); }
inline FloatReg fma_f32(FloatReg a, FloatReg b, FloatReg c) { return _mm256_fmadd_ps(a, b, c); }

// The four sums of four registers, each over its lanes in one fixed order.
inline void sum4_f32(const FloatReg* regs, float* sums) {
    const __m256 quad = _mm256_hadd_ps(_mm256_hadd_ps(regs[0], regs[1]), _mm256_hadd_ps(regs[2], regs[3]));
    _mm_storeu_ps(sums, _mm_add_ps(_mm256_castps256_ps128(quad), _mm256_extractf128_ps(quad, 1)));
}

alignas(32) constexpr int32_t kLaneMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

struct Float32 {
    using Storage = float;
    static FloatReg load(const void* p) { return _mm256_loadu_ps(static_cast<const float*>(p)); }
    // The first `count` elements (1 to 7), then zeros.
    static FloatReg load_part(const void* p, int64_t count) {
        const __m256i mask = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(kLaneMasks + 8 - count));
        return _mm256_maskload_ps(static_cast<const float*>(p), mask);
    }
    static float element(const void* p) { return read_as<float>(p); }
};

struct Float16 {
    using Storage = uint16_t;
    static FloatReg load(const void* p) { return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i_u*>(p))); }
    static FloatReg load_part(const void* p, int64_t count) { return _mm256_cvtph_ps(load_part_128(p, 2 * count)); }
    static float element(const void* p) { return _cvtsh_ss(read_as<uint16_t>(p)); }
};

struct BFloat16 {
    using Storage = uint16_t;
    static FloatReg widen(__m128i bits) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
    }
    static FloatReg load(const void* p) { return widen(_mm_loadu_si128(static_cast<const __m128i_u*>(p))); }
    static FloatReg load_part(const void* p, int64_t count) { return widen(load_part_128(p, 2 * count)); }
    static float element(const void* p) {
        const uint32_t bits = static_cast<uint32_t>(read_as<uint16_t>(p)) << 16;
        return read_as<float>(&bits);
    }
};

}  // namespace
}  // namespace elanus
