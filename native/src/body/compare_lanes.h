// The words of `body/compare.h` in the `Lanes<T>` of a `simd/compare_*.h` that was included before.

#pragma once

#include <stdint.h>

namespace elanus {
namespace {

template <class T>
inline uint64_t between_word(const T* values, T low, T high) {
    using L = Lanes<T>;
    const auto low_reg = L::broadcast(low);
    const auto high_reg = L::broadcast(high);
    uint64_t word = 0;
#pragma GCC unroll 16
    for (int i = 0; i < 64; i += L::kCount) {
        word |= L::between(L::load(values + i), low_reg, high_reg) << i;
    }
    return word;
}

template <class T>
inline uint64_t in_list_word(const T* values, const T* list, int64_t list_size) {
    using L = Lanes<T>;
    uint64_t word = 0;
#pragma GCC unroll 16
    for (int i = 0; i < 64; i += L::kCount) {
        const auto x = L::load(values + i);
        uint64_t mask = 0;
        for (int64_t j = 0; j < list_size; ++j) mask |= L::equal(x, L::broadcast(list[j]));
        word |= mask << i;
    }
    return word;
}

}  // namespace
}  // namespace elanus
