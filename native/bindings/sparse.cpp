#include "algo/sparse.h"

#include <algorithm>
#include <memory>

#include "algo/scan.h"
#include "arrays.h"
#include "elanus/dispatch.h"
#include "range.h"
#include "results.h"

namespace elanus {

namespace {

// Query and base of a sparse scan, their dtypes and lengths checked; the base's offsets are checked by the scan.
class SparseArguments {
public:
    SparseArguments(nb::handle query_indices, nb::handle query_values, nb::handle offsets, nb::handle indices,
                    nb::handle values)
        : query_indices_(query_indices, "query_indices", 1),
          query_values_(query_values, "query_values", 1),
          offsets_(offsets, "offsets", 1),
          indices_(indices, "indices", 1),
          values_(values, "values", 1) {
        query_indices_.expect(Dtype::uint32);
        query_values_.expect(Dtype::float32);
        offsets_.expect(Dtype::int32);
        indices_.expect(Dtype::uint32);
        values_.expect(Dtype::float32);
        check_same_size(query_indices_, query_values_);
        check_same_size(indices_, values_);
        if (offsets_.size() == 0) raise_value_error("offsets is empty, expected one more than rows");
        query = {query_indices_.data<uint32_t>(), query_values_.data<float>(), query_indices_.size()};
        for (int64_t i = 1; i < query.count; ++i) {
            if (query.indices[i - 1] >= query.indices[i]) {
                raise_value_error("query_indices[" + std::to_string(i) + "] is " + std::to_string(query.indices[i]) +
                                  ", expected more than the " + std::to_string(query.indices[i - 1]) + " before it");
            }
        }
        base = {offsets_.data<int32_t>(), offsets_.size() - 1, indices_.data<uint32_t>(), values_.data<float>(),
                indices_.size()};
    }

    void scan(const AllowArgument& allow, Collector& collector) const {
        int64_t bad = -1;
        {
            const nb::gil_scoped_release release;
            bad = scan_sparse(active_table(), query, base, allow.words(), collector);
        }
        if (bad >= 0) {
            raise_value_error("offsets of row " + std::to_string(bad) + " are " + std::to_string(base.offsets[bad]) +
                              " and " + std::to_string(base.offsets[bad + 1]) +
                              ", expected them ascending and at most " + std::to_string(base.element_count));
        }
    }

    SparseQuery query;
    SparseVectors base;

private:
    static void check_same_size(const ArrayArgument& indices, const ArrayArgument& values) {
        if (indices.size() == values.size()) return;
        raise_value_error(std::string(indices.name()) + " has " + std::to_string(indices.size()) + " elements and " +
                          values.name() + " " + std::to_string(values.size()) + ", expected as many");
    }

    ArrayArgument query_indices_, query_values_, offsets_, indices_, values_;
};

nb::object sparse_scan_topk(nb::handle query_indices, nb::handle query_values, nb::handle offsets, nb::handle indices,
                            nb::handle values, int64_t k, nb::handle allow) {
    check_k(k);
    const SparseArguments sparse(query_indices, query_values, offsets, indices, values);
    const AllowArgument allowed(allow, sparse.base.row_count);
    const KernelTable& table = active_table();
    const int64_t candidates = count_allowed(table, allowed.words(), sparse.base.row_count);
    TopkCollector collector(table, std::min(k, candidates), true, candidates);
    if (k == 0) return topk_result(collector, 0);
    sparse.scan(allowed, collector);
    return topk_result(collector, collector.finish());
}

nb::object sparse_scan_range(nb::handle query_indices, nb::handle query_values, nb::handle offsets, nb::handle indices,
                             nb::handle values, double radius, nb::handle range_filter, nb::handle allow) {
    const SparseArguments sparse(query_indices, query_values, offsets, indices, values);
    const AllowArgument allowed(allow, sparse.base.row_count);
    const ScoreRange range = make_score_range(true, radius, range_filter);
    RangeCollector collector(active_table(), range.low, range.high);
    sparse.scan(allowed, collector);
    return range_result(collector);
}

}  // namespace

void bind_sparse(nb::module_& module) {
    module.def("sparse_scan_topk", &sparse_scan_topk, nb::arg("query_indices"), nb::arg("query_values"),
               nb::arg("offsets"), nb::arg("indices"), nb::arg("values"), nb::arg("k"), nb::arg("allow").none());
    module.def("sparse_scan_range", &sparse_scan_range, nb::arg("query_indices"), nb::arg("query_values"),
               nb::arg("offsets"), nb::arg("indices"), nb::arg("values"), nb::arg("radius"),
               nb::arg("range_filter").none(), nb::arg("allow").none());
}

}  // namespace elanus
