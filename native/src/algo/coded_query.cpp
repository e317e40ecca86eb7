#include "algo/coded_query.h"

#include <algorithm>
#include <cmath>

namespace elanus {

namespace {

// Deviations a code's distance may be off before its row is thought not to belong to the best.
constexpr float kDeviations = 2.5F;

}  // namespace

bool CodedQuery::can_be_compared() const { return codes_.norm < 1e30F && (has_norms() || codes_.norm > 1e-30F); }

void CodedQuery::prepare(const CodeSpace& space, const ScanInput& input, const PreparedQueries& prepared,
                         int64_t number) {
    metric_ = input.metric;
    const auto dim = static_cast<size_t>(input.base.width);
    const QueryFacts& facts = prepared.facts()[number];
    const bool is_int8 = input.base.type == ElementType::int8;
    const double norm = is_int8 ? std::sqrt(static_cast<double>(facts.square_sum)) : facts.norm;
    const auto factor = static_cast<float>(metric_ != Metric::cosine ? 1 : norm > 0 ? 1 / norm : 0);
    floats_.resize(dim);
    if (is_int8) {
        const auto* elements = static_cast<const int8_t*>(prepared.data()) + number * input.base.width;
        for (size_t i = 0; i < dim; ++i) floats_[i] = static_cast<float>(elements[i]) * factor;
    } else {
        const auto* elements = static_cast<const float*>(prepared.data()) + number * input.base.width;
        for (size_t i = 0; i < dim; ++i) floats_[i] = elements[i] * factor;
    }
    space.prepare(*input.table, floats_.data(), has_norms(), codes_);
    root_ = std::sqrt(codes_.norm);
    center_product_ = 0;
    if (!has_norms()) {
        const float* center = space.center();
        for (size_t i = 0; i < dim; ++i) center_product_ += floats_[i] * center[i];
    }
}

// What the walk would have called the distance of a row of that key.
float CodedQuery::distance_of(float key) const {
    switch (metric_) {
        case Metric::cosine:
            return 2 + 2 * key - codes_.norm;
        case Metric::ip:
            return 2 * (key + center_product_);
        default:
            return key - codes_.norm;
    }
}

bool CodedQuery::may_reach(float distance, float deviation, float key) const {
    return distance - 2 * kDeviations * root_ * deviation <= distance_of(key);
}

}  // namespace elanus
