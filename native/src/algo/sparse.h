// Inner products of sparse rows with one sparse query.

#pragma once

#include <cstdint>

#include "algo/collector.h"
#include "elanus/kernels.h"

namespace elanus {

// Row i is elements offsets[i] to offsets[i + 1] (exclusive) of `indices`, ascending, and `values`.
struct SparseVectors {
    const int32_t* offsets;
    int64_t row_count;
    const uint32_t* indices;
    const float* values;
    int64_t element_count;
};

struct SparseQuery {
    const uint32_t* indices;  // each one once
    const float* values;
    int64_t count;
};

// Offers the allowed rows that share an index with the query. Products are added in double in the order of the row's
// elements and rounded once. Returns the first row whose offsets descend or leave the elements, or -1.
int64_t scan_sparse(const KernelTable& table, const SparseQuery& query, const SparseVectors& base,
                    const uint64_t* allow, Collector& collector);

}  // namespace elanus
