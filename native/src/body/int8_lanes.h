// The sums of `body/int8_distance.h` in the primitives of a `simd/int8_*.h` that was included before.

#pragma once

#include "body/rows.h"

namespace elanus {
namespace {

// 2^16 products of at most 255 * 128 stay below 2^31 even when all lanes are added up in one int32.
constexpr int64_t kInt8ChunkElements = 1 << 16;

template <int Queries, bool WithSquares, bool Listed>
inline void int8_sums(const int8_t* const* query, const RowGroup& rows, int64_t start, int64_t count,
                      int32_t (*products)[kGroupRows], int32_t* squares) {
    IntReg product[Queries][kGroupRows];
    IntReg square[kGroupRows];
    for (int j = 0; j < kGroupRows; ++j) {
        IntReg sums[Queries];
        Int8Squares own = zero_squares();
#pragma GCC unroll 8
        for (int q = 0; q < Queries; ++q) sums[q] = zero_i32();
        if (j < rows.count) {
            const uint8_t* row = rows.row[j] + start;
            int64_t i = 0;
            for (; i + kInt8Lanes <= count; i += kInt8Lanes) {
                if constexpr (Listed) {
                    if (i % kCacheLineBytes == 0) prefetch_line(rows.ahead[j] + start + i);
                }
                const Int8Row x = load_row_i8(row + i);
                if constexpr (WithSquares) own = add_squares(own, x);
#pragma GCC unroll 8
                for (int q = 0; q < Queries; ++q) {
                    sums[q] = add_products(sums[q], x, load_query_i8(query[q] + start + i));
                }
            }
            if (i < count) {
                const int64_t left = count - i;
                if constexpr (Listed) prefetch_bytes(rows.ahead[j] + start + i, left);
                const Int8Row x = load_row_part_i8(row + i, left);
                if constexpr (WithSquares) own = add_squares(own, x);
#pragma GCC unroll 8
                for (int q = 0; q < Queries; ++q) {
                    sums[q] = add_products(sums[q], x, load_query_part_i8(query[q] + start + i, left));
                }
            }
        }
#pragma GCC unroll 8
        for (int q = 0; q < Queries; ++q) product[q][j] = sums[q];
        if constexpr (WithSquares) square[j] = fold_squares(own);
    }
    for (int q = 0; q < Queries; ++q) sum4_i32(product[q], products[q]);
    if constexpr (WithSquares) sum4_i32(square, squares);
}

}  // namespace
}  // namespace elanus
