// The Walsh-Hadamard transform. Only sums and differences in one fixed order: bit-equal whatever the registers.

#pragma once

#include <stdint.h>
#include <string.h>

namespace elanus {
namespace {

constexpr int kLanes = 16;

// Becomes as many registers as the level needs for it.
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

inline void load(Lanes& lanes, const float* values) { memcpy(&lanes, values, sizeof(lanes)); }
inline void store(const Lanes& lanes, float* values) { memcpy(values, &lanes, sizeof(lanes)); }

template <int... Place>
struct Places {};

constexpr Places<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15> kPlaces;

// Sums of lanes and those `Distance` on in the lower places, differences in the upper ones.
template <int Distance, int... Place>
inline void cross(Lanes& lanes, Places<Place...>) {
    const Lanes partners = __builtin_shufflevector(lanes, lanes, (Place ^ Distance)...);
    const Lanes sums = lanes + partners, differences = partners - lanes;
    lanes = __builtin_shufflevector(sums, differences, ((Place & Distance) != 0 ? Place + kLanes : Place)...);
}

// The last stages, of 32 neighbours.
inline void hadamard_last(float* values) {
    Lanes a, b;
    load(a, values);
    load(b, values + kLanes);
    Lanes low = a + b, high = a - b;
    cross<8>(low, kPlaces);
    cross<8>(high, kPlaces);
    cross<4>(low, kPlaces);
    cross<4>(high, kPlaces);
    cross<2>(low, kPlaces);
    cross<2>(high, kPlaces);
    cross<1>(low, kPlaces);
    cross<1>(high, kPlaces);
    store(low, values);
    store(high, values + kLanes);
}

// The stages of `half` and of half of that, a quarter of a block at a time.
inline void hadamard_two(float* values, int64_t half) {
    const int64_t quarter = half / 2;
    for (int64_t i = 0; i < quarter; i += kLanes) {
        float* v = values + i;
        Lanes x0, x1, x2, x3;
        load(x0, v);
        load(x1, v + quarter);
        load(x2, v + half);
        load(x3, v + half + quarter);
        const Lanes a0 = x0 + x2, a1 = x1 + x3, a2 = x0 - x2, a3 = x1 - x3;
        store(a0 + a1, v);
        store(a0 - a1, v + quarter);
        store(a2 + a3, v + half);
        store(a2 - a3, v + half + quarter);
    }
}

inline void hadamard_one(float* values, int64_t half) {
    for (int64_t i = 0; i < half; ++i) {
        const float a = values[i], b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
    }
}

// Of the values times their signs.
void hadamard(float* __restrict values, const float* __restrict signs, int64_t size) {
    for (int64_t i = 0; i < size; ++i) values[i] *= signs[i];
    int64_t half = size / 2;
    for (; half >= 4 * kLanes; half /= 4) {
        for (int64_t start = 0; start < size; start += 2 * half) hadamard_two(values + start, half);
    }
    const int64_t last = size < 2 * kLanes ? 0 : kLanes;
    for (; half > last; half /= 2) {
        for (int64_t start = 0; start < size; start += 2 * half) hadamard_one(values + start, half);
    }
    if (last == 0) return;
    for (int64_t start = 0; start < size; start += 2 * kLanes) hadamard_last(values + start);
}

}  // namespace
}  // namespace elanus
