// Byte search and Arrow offsets, in the `between_word` and `in_list_word` that were defined before.

#pragma once

#include <string.h>

#include "elanus/kernels.h"

namespace elanus {
namespace {

constexpr int64_t kOffsetBlock = 64;

// Sixty-four positions at a time: those where the needle's first and last byte stand are compared in full.
// Mula, "SIMD-friendly algorithms for substring searching".
int64_t find(const uint8_t* data, int64_t size, const uint8_t* needle, int64_t needle_size) {
    const auto* bytes = reinterpret_cast<const int8_t*>(data);
    const auto first = static_cast<int8_t>(needle[0]);
    const auto last = static_cast<int8_t>(needle[needle_size - 1]);
    const int64_t end = size - needle_size + 1;
    int64_t i = 0;
    for (; i + 64 <= end; i += 64) {
        uint64_t candidates = in_list_word(bytes + i, &first, 1) & in_list_word(bytes + i + needle_size - 1, &last, 1);
        for (; candidates != 0; candidates &= candidates - 1) {
            const int64_t position = i + __builtin_ctzll(candidates);
            if (memcmp(data + position, needle, static_cast<size_t>(needle_size)) == 0) return position;
        }
    }
    for (; i < end; ++i) {
        if (data[i] == needle[0] && memcmp(data + i, needle, static_cast<size_t>(needle_size)) == 0) return i;
    }
    return -1;
}

int64_t first_descent(const int32_t* offsets, int64_t count) {
    int64_t start = 0;
    for (; start + kOffsetBlock <= count; start += kOffsetBlock) {
        int32_t descents = 0;
        for (int64_t i = start; i < start + kOffsetBlock; ++i) descents |= offsets[i] > offsets[i + 1];
        if (descents != 0) break;
    }
    for (int64_t i = start; i < count; ++i) {
        if (offsets[i] > offsets[i + 1]) return i;
    }
    return -1;
}

void length_equals(const int32_t* offsets, int64_t count, int32_t length, uint64_t* words) {
    for (int64_t start = 0; start < count; start += kOffsetBlock) {
        const int64_t left = count - start < kOffsetBlock ? count - start : kOffsetBlock;
        int32_t lengths[kOffsetBlock] = {};
        for (int64_t i = 0; i < left; ++i) lengths[i] = offsets[start + i + 1] - offsets[start + i];
        const uint64_t word = in_list_word(lengths, &length, 1);
        *words++ = left == kOffsetBlock ? word : word & ((uint64_t{1} << left) - 1);
    }
}

}  // namespace
}  // namespace elanus
