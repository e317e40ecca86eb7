// An exact scan: dense vectors block by block through a score kernel into collectors.

#pragma once

#include <cstdint>

#include "algo/collector.h"
#include "elanus/kernels.h"

namespace elanus {

struct Vectors {
    ElementType type;
    const void* data;  // row_count rows of `width` elements, C order
    int64_t row_count;
    int64_t width;  // elements; bytes for bits

    int64_t row_bytes() const;
};

struct ScanInput {
    const KernelTable* table;
    Metric metric;
    const void* queries;  // as `ScoreTask` wants them
    int64_t query_count;
    Vectors base;
    const uint64_t* allow;  // ceil(row_count / 64) words, or null for every row
};

// Whether a metric is defined for vectors of a type.
bool is_supported(ElementType type, Metric metric);

constexpr bool is_larger_nearer(Metric metric) { return metric == Metric::ip || metric == Metric::cosine; }

// The kernel of a supported type and metric.
ScoreFunction find_score(const KernelTable& table, ElementType type, Metric metric);

// How many of rows 0 to `row_count` are in the set.
int64_t count_allowed(const KernelTable& table, const uint64_t* allow, int64_t row_count);

// Offers every allowed row's score with query q to `collectors[q]`, rows ascending.
void scan(const ScanInput& input, Collector* const* collectors);

// Scores of one query with the rows listed, in their order. Returns the place of the first row that is not below
// `base.row_count`, or -1 if there is none.
int64_t score_rows(const ScanInput& input, const int64_t* rows, int64_t count, float* scores);

}  // namespace elanus
