#include "dense.h"

#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "elanus/dispatch.h"

namespace elanus {

Metric parse_metric(std::string_view name) {
    constexpr std::pair<std::string_view, Metric> kMetrics[] = {{"L2", Metric::l2},
                                                                {"IP", Metric::ip},
                                                                {"COSINE", Metric::cosine},
                                                                {"HAMMING", Metric::hamming},
                                                                {"JACCARD", Metric::jaccard}};
    for (const auto& [known, metric] : kMetrics) {
        if (name == known) return metric;
    }
    raise_value_error("metric is '" + std::string(name) + "', expected L2, IP, COSINE, HAMMING or JACCARD");
}

DenseArguments::DenseArguments(const char* metric, nb::handle queries, int query_dimensions, nb::handle base)
    : queries_(queries, query_dimensions == 1 ? "query" : "queries", query_dimensions), base_(base, "base", 2) {
    ElementType type = ElementType::float32;
    Dtype query_dtype = Dtype::float32;
    switch (base_.dtype()) {
        case Dtype::float32:
            break;
        case Dtype::float16:
            type = ElementType::float16;
            break;
        case Dtype::uint16:
            type = ElementType::bfloat16;
            break;
        case Dtype::int8:
            type = ElementType::int8;
            query_dtype = Dtype::int8;
            break;
        case Dtype::uint8:
            type = ElementType::bits;
            query_dtype = Dtype::uint8;
            break;
        default:
            base_.refuse_dtype("float32, float16, uint16 (bfloat16), int8 or uint8 (bits)");
    }
    queries_.expect(query_dtype);
    const Metric parsed = parse_metric(metric);
    if (!is_supported(type, parsed)) {
        raise_value_error(std::string("metric ") + metric + " is not defined for base of " + dtype_name(base_.dtype()));
    }
    const int64_t width = queries_.size(query_dimensions - 1);
    if (width != base_.size(1)) {
        raise_value_error(std::string(queries_.name()) + " has " + std::to_string(width) +
                          " elements a vector, expected " + std::to_string(base_.size(1)) + " as in base");
    }
    if (base_.size(0) >= std::numeric_limits<uint32_t>::max()) {
        raise_value_error("base has " + std::to_string(base_.size(0)) + " rows, expected less than 2^32 - 1");
    }
    input_ = {.table = &active_table(),
              .metric = parsed,
              .queries = query_dtype == Dtype::float32 ? queries_.data<float>() : queries_.bytes(),
              .query_count = query_dimensions == 1 ? 1 : queries_.size(0),
              .base = {type, base_.bytes(), base_.size(0), width},
              .allow = nullptr};
}

}  // namespace elanus
