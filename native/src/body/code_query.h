// A query of few-bit codes: the mixing step of its rotation, and its elements as signed bytes.

#pragma once

#include "elanus/kernels.h"

namespace elanus {
namespace {

constexpr int64_t kQueryLanes = 16;

// Each element of the first half with the one in the same place of the second.
void kac_step(float* values, int64_t width) {
    float* __restrict low = values;
    float* __restrict high = values + width / 2;
    constexpr float kHalfRoot = 0.70710678118654752440F;
    for (int64_t i = 0; i < width / 2; ++i) {
        const float a = low[i], b = high[i];
        low[i] = (a + b) * kHalfRoot;
        high[i] = (a - b) * kHalfRoot;
    }
}

float largest_size(const float* values, int64_t width) {
    float sizes[kQueryLanes] = {};
    for (int64_t i = 0; i < width; i += kQueryLanes) {
        for (int64_t j = 0; j < kQueryLanes; ++j) {
            const float size = __builtin_fabsf(values[i + j]);
            sizes[j] = size > sizes[j] ? size : sizes[j];
        }
    }
    float largest = 0;
    for (const float size : sizes) largest = size > largest ? size : largest;
    return largest;
}

void quantise(CodeQueryTask* task) {
    // Ranges narrower than this are none: their inverse could overflow.
    constexpr float kRangeMin = 0x1p-100F;
    // Rounds halves to even where the sum is between 2^23 and 2^24.
    constexpr float kRounding = 0x1p23F;
    const float largest = largest_size(task->values, task->width);
    const float inverse = largest > kRangeMin ? 127 / largest : 0;
    float squares[kQueryLanes] = {};
    int32_t sums[kQueryLanes] = {};
    for (int64_t i = 0; i < task->width; i += kQueryLanes) {
        for (int64_t j = 0; j < kQueryLanes; ++j) {
            const float value = task->values[i + j];
            squares[j] += value * value;
            const float rounded = (value * inverse + 128 + kRounding) - kRounding;
            const int32_t element = static_cast<int32_t>(rounded) - 128;
            task->elements[i + j] = static_cast<int8_t>(element);
            sums[j] += element;
        }
    }
    task->scale = largest / 127;
    task->square_sum = 0;
    task->element_sum = 0;
    for (int64_t j = 0; j < kQueryLanes; ++j) {
        task->square_sum += squares[j];
        task->element_sum += sums[j];
    }
}

}  // namespace
}  // namespace elanus
