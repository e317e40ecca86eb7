// Dense queries and the base they are scored with, as arguments.

#pragma once

#include <string_view>

#include "algo/scan.h"
#include "arrays.h"

namespace elanus {

// Raises ValueError for a name that is no metric.
Metric parse_metric(std::string_view name);

// Queries and base of a scan: dtypes, shapes and metric fit each other once it is constructed.
class DenseArguments {
public:
    // Raises TypeError for wrong dtypes, ValueError for shapes or a metric that do not fit.
    DenseArguments(const char* metric, nb::handle queries, int query_dimensions, nb::handle base);

    // The scan of queries `first` to `first + count` (exclusive) over the allowed rows.
    ScanInput input(const uint64_t* allow, int64_t first, int64_t count) const {
        ScanInput part = input_;
        const int64_t query_bytes = (queries_.dtype() == Dtype::float32 ? 4 : 1) * input_.base.width;
        part.allow = allow;
        part.queries = static_cast<const uint8_t*>(input_.queries) + first * query_bytes;
        part.query_count = count;
        return part;
    }

    ScanInput input(const uint64_t* allow) const { return input(allow, 0, input_.query_count); }

    int64_t row_count() const { return input_.base.row_count; }
    int64_t query_count() const { return input_.query_count; }

private:
    ArrayArgument queries_;
    ArrayArgument base_;
    ScanInput input_;
};

}  // namespace elanus
