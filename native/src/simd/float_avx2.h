// Eight floats in a register: AVX2, FMA, F16C.

#pragma once

#include <immintrin.h>
#include <stdint.h>

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

// A byte shuffle that moves the last 2 * n bytes of a register to its front, n = 0 to 8, and clears the rest: row n.
alignas(16) constexpr int8_t kTailShuffles[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                                  -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

// The first `count` 16-bit elements (1 to 7) at `p`, then zeros, without touching a byte after them.
inline __m128i load_part_16(const void* p, int64_t count, bool has_before) {
    if (has_before) {
        const auto* end = static_cast<const uint8_t*>(p) + 2 * count;
        const __m128i last = _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(end - 16));
        const __m128i shuffle =
            _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(kTailShuffles + 2 * (8 - count)));
        return _mm_shuffle_epi8(last, shuffle);
    }
    alignas(16) uint8_t bytes[16] = {};
    __builtin_memcpy(bytes, p, static_cast<size_t>(2 * count));
    return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
}

struct Float32 {
    using Storage = float;
    static FloatReg load(const void* p) { return _mm256_loadu_ps(static_cast<const float*>(p)); }
    // The first `count` elements (1 to 7), then zeros; `has_before` tells that 7 more lie before them.
    static FloatReg load_part(const void* p, int64_t count, bool /*has_before*/) {
        const __m256i mask = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(kLaneMasks + 8 - count));
        return _mm256_maskload_ps(static_cast<const float*>(p), mask);
    }
    static float element(const void* p) { return _mm_cvtss_f32(_mm_load_ss(static_cast<const float*>(p))); }
};

struct Float16 {
    using Storage = uint16_t;
    static FloatReg load(const void* p) { return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i_u*>(p))); }
    static FloatReg load_part(const void* p, int64_t count, bool has_before) {
        return _mm256_cvtph_ps(load_part_16(p, count, has_before));
    }
    static float element(const void* p) {
        uint16_t bits;
        __builtin_memcpy(&bits, p, sizeof bits);
        return _cvtsh_ss(bits);
    }
};

struct BFloat16 {
    using Storage = uint16_t;
    static FloatReg widen(__m128i bits) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
    }
    static FloatReg load(const void* p) { return widen(_mm_loadu_si128(static_cast<const __m128i_u*>(p))); }
    static FloatReg load_part(const void* p, int64_t count, bool has_before) {
        return widen(load_part_16(p, count, has_before));
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
