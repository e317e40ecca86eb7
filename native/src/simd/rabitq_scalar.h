// Eight codes in a register, in the compiler's portable vectors: any CPU.

#pragma once

#include <stdint.h>

#include "simd/partial.h"

namespace elanus {
namespace {

typedef uint8_t CodeReg __attribute__((vector_size(8)));
using CodeSum = int32_t;
typedef int8_t SignedReg __attribute__((vector_size(8)));
constexpr int64_t kCodeLanes = 8;

inline CodeSum zero_sum() { return 0; }

// Segments are whole registers, so `count` is 8.
inline CodeReg load_codes(const void* p, int64_t /*count*/) { return read_as<CodeReg>(p); }
inline SignedReg load_signed(const void* p, int64_t /*count*/) { return read_as<SignedReg>(p); }

template <int Count>
inline CodeReg shift_right(CodeReg x) {
    return x >> Count;
}
template <int Count>
inline CodeReg shift_left(CodeReg x) {
    return x << Count;
}
inline CodeReg either(CodeReg a, CodeReg b) { return a | b; }
template <int Mask>
inline CodeReg masked(CodeReg x) {
    return x & static_cast<uint8_t>(Mask);
}

inline CodeSum add_products(CodeSum sum, CodeReg codes, SignedReg query) {
    for (int i = 0; i < kCodeLanes; ++i) sum += codes[i] * query[i];
    return sum;
}

inline int32_t total(CodeSum sum) { return sum; }

}  // namespace
}  // namespace elanus
