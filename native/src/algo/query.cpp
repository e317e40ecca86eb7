#include "algo/query.h"

#include <cmath>
#include <cstring>

namespace elanus {

namespace {

// Norms beyond these are brought to one, so that products with rows neither overflow nor vanish.
constexpr double kNormMin = 0x1p-50;
constexpr double kNormMax = 0x1p50;

double norm_of(const float* query, int64_t width) {
    double sums[8] = {};
    int64_t i = 0;
    for (; i + 8 <= width; i += 8) {
        for (int j = 0; j < 8; ++j) sums[j] += static_cast<double>(query[i + j]) * query[i + j];
    }
    for (; i < width; ++i) sums[0] += static_cast<double>(query[i]) * query[i];
    return std::sqrt(((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])));
}

}  // namespace

PreparedQueries::PreparedQueries(const ScanInput& input)
    : data_(input.queries), facts_(static_cast<size_t>(input.query_count)) {
    if (input.base.type == ElementType::int8) {
        prepare_int8(input);
    } else if (input.metric == Metric::cosine) {
        prepare_cosine(input);
    }
}

void PreparedQueries::prepare_int8(const ScanInput& input) {
    const auto* elements = static_cast<const int8_t*>(input.queries);
    for (QueryFacts& facts : facts_) {
        for (int64_t i = 0; i < input.base.width; ++i) {
            const int64_t element = *elements++;
            facts.element_sum += element;
            facts.square_sum += element * element;
        }
    }
}

void PreparedQueries::prepare_cosine(const ScanInput& input) {
    const int64_t width = input.base.width;
    const auto* queries = static_cast<const float*>(input.queries);
    for (size_t q = 0; q < facts_.size(); ++q) {
        const float* query = queries + static_cast<int64_t>(q) * width;
        const double norm = norm_of(query, width);
        facts_[q].norm = static_cast<float>(norm);
        if (norm == 0 || (norm >= kNormMin && norm <= kNormMax)) continue;
        if (scaled_.empty()) {
            scaled_.resize(facts_.size() * static_cast<size_t>(width));
            std::memcpy(scaled_.data(), queries, scaled_.size() * sizeof(float));
            data_ = scaled_.data();
        }
        float* copy = scaled_.data() + static_cast<int64_t>(q) * width;
        const int exponent = -std::ilogb(norm);
        for (int64_t i = 0; i < width; ++i) copy[i] = std::ldexp(copy[i], exponent);
        facts_[q].norm = static_cast<float>(std::ldexp(norm, exponent));
    }
}

}  // namespace elanus
