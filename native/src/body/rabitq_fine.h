// Products of a query with RaBitQ's finer codes, in the primitives of a `simd/rabitq_*.h` that was included before.

#pragma once

#include "elanus/kernels.h"

namespace elanus {
namespace {

// Rows asked for ahead of the one being read.
constexpr int64_t kFineAhead = 6;

inline void prefetch_fine_row(const uint8_t* row, int64_t bytes) {
    for (int64_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(row + offset, 0, 2);
}

// The code of part `Part` from the `Bits` bytes at each position.
template <int Bits, int Part>
inline CodeReg unpacked(const CodeReg* bytes) {
    constexpr int kByte = Bits * Part / 8;
    constexpr int kShift = Bits * Part % 8;
    CodeReg code = bytes[kByte];
    if constexpr (kShift != 0) code = shift_right<kShift>(code);
    if constexpr (kShift + Bits > 8) code = either(code, shift_left<8 - kShift>(bytes[kByte + 1]));
    return masked<(1 << Bits) - 1>(code);
}

template <int Bits, int Part>
inline CodeSum add_parts(CodeSum sum, const CodeReg* bytes, const int8_t* query, int64_t segment, int64_t count) {
    sum = add_products(sum, unpacked<Bits, Part>(bytes), load_signed(query + Part * segment, count));
    if constexpr (Part < 7) {
        return add_parts<Bits, Part + 1>(sum, bytes, query, segment, count);
    } else {
        return sum;
    }
}

template <int Bits>
inline CodeSum add_position(CodeSum sum, const uint8_t* row, const int8_t* query, int64_t segment, int64_t count) {
    CodeReg bytes[Bits];
#pragma GCC unroll 8
    for (int k = 0; k < Bits; ++k) bytes[k] = load_codes(row + k * segment, count);
    return add_parts<Bits, 0>(sum, bytes, query, segment, count);
}

template <int Bits>
void fine_products(const RabitqFineTask* task) {
    const int64_t row_bytes = Bits * task->segment;
    for (int64_t i = 0; i < kFineAhead && i < task->count; ++i) {
        prefetch_fine_row(task->codes + task->places[i] * row_bytes, row_bytes);
    }
    for (int64_t i = 0; i < task->count; ++i) {
        if (i + kFineAhead < task->count) {
            prefetch_fine_row(task->codes + task->places[i + kFineAhead] * row_bytes, row_bytes);
        }
        const uint8_t* row = task->codes + task->places[i] * row_bytes;
        CodeSum sum = zero_sum();
        int64_t position = 0;
        for (; position + kCodeLanes <= task->segment; position += kCodeLanes) {
            sum = add_position<Bits>(sum, row + position, task->query + position, task->segment, kCodeLanes);
        }
        if (position < task->segment) {
            const int64_t left = task->segment - position;
            sum = add_position<Bits>(sum, row + position, task->query + position, task->segment, left);
        }
        task->products[i] = total(sum);
    }
}

}  // namespace
}  // namespace elanus
