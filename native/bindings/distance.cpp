#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "algo/scan.h"
#include "arrays.h"
#include "dense.h"
#include "elanus/dispatch.h"
#include "range.h"
#include "results.h"

namespace elanus {

namespace {

// Queries that share one pass over the base; more would crowd its rows out of the cache.
constexpr int64_t kGroupQueries = 32;

nb::object scan_topk(const char* metric, nb::handle query, nb::handle base, int64_t k, nb::handle allow) {
    check_k(k);
    const DenseArguments dense(metric, query, 1, base);
    const AllowArgument allowed(allow, dense.row_count());
    const ScanInput input = dense.input(allowed.words());
    std::unique_ptr<TopkCollector> collector;
    int64_t count = 0;
    {
        const nb::gil_scoped_release release;
        const int64_t candidates = count_allowed(*input.table, input.allow, dense.row_count());
        k = std::min(k, candidates);
        collector = std::make_unique<TopkCollector>(*input.table, k, is_larger_nearer(input.metric), candidates);
        if (k > 0) {
            Collector* const collectors[] = {collector.get()};
            scan(input, collectors);
            count = collector->finish();
        }
    }
    return topk_result(*collector, count);
}

// Scans some queries and writes their rows of the result; places after the hits get row -1 and the worst score.
void scan_group(const ScanInput& input, int64_t k, int64_t candidates, float* scores, int64_t* rows) {
    const bool largest = is_larger_nearer(input.metric);
    const float worst = largest ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
    const int64_t kept = std::min(k, candidates);
    std::vector<std::unique_ptr<TopkCollector>> owned;
    std::vector<Collector*> collectors;
    for (int64_t q = 0; q < input.query_count; ++q) {
        owned.push_back(std::make_unique<TopkCollector>(*input.table, kept, largest, candidates));
        collectors.push_back(owned.back().get());
    }
    if (kept > 0) scan(input, collectors.data());
    for (int64_t q = 0; q < input.query_count; ++q) {
        TopkCollector& collector = *owned[static_cast<size_t>(q)];
        const int64_t count = kept > 0 ? collector.finish() : 0;
        for (int64_t i = 0; i < k; ++i) {
            *scores++ = i < count ? collector.score(i) : worst;
            *rows++ = i < count ? collector.row(i) : -1;
        }
    }
}

nb::object scan_topk_many(const char* metric, nb::handle queries, nb::handle base, int64_t k, nb::handle allow) {
    check_k(k);
    const DenseArguments dense(metric, queries, 2, base);
    const AllowArgument allowed(allow, dense.row_count());
    ResultArray scores(Dtype::float32, dense.query_count(), k);
    ResultArray rows(Dtype::int64, dense.query_count(), k);
    auto* const scores_out = scores.data<float>();
    auto* const rows_out = rows.data<int64_t>();
    {
        const nb::gil_scoped_release release;
        const int64_t candidates = count_allowed(active_table(), allowed.words(), dense.row_count());
        for (int64_t first = 0; first < dense.query_count(); first += kGroupQueries) {
            const int64_t count = std::min(kGroupQueries, dense.query_count() - first);
            const ScanInput input = dense.input(allowed.words(), first, count);
            scan_group(input, k, candidates, scores_out + first * k, rows_out + first * k);
        }
    }
    return nb::make_tuple(scores.object(), rows.object());
}

nb::object scan_range(const char* metric, nb::handle query, nb::handle base, double radius, nb::handle range_filter,
                      nb::handle allow) {
    const DenseArguments dense(metric, query, 1, base);
    const AllowArgument allowed(allow, dense.row_count());
    const ScanInput input = dense.input(allowed.words());
    const ScoreRange range = make_score_range(is_larger_nearer(input.metric), radius, range_filter);
    RangeCollector collector(*input.table, range.low, range.high);
    {
        const nb::gil_scoped_release release;
        Collector* const collectors[] = {&collector};
        scan(input, collectors);
    }
    return range_result(collector);
}

nb::object score_listed_rows(const char* metric, nb::handle query, nb::handle base, nb::handle rows) {
    const DenseArguments dense(metric, query, 1, base);
    ArrayArgument listed(rows, "rows", 1);
    listed.expect(Dtype::int64);
    const auto* numbers = listed.data<int64_t>();
    ResultArray scores(Dtype::float32, listed.size());
    auto* const scores_out = scores.data<float>();
    int64_t bad = -1;
    {
        const nb::gil_scoped_release release;
        bad = score_rows(dense.input(nullptr), numbers, listed.size(), scores_out);
    }
    if (bad >= 0) {
        raise_value_error("rows[" + std::to_string(bad) + "] is " + std::to_string(numbers[bad]) + ", expected 0 to " +
                          std::to_string(dense.row_count()) + " (exclusive)");
    }
    return scores.object();
}

}  // namespace

void bind_distance(nb::module_& module) {
    module.def("scan_topk", &scan_topk, nb::arg("metric"), nb::arg("query"), nb::arg("base"), nb::arg("k"),
               nb::arg("allow").none());
    module.def("scan_topk_many", &scan_topk_many, nb::arg("metric"), nb::arg("queries"), nb::arg("base"), nb::arg("k"),
               nb::arg("allow").none());
    module.def("scan_range", &scan_range, nb::arg("metric"), nb::arg("query"), nb::arg("base"), nb::arg("radius"),
               nb::arg("range_filter").none(), nb::arg("allow").none());
    module.def("score_rows", &score_listed_rows, nb::arg("metric"), nb::arg("query"), nb::arg("base"), nb::arg("rows"));
}

}  // namespace elanus
