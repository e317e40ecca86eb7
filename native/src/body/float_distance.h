// L2, IP and COSINE over float types, written in the primitives of a `simd/float_*.h` that was included before.

#pragma once

#include "body/rows.h"

namespace elanus {
namespace {

// Below this a float32 square sum has lost bits to underflow, and COSINE is computed again in double.
constexpr float kSquareSumMin = 1e-30f;
constexpr float kFloatMax = 3.402823466e38f;

template <Metric metric>
inline FloatReg accumulate(FloatReg sum, FloatReg x, FloatReg q) {
    if constexpr (metric == Metric::l2) {
        const FloatReg difference = sub_f32(x, q);
        return fma_f32(difference, difference, sum);
    } else {
        return fma_f32(x, q, sum);
    }
}

template <int Count>
inline FloatReg fold(const FloatReg* sums) {
    if constexpr (Count == 1) {
        return sums[0];
    } else {
        return add_f32(fold<Count / 2>(sums), fold<Count / 2>(sums + Count / 2));
    }
}

// One row's products with `Queries` queries, lanes not yet added, and for COSINE its own squares.
template <class Type, Metric metric, int Queries, bool Listed>
inline void row_sums(const float* const* query, const uint8_t* row, const uint8_t* ahead, int64_t width,
                     FloatReg* products, FloatReg* squares) {
    constexpr int64_t kStep = kAccumulators * kFloatLanes;
    constexpr auto kElementBytes = static_cast<int64_t>(sizeof(typename Type::Storage));
    FloatReg product[Queries][kAccumulators];
    FloatReg square[kAccumulators];
#pragma GCC unroll 8
    for (int a = 0; a < kAccumulators; ++a) {
        square[a] = zero_f32();
#pragma GCC unroll 8
        for (int q = 0; q < Queries; ++q) product[q][a] = zero_f32();
    }
    const auto take = [&](FloatReg x, int64_t i, int a, auto&& load_query) __attribute__((always_inline)) {
        if constexpr (metric == Metric::cosine) square[a] = fma_f32(x, x, square[a]);
#pragma GCC unroll 8
        for (int q = 0; q < Queries; ++q) {
            product[q][a] = accumulate<metric>(product[q][a], x, load_query(query[q] + i));
        }
    };
    const auto whole = [](const float* p) __attribute__((always_inline)) { return Float32::load(p); };
    int64_t i = 0;
    for (; i + kStep <= width; i += kStep) {
        if constexpr (Listed) {
#pragma GCC unroll 8
            for (int64_t line = 0; line < kStep * kElementBytes; line += kCacheLineBytes) {
                prefetch_line(ahead + i * kElementBytes + line);
            }
        }
#pragma GCC unroll 8
        for (int a = 0; a < kAccumulators; ++a) {
            take(Type::load(row + (i + a * kFloatLanes) * kElementBytes), i + a * kFloatLanes, a, whole);
        }
    }
    if constexpr (Listed) prefetch_bytes(ahead + i * kElementBytes, (width - i) * kElementBytes);
#pragma GCC unroll 8
    for (int a = 0; a < kAccumulators; ++a, i += kFloatLanes) {
        const int64_t left = width - i;
        if (left <= 0) break;
        if (left >= kFloatLanes) {
            take(Type::load(row + i * kElementBytes), i, a, whole);
        } else {
            const auto part = [left](const float* p)
                                  __attribute__((always_inline)) { return Float32::load_part(p, left); };
            take(Type::load_part(row + i * kElementBytes, left), i, a, part);
        }
    }
#pragma GCC unroll 8
    for (int q = 0; q < Queries; ++q) products[q] = fold<kAccumulators>(product[q]);
    if constexpr (metric == Metric::cosine) *squares = fold<kAccumulators>(square);
}

// IP or COSINE of one row in double, for rows that float32 cannot carry.
template <class Type, Metric metric>
__attribute__((noinline)) float exact_score(const float* query, const uint8_t* row, int64_t width) {
    double product = 0, row_squares = 0, query_squares = 0;
    for (int64_t i = 0; i < width; ++i) {
        const double x = Type::element(row + i * static_cast<int64_t>(sizeof(typename Type::Storage)));
        const double q = Float32::element(query + i);
        product += x * q;
        row_squares += x * x;
        query_squares += q * q;
    }
    if constexpr (metric == Metric::ip) return static_cast<float>(product);
    if (row_squares == 0 || query_squares == 0) return 0;
    const double cosine = product / (__builtin_sqrt(row_squares) * __builtin_sqrt(query_squares));
    return static_cast<float>(cosine > 1 ? 1 : cosine < -1 ? -1 : cosine);
}

template <class Type, Metric metric>
struct FloatTile {
    static constexpr int64_t kElementBytes = sizeof(typename Type::Storage);
    static constexpr int kQueries = kTileQueries;

    template <int Queries, bool Listed>
    static inline void group(const ScoreTask& task, int64_t first_query, const RowGroup& rows, float* scores) {
        const float* query[Queries];
        for (int q = 0; q < Queries; ++q) {
            query[q] = static_cast<const float*>(task.queries) + (first_query + q) * task.width;
        }
        FloatReg products[Queries][kGroupRows];
        FloatReg squares[kGroupRows];
        for (int j = 0; j < kGroupRows; ++j) {
            FloatReg sums[Queries];
            squares[j] = zero_f32();
            if (j < rows.count) {
                const uint8_t* ahead = Listed ? rows.ahead[j] : nullptr;
                row_sums<Type, metric, Queries, Listed>(query, rows.row[j], ahead, task.width, sums, &squares[j]);
            } else {
                for (int q = 0; q < Queries; ++q) sums[q] = zero_f32();
            }
            for (int q = 0; q < Queries; ++q) products[q][j] = sums[q];
        }
        float row_squares[kGroupRows];
        if constexpr (metric == Metric::cosine) sum4_f32(squares, row_squares);
        for (int q = 0; q < Queries; ++q) {
            float sums[kGroupRows];
            sum4_f32(products[q], sums);
            finish(query[q], task.facts[first_query + q], rows, task.width, sums, row_squares);
            float* out = scores + q * task.scores_stride;
            if (rows.count == kGroupRows) {
                __builtin_memcpy(out, sums, sizeof sums);
            } else {
                for (int j = 0; j < rows.count; ++j) out[j] = sums[j];
            }
        }
    }

    // From sums to scores, in place. A row's score must not depend on its neighbours, so each is judged by itself.
    static inline void finish(const float* query, const QueryFacts& facts, const RowGroup& rows, int64_t width,
                              float* sums, const float* row_squares) {
        if constexpr (metric == Metric::l2) return;
        constexpr int kAll = (1 << kGroupRows) - 1;
        int carried = 0;
        if constexpr (metric == Metric::ip) {
            carried = within4(sums, kFloatMax);
        } else if (facts.norm > 0) {
            carried = cosine4(sums, row_squares, facts.norm, kSquareSumMin, kFloatMax);
        }
        if (__builtin_expect(carried == kAll, 1)) return;
        for (int j = 0; j < rows.count; ++j) {
            if ((carried >> j & 1) == 0) sums[j] = exact_score<Type, metric>(query, rows.row[j], width);
        }
    }
};

}  // namespace
}  // namespace elanus
