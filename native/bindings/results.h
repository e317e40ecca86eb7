// Collected hits as the pair of arrays every scan returns.

#pragma once

#include "algo/collector.h"
#include "arrays.h"

namespace elanus {

// (scores float32, rows int64), best first, of a collector that is finished and holds `count` hits.
nb::object topk_result(const TopkCollector& collector, int64_t count);

// (scores float32, rows int64) in row order.
nb::object range_result(const RangeCollector& collector);

}  // namespace elanus
