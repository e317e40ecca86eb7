// The Walsh-Hadamard transform. Only sums and differences in one fixed order: bit-equal whatever the registers.

#pragma once

#include <stdint.h>

namespace elanus {
namespace {

// Stages 4, 2 and 1 of eight neighbours at once, which would be too short for loops over registers.
inline void hadamard_eight(float* v) {
    float a[8], b[8];
    for (int i = 0; i < 4; ++i) {
        a[i] = v[i] + v[i + 4];
        a[i + 4] = v[i] - v[i + 4];
    }
    for (int i = 0; i < 8; i += 4) {
        b[i] = a[i] + a[i + 2];
        b[i + 1] = a[i + 1] + a[i + 3];
        b[i + 2] = a[i] - a[i + 2];
        b[i + 3] = a[i + 1] - a[i + 3];
    }
    for (int i = 0; i < 8; i += 2) {
        v[i] = b[i] + b[i + 1];
        v[i + 1] = b[i] - b[i + 1];
    }
}

void hadamard(float* values, int64_t size) {
    int64_t half = size / 2;
    for (; half >= 8; half /= 2) {
        for (int64_t start = 0; start < size; start += 2 * half) {
            float* __restrict low = values + start;
            float* __restrict high = values + start + half;
            for (int64_t i = 0; i < half; ++i) {
                const float a = low[i], b = high[i];
                low[i] = a + b;
                high[i] = a - b;
            }
        }
    }
    if (half == 4) {
        for (int64_t start = 0; start < size; start += 8) hadamard_eight(values + start);
        return;
    }
    for (; half >= 1; half /= 2) {
        for (int64_t i = 0; i < size; ++i) {
            if ((i & half) != 0) continue;
            const float a = values[i], b = values[i + half];
            values[i] = a + b;
            values[i + half] = a - b;
        }
    }
}

}  // namespace
}  // namespace elanus
