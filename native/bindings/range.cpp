#include "range.h"

#include <limits>

#include "algo/collector.h"
#include "arrays.h"

namespace elanus {

ScoreRange make_score_range(bool larger_is_nearer, double radius, nb::handle range_filter) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const auto near_radius = static_cast<float>(radius);
    if (near_radius != near_radius) raise_value_error("radius is NaN, expected a number");
    float filter = larger_is_nearer ? kInfinity : -kInfinity;
    if (!range_filter.is_none()) {
        const double given = PyFloat_AsDouble(range_filter.ptr());
        if (given == -1.0 && PyErr_Occurred() != nullptr) throw nb::python_error();
        if (given != given) raise_value_error("range_filter is NaN, expected a number");
        filter = static_cast<float>(given);
    }
    // Nothing is beyond an infinity, and the neighbour of an infinity would be itself.
    const bool is_empty = larger_is_nearer ? near_radius == kInfinity : near_radius == -kInfinity;
    if (is_empty) return {kInfinity, -kInfinity};
    return larger_is_nearer ? ScoreRange{next_above(near_radius), filter} : ScoreRange{filter, next_below(near_radius)};
}

}  // namespace elanus
