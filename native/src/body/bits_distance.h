// HAMMING and JACCARD over packed bits. The level defines, before including this:
//
//   struct BitCounts { int64_t first[kGroupRows], second[kGroupRows]; };
//   template <Metric metric, bool Listed>
//   BitCounts count_bits(const uint8_t* query, const RowGroup& rows, int64_t width);
//
// `first` counts the bits of q ^ x (HAMMING) or q & x (JACCARD), `second` those of q | x (JACCARD only).

#pragma once

#include "body/rows.h"

namespace elanus {
namespace {

template <Metric metric>
struct BitsTile {
    static constexpr int64_t kElementBytes = 1;
    static constexpr int kQueries = 1;

    template <int Queries, bool Listed>
    static inline void group(const ScoreTask& task, int64_t query, const RowGroup& rows, float* scores) {
        const auto* bits = static_cast<const uint8_t*>(task.queries) + query * task.width;
        const BitCounts counts = count_bits<metric, Listed>(bits, rows, task.width);
        for (int j = 0; j < rows.count; ++j) {
            if constexpr (metric == Metric::hamming) {
                scores[j] = static_cast<float>(counts.first[j]);
            } else {
                const auto both = static_cast<double>(counts.first[j]);
                const auto either = static_cast<double>(counts.second[j]);
                scores[j] = either == 0 ? 0 : static_cast<float>((either - both) / either);
            }
        }
    }
};

}  // namespace
}  // namespace elanus
