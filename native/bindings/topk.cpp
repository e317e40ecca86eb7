#include <algorithm>
#include <limits>

#include "algo/scan.h"
#include "arrays.h"
#include "elanus/dispatch.h"
#include "results.h"

namespace elanus {

namespace {

nb::object topk(nb::handle scores, int64_t k, nb::handle allow, bool largest) {
    check_k(k);
    ArrayArgument array(scores, "scores", 1);
    array.expect(Dtype::float32);
    const int64_t count = array.size();
    if (count >= std::numeric_limits<uint32_t>::max()) {
        raise_value_error("scores has " + std::to_string(count) + " elements, expected less than 2^32 - 1");
    }
    const AllowArgument allowed(allow, count);
    const KernelTable& table = active_table();
    const int64_t candidates = count_allowed(table, allowed.words(), count);
    k = std::min(k, candidates);
    TopkCollector collector(table, k, largest, candidates);
    if (k == 0) return topk_result(collector, 0);
    const auto* values = array.data<float>();
    int64_t found = 0;
    {
        const nb::gil_scoped_release release;
        for (int64_t first = 0; first < count; first += kBlockRowsMax) {
            const uint64_t* allow_words = allowed.words() == nullptr ? nullptr : allowed.words() + first / 64;
            collector.take({values + first, std::min(kBlockRowsMax, count - first), first, nullptr, allow_words});
        }
        found = collector.finish();
    }
    return topk_result(collector, found);
}

}  // namespace

void bind_topk(nb::module_& module) {
    module.def("topk", &topk, nb::arg("scores"), nb::arg("k"), nb::arg("allow").none(), nb::kw_only(),
               nb::arg("largest"));
}

}  // namespace elanus
