// Four floats in a register, in the compiler's portable vectors: any CPU.

#pragma once

#include <stdint.h>

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

template <class T>
inline T read(const void* p) {
    T value;
    __builtin_memcpy(&value, p, sizeof value);
    return value;
}

struct Float32 {
    using Storage = float;
    static FloatReg load(const void* p) { return read<FloatReg>(p); }
    static float element(const void* p) { return read<float>(p); }
    // The first `count` elements (1 to 3), then zeros.
    static FloatReg load_part(const void* p, int64_t count, bool /*has_before*/) {
        FloatReg reg = zero_f32();
        for (int64_t i = 0; i < count; ++i) reg[i] = element(static_cast<const float*>(p) + i);
        return reg;
    }
};

struct Float16 {
    using Storage = uint16_t;
    // Subnormals come out right because the product with a power of two is exact.
    static float element(const void* p) {
        const uint32_t half = read<uint16_t>(p);
        const uint32_t sign = (half & 0x8000u) << 16;
        const uint32_t magnitude = half & 0x7fffu;
        const uint32_t widened = (magnitude << 13) | (magnitude >= 0x7c00u ? 0x7f800000u : 0u);
        const float scale = magnitude >= 0x7c00u ? 1.0f : 0x1p112f;
        const float value = read<float>(&widened) * scale;
        const uint32_t bits = read<uint32_t>(&value) | sign;
        return read<float>(&bits);
    }
    static FloatReg load(const void* p) { return load_part(p, kFloatLanes, false); }
    static FloatReg load_part(const void* p, int64_t count, bool /*has_before*/) {
        FloatReg reg = zero_f32();
        for (int64_t i = 0; i < count; ++i) reg[i] = element(static_cast<const uint16_t*>(p) + i);
        return reg;
    }
};

struct BFloat16 {
    using Storage = uint16_t;
    static float element(const void* p) {
        const uint32_t bits = static_cast<uint32_t>(read<uint16_t>(p)) << 16;
        return read<float>(&bits);
    }
    static FloatReg load(const void* p) { return load_part(p, kFloatLanes, false); }
    static FloatReg load_part(const void* p, int64_t count, bool /*has_before*/) {
        FloatReg reg = zero_f32();
        for (int64_t i = 0; i < count; ++i) reg[i] = element(static_cast<const uint16_t*>(p) + i);
        return reg;
    }
};

}  // namespace
}  // namespace elanus
