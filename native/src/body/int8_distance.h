// L2, IP and COSINE over int8, exact. The level defines, before including this:
//
//   constexpr int64_t kProductBias;  every product came out as (x + kProductBias) * q
//   template <int Queries, bool WithSquares, bool Listed>
//   void int8_sums(const int8_t* const* query, const RowGroup& rows, int64_t start, int64_t count,
//                  int32_t (*products)[kGroupRows], int32_t* squares);
//
// for elements start to start + count, at most kInt8ChunkElements of them.

#pragma once

#include "body/rows.h"

namespace elanus {
namespace {

// What of the sums a metric needs. L2 is |q|^2 + |x|^2 - 2 q x, exact in integers.
template <Metric metric>
struct Int8Tile {
    static constexpr int64_t kElementBytes = 1;
    static constexpr int kQueries = 4;
    static constexpr bool kWithSquares = metric != Metric::ip;

    template <int Queries, bool Listed>
    static inline void group(const ScoreTask& task, int64_t first_query, const RowGroup& rows, float* scores) {
        const int8_t* query[Queries];
        for (int q = 0; q < Queries; ++q) {
            query[q] = static_cast<const int8_t*>(task.queries) + (first_query + q) * task.width;
        }
        int64_t products[Queries][kGroupRows] = {};
        int64_t squares[kGroupRows] = {};
        for (int64_t start = 0; start < task.width; start += kInt8ChunkElements) {
            const int64_t left = task.width - start;
            int32_t chunk_products[Queries][kGroupRows];
            int32_t chunk_squares[kGroupRows] = {};
            int8_sums<Queries, kWithSquares, Listed>(query, rows, start,
                                                     left < kInt8ChunkElements ? left : kInt8ChunkElements,
                                                     chunk_products, chunk_squares);
            for (int j = 0; j < kGroupRows; ++j) {
                squares[j] += chunk_squares[j];
                for (int q = 0; q < Queries; ++q) products[q][j] += chunk_products[q][j];
            }
        }
        for (int q = 0; q < Queries; ++q) {
            const QueryFacts& facts = task.facts[first_query + q];
            for (int j = 0; j < rows.count; ++j) {
                const int64_t product = products[q][j] - kProductBias * facts.element_sum;
                scores[q * task.scores_stride + j] = finish(product, squares[j], facts.square_sum);
            }
        }
    }

    static inline float finish(int64_t product, int64_t row_squares, int64_t query_squares) {
        if constexpr (metric == Metric::ip) return static_cast<float>(product);
        if constexpr (metric == Metric::l2) return static_cast<float>(query_squares + row_squares - 2 * product);
        if (row_squares == 0 || query_squares == 0) return 0;
        const double norms = __builtin_sqrt(static_cast<double>(query_squares) * static_cast<double>(row_squares));
        return static_cast<float>(static_cast<double>(product) / norms);
    }
};

}  // namespace
}  // namespace elanus
