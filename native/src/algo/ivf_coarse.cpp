#include "algo/ivf_coarse.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace elanus {

namespace {

constexpr float kCodeMax = 127;
// Adding this to a float below 2^22 rounds it to a whole number, which is then in the low bits.
constexpr float kRounding = 0x1.8p23f;
// Bytes misjudge a list's rank by a little: so many more lists are ranked exactly than are asked for.
constexpr int64_t kSpareMin = 8;
// Lists whose keys are compared with the bound at a time.
constexpr int64_t kComparedLists = 64;
// With fewer lists than this the exact scan is as quick.
constexpr int64_t kShortlistedMin = 64;

int64_t shortlist_size(int64_t list_count, int64_t nprobe) {
    const int64_t size = nprobe + nprobe / 4 + kSpareMin;
    return list_count < kShortlistedMin || 2 * size > list_count ? list_count : size;
}

float square_norm(const float* values, int64_t count) {
    float sums[8] = {};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (int j = 0; j < 8; ++j) sums[j] += values[i + j] * values[i + j];
    }
    for (; i < count; ++i) sums[0] += values[i] * values[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace

void ByteQuery::set(const float* values) {
    const auto count = static_cast<int64_t>(code_.size());
    // Floats of one sign are in the order of their bits.
    int32_t largest_bits = 0;
    for (int64_t i = 0; i < count; ++i) {
        const int32_t bits = std::bit_cast<int32_t>(values[i]) & 0x7fffffff;
        largest_bits = bits > largest_bits ? bits : largest_bits;
    }
    const float largest = std::bit_cast<float>(largest_bits);
    step_ = largest / kCodeMax;
    element_sum_ = 0;
    if (step_ < 0x1p-120f) {
        step_ = 0;
        std::fill(code_.begin(), code_.end(), int8_t{0});
        return;
    }
    const float inverse = kCodeMax / largest;
    int32_t sum = 0;
    for (int64_t i = 0; i < count; ++i) {
        const float rounded = values[i] * inverse + kRounding;
        const auto code = static_cast<int8_t>(std::bit_cast<uint32_t>(rounded) & 0xff);
        code_[static_cast<size_t>(i)] = code;
        sum += code;
    }
    element_sum_ = sum;
}

CoarseSearch::CoarseSearch(const KernelTable& table, Metric ranking, float square_weight, const IvfCentroids& centroids,
                           int64_t nprobe, int64_t query_count)
    : table_(table),
      by_distance_(ranking == Metric::l2),
      square_weight_(square_weight),
      centroids_(centroids),
      nprobe_(nprobe),
      shortlist_size_(shortlist_size(centroids.list_count, nprobe)),
      best_(shortlist_size_),
      coded_(centroids.dim),
      scaled_(static_cast<size_t>(centroids.dim)),
      scores_(static_cast<size_t>(centroids.list_count)),
      nearest_(static_cast<size_t>(nprobe)) {
    if (shortlist_size_ == centroids.list_count) return;
    const int64_t together = std::min(kTogether, query_count);
    codes_.resize(static_cast<size_t>(together * centroids.dim));
    steps_.resize(static_cast<size_t>(together));
    facts_.resize(static_cast<size_t>(together));
    products_.resize(static_cast<size_t>(together * centroids.list_count));
}

void CoarseSearch::begin(const float* queries, int64_t count) {
    queries_ = queries;
    if (shortlist_size_ == centroids_.list_count) return;
    const int64_t dim = centroids_.dim;
    for (int64_t number = 0; number < count; ++number, queries += dim) {
        // A product with the origin is the same for all lists, so only distances need the query moved.
        for (int64_t i = 0; i < dim; ++i) {
            const float moved = by_distance_ ? queries[i] - centroids_.origin[i] : queries[i];
            scaled_[static_cast<size_t>(i)] = moved * centroids_.scales[i];
        }
        coded_.set(scaled_.data());
        std::copy_n(coded_.code(), dim, codes_.data() + number * dim);
        steps_[static_cast<size_t>(number)] = coded_.step();
        facts_[static_cast<size_t>(number)] = coded_.facts();
    }
    const ScoreTask task = {.queries = codes_.data(),
                            .query_count = count,
                            .facts = facts_.data(),
                            .base = centroids_.codes,
                            .width = dim,
                            .rows = nullptr,
                            .first = 0,
                            .count = centroids_.list_count,
                            .scores = products_.data(),
                            .scores_stride = centroids_.list_count};
    table_.int8_distance->ip_i8(&task);
}

const std::vector<NearList>& CoarseSearch::nearest(int64_t number) {
    shortlist(number);
    rank_exactly(queries_ + number * centroids_.dim);
    return nearest_;
}

// Numbers of the lists that may be nearest, ascending.
void CoarseSearch::shortlist(int64_t number) {
    const int64_t count = centroids_.list_count;
    chosen_.clear();
    if (shortlist_size_ == count) {
        for (int64_t list = 0; list < count; ++list) chosen_.push_back(static_cast<uint32_t>(list));
        return;
    }
    const float* products = products_.data() + number * count;
    const float* squares = by_distance_ ? centroids_.squares + count : centroids_.squares;
    const float weight = by_distance_ ? 1 : square_weight_;
    const float step = (by_distance_ ? 2 : 1) * steps_[static_cast<size_t>(number)];
    for (int64_t list = 0; list < count; ++list) {
        scores_[static_cast<size_t>(list)] = weight * squares[list] - step * products[list];
    }
    best_.clear();
    for (int64_t first = 0; first < count; first += kComparedLists) {
        const float* keys = scores_.data() + first;
        for_each_at_most(table_, keys, std::min(kComparedLists, count - first), best_.bound(), [&](int64_t i) {
            if (keys[i] <= best_.bound()) best_.offer(keys[i], static_cast<uint32_t>(first + i));
        });
    }
    for (int64_t i = 0; i < best_.size(); ++i) chosen_.push_back(best_.row(i));
    std::sort(chosen_.begin(), chosen_.end());
}

void CoarseSearch::rank_exactly(const float* query) {
    const auto count = static_cast<int64_t>(chosen_.size());
    const QueryFacts facts = {};
    const ScoreTask task = {.queries = query,
                            .query_count = 1,
                            .facts = &facts,
                            .base = centroids_.matrix,
                            .width = centroids_.dim,
                            .rows = count == centroids_.list_count ? nullptr : chosen_.data(),
                            .first = 0,
                            .count = count,
                            .scores = scores_.data(),
                            .scores_stride = count};
    const FloatDistanceKernels& kernels = *table_.float_distance;
    (by_distance_ ? kernels.l2sq_f32 : kernels.ip_f32)(&task);
    ranked_.resize(static_cast<size_t>(count));
    for (size_t i = 0; i < ranked_.size(); ++i) {
        const float key = by_distance_ ? scores_[i] : square_weight_ * centroids_.squares[chosen_[i]] - scores_[i];
        ranked_[i] = {key, chosen_[i]};
    }
    std::partial_sort(ranked_.begin(), ranked_.begin() + nprobe_, ranked_.end());
    const float query_square = square_norm(query, centroids_.dim);
    for (size_t i = 0; i < nearest_.size(); ++i) {
        const Ranked& ranked = ranked_[i];
        const float square = centroids_.squares[ranked.list];
        const float squares = query_square + square;
        NearList& near = nearest_[i];
        near.list = ranked.list;
        near.product = by_distance_ ? 0.5f * (squares - ranked.key) : square_weight_ * square - ranked.key;
        near.distance = by_distance_ ? ranked.key : std::max(0.0f, squares - 2 * near.product);
    }
}

}  // namespace elanus
