// Rows of codes against a query of bytes, written in the primitives of a level.

#pragma once

#include "elanus/kernels.h"

namespace elanus {
namespace {

constexpr int64_t kBlockDims = 128;
constexpr int64_t kCacheLineBytes = 64;
constexpr int64_t kPrefetchBytes = 6 * 1024;

inline const uint8_t* code_row(const CodeTask& task, int64_t i) {
    return task.codes + static_cast<int64_t>(task.rows[i]) * task.stride;
}

// Into the second-level cache: more of its lines can be under way than of the first level's.
inline void prefetch_row(const CodeTask& task, int64_t i) {
    const uint8_t* row = code_row(task, i);
    for (int64_t offset = 0; offset < task.stride; offset += kCacheLineBytes) __builtin_prefetch(row + offset, 0, 2);
}

inline int32_t product_4bit(const uint8_t* row, const int8_t* query, int64_t width) {
    CodeSum low = zero_codes(), high = zero_codes();
    for (int64_t block = 0; block < width; block += kBlockDims, row += kBlockDims / 2, query += kBlockDims) {
        for (int64_t i = 0; i < kBlockDims / 2; i += kCodeLanes) {
            const CodeReg both = load_codes(row + i);
            low = add_products(low, low_halves(both), load_codes(query + i));
            high = add_products(high, high_halves(both), load_codes(query + kBlockDims / 2 + i));
        }
    }
    return total(low, high);
}

inline int32_t product_7bit(const uint8_t* row, const int8_t* query, int64_t width) {
    CodeSum even = zero_codes(), odd = zero_codes();
    for (int64_t i = 0; i < width; i += 2 * kCodeLanes) {
        even = add_products(even, load_codes(row + i), load_codes(query + i));
        odd = add_products(odd, load_codes(row + i + kCodeLanes), load_codes(query + i + kCodeLanes));
    }
    return total(even, odd);
}

using RowProduct = int32_t (*)(const uint8_t*, const int8_t*, int64_t);

template <RowProduct Product>
void code_products(const CodeTask* task) {
    int64_t ahead = kPrefetchBytes / task->stride;
    ahead = ahead < 2 ? 2 : ahead;
    for (int64_t i = 0; i < ahead && i < task->count; ++i) prefetch_row(*task, i);
    for (int64_t i = 0; i < task->count; ++i) {
        if (i + ahead < task->count) prefetch_row(*task, i + ahead);
        task->products[i] = Product(code_row(*task, i), task->query, task->width);
    }
}

}  // namespace
}  // namespace elanus
