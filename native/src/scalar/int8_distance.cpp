#include "body/rows.h"

namespace elanus {
namespace {

constexpr int64_t kInt8ChunkElements = 1 << 16;
constexpr int64_t kProductBias = 0;

inline int32_t product_sum(const int8_t* a, const int8_t* b, int64_t count) {
    int32_t sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += static_cast<int32_t>(a[i]) * b[i];
    return sum;
}

template <int Queries, bool WithSquares, bool Listed>
inline void int8_sums(const int8_t* const* query, const RowGroup& rows, int64_t start, int64_t count,
                      int32_t (*products)[kGroupRows], int32_t* squares) {
    for (int j = 0; j < kGroupRows; ++j) {
        if (j >= rows.count) {
            for (int q = 0; q < Queries; ++q) products[q][j] = 0;
            continue;
        }
        if constexpr (Listed) prefetch_bytes(rows.ahead[j] + start, count);
        const auto* row = reinterpret_cast<const int8_t*>(rows.row[j]) + start;
        if constexpr (WithSquares) squares[j] = product_sum(row, row, count);
        for (int q = 0; q < Queries; ++q) products[q][j] = product_sum(row, query[q] + start, count);
    }
}

}  // namespace
}  // namespace elanus

#include "body/int8_distance.h"

namespace elanus {

extern const Int8DistanceKernels scalar_int8_distance = {
    score<Int8Tile<Metric::l2>>,
    score<Int8Tile<Metric::ip>>,
    score<Int8Tile<Metric::cosine>>,
};

}  // namespace elanus
