// The scores a range search accepts, as inclusive float32 bounds.

#pragma once

#include <nanobind/nanobind.h>

namespace elanus {

struct ScoreRange {
    float low, high;
};

// Smaller-is-nearer: range_filter <= score < radius; larger-is-nearer: radius < score <= range_filter. None leaves the
// side of `range_filter` open. Both are rounded to float32 first, as scores are.
ScoreRange make_score_range(bool larger_is_nearer, double radius, nanobind::handle range_filter);

}  // namespace elanus
