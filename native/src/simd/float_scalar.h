// Four floats in a register, in the compiler's portable vectors: any CPU.

#pragma once

#include <stdint.h>

#include "simd/partial.h"

namespace elanus {
namespace {

typedef float FloatReg __attribute__((vector_size(16)));
constexpr int64_t kFloatLanes = 4;
constexpr int kAccumulators = 4;
constexpr int kTileQueries = 2;

inline FloatReg zero_f32() { return FloatReg{0, 0, 0, 0}; }
inline FloatReg add_f32(FloatReg a, FloatReg b) { return a + b; }
inline FloatReg sub_f32(FloatReg a, FloatReg b) { return a - b; }
inline FloatReg fma_f32(FloatReg a, FloatReg b, FloatReg c) { return a * b + c; }

// The four sums of four registers, each over its lanes in one fixed order.
inline void sum4_f32(const FloatReg* regs, float* sums) {
    for (int i = 0; i < 4; ++i) {
        sums[i] = (regs[i][0] + regs[i][1]) + (regs[i][2] + regs[i][3]);
    }
}

typedef uint32_t WordReg __attribute__((vector_size(16)));
typedef uint16_t HalfReg __attribute__((vector_size(8)));

struct Float32 {
    using Storage = float;
    static FloatReg load(const void* p) { return read_as<FloatReg>(p); }
    // The first `count` elements (1 to 3), then zeros.
    static FloatReg load_part(const void* p, int64_t count) {
        FloatReg reg = zero_f32();
        for (int64_t i = 0; i < count; ++i) reg[i] = element(static_cast<const float*>(p) + i);
        return reg;
    }
    static float element(const void* p) { return read_as<float>(p); }
};

// The first `count` 16-bit elements (1 to 3), then zeros.
inline HalfReg load_part_16(const void* p, int64_t count) {
    const uint64_t bits = read_word(static_cast<const uint8_t*>(p), 2 * count);
    return read_as<HalfReg>(&bits);
}

struct Float16 {
    using Storage = uint16_t;
    // The exponent is moved by a product with a power of two, which is exact and gets subnormal numbers right.
    static FloatReg widen(HalfReg halves) {
        const WordReg bits = __builtin_convertvector(halves, WordReg);
        const WordReg magnitude = (bits & 0x7fff) << 13;
        const WordReg unbounded = magnitude >= (0x7c00u << 13);
        const auto value = read_as<FloatReg>(&magnitude) * 0x1p112f;
        const WordReg finite = read_as<WordReg>(&value);
        const WordReg infinite = magnitude | 0x7f800000u;
        const WordReg widened = (unbounded & infinite) | (~unbounded & finite) | (bits & 0x8000) << 16;
        return read_as<FloatReg>(&widened);
    }
    static FloatReg load(const void* p) { return widen(read_as<HalfReg>(p)); }
    static FloatReg load_part(const void* p, int64_t count) { return widen(load_part_16(p, count)); }
    static float element(const void* p) { return load_part(p, 1)[0]; }
};

struct BFloat16 {
    using Storage = uint16_t;
    static FloatReg widen(HalfReg halves) {
        const WordReg bits = __builtin_convertvector(halves, WordReg) << 16;
        return read_as<FloatReg>(&bits);
    }
    static FloatReg load(const void* p) { return widen(read_as<HalfReg>(p)); }
    static FloatReg load_part(const void* p, int64_t count) { return widen(load_part_16(p, count)); }
    static float element(const void* p) { return load_part(p, 1)[0]; }
};

// Bit i: whether -limit <= values[i] <= limit, which NaN is not.
inline int within4(const float* values, float limit) {
    int within = 0;
    for (int i = 0; i < 4; ++i) within |= (values[i] >= -limit && values[i] <= limit) << i;
    return within;
}

// products[i] / sqrt(squares[i]) / norm, clamped to [-1, 1], in place of the products. Bit i of the result: whether
// the product is within +-limit and the square sum between `square_min` and `limit`.
inline int cosine4(float* products, const float* squares, float norm, float square_min, float limit) {
    int within = within4(products, limit);
    for (int i = 0; i < 4; ++i) {
        if (!(squares[i] >= square_min && squares[i] <= limit)) within &= ~(1 << i);
        const float cosine = products[i] / __builtin_sqrtf(squares[i]) / norm;
        products[i] = cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
    }
    return within;
}

}  // namespace
}  // namespace elanus
