#include "results.h"

#include <algorithm>

namespace elanus {

nb::object topk_result(const TopkCollector& collector, int64_t count) {
    ResultArray scores(Dtype::float32, count);
    ResultArray rows(Dtype::int64, count);
    for (int64_t i = 0; i < count; ++i) {
        scores.data<float>()[i] = collector.score(i);
        rows.data<int64_t>()[i] = collector.row(i);
    }
    return nb::make_tuple(scores.object(), rows.object());
}

nb::object range_result(const RangeCollector& collector) {
    const auto count = static_cast<int64_t>(collector.rows().size());
    ResultArray scores(Dtype::float32, count);
    ResultArray rows(Dtype::int64, count);
    std::copy(collector.scores().begin(), collector.scores().end(), scores.data<float>());
    std::copy(collector.rows().begin(), collector.rows().end(), rows.data<int64_t>());
    return nb::make_tuple(scores.object(), rows.object());
}

}  // namespace elanus
