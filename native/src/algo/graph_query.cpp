#include "algo/graph_query.h"

#include <algorithm>
#include <cmath>

namespace elanus {

namespace {

// Deviations a code's distance may be off before its row is thought not to belong to the best.
constexpr float kDeviations = 2.5F;
// Rows scored at once after the first `k`: few, since each may show that the next are not needed.
constexpr size_t kScoreBlock = 8;

bool key_less(float a_key, uint32_t a_row, float b_key, uint32_t b_row) {
    return a_key < b_key || (a_key == b_key && a_row < b_row);
}

}  // namespace

void GraphQuery::prepare(const KernelTable& table, const ScanInput& input, int64_t number) {
    const auto dim = static_cast<size_t>(input.base.width);
    floats_.resize(dim);
    if (input.base.type == ElementType::int8) {
        const auto* elements = static_cast<const int8_t*>(input.queries) + number * input.base.width;
        std::copy(elements, elements + dim, floats_.begin());
    } else {
        const auto* elements = static_cast<const float*>(input.queries) + number * input.base.width;
        std::copy(elements, elements + dim, floats_.begin());
    }
    if (target_.metric == Metric::cosine) {
        double square[4] = {};
        for (size_t i = 0; i < dim; ++i) square[i % 4] += static_cast<double>(floats_[i]) * floats_[i];
        const double norm = std::sqrt((square[0] + square[1]) + (square[2] + square[3]));
        const auto inverse = static_cast<float>(norm > 0 ? 1 / norm : 0);
        for (float& element : floats_) element *= inverse;
    }
    const bool is_product = target_.metric == Metric::ip;
    target_.graph->space->prepare(table, floats_.data(), !is_product, query_);
    query_root_ = std::sqrt(query_.norm);
    center_product_ = 0;
    if (is_product) {
        const float* center = target_.graph->space->center();
        for (size_t i = 0; i < dim; ++i) center_product_ += floats_[i] * center[i];
    }
    walk_.prepare(!is_product);
}

// What the walk would have called the distance of a row of that key.
float GraphQuery::distance_of(float key) const {
    switch (target_.metric) {
        case Metric::cosine:
            return 2 + 2 * key - query_.norm;
        case Metric::ip:
            return 2 * (key + center_product_);
        default:
            return key - query_.norm;
    }
}

bool GraphQuery::may_belong(const Candidate& candidate, int64_t k) const {
    if (static_cast<int64_t>(best_.size()) < k) return true;
    const CodeTail& tail = target_.graph->space->tail(target_.graph->row(candidate.node));
    return candidate.distance - 2 * kDeviations * query_root_ * tail.deviation <= distance_of(best_.back().key);
}

// Scores the listed rows and keeps the best `k`.
void GraphQuery::score(const KernelTable& table, ScoreTask task, int64_t k) {
    scores_.resize(listed_.size());
    task.rows = listed_.data();
    task.count = static_cast<int64_t>(listed_.size());
    task.scores = scores_.data();
    task.scores_stride = task.count;
    find_score(table, target_.base.type, target_.metric)(&task);
    const bool larger_nearer = is_larger_nearer(target_.metric);
    for (size_t i = 0; i < listed_.size(); ++i) {
        const Ranked one = {larger_nearer ? -scores_[i] : scores_[i], listed_[i]};
        if (static_cast<int64_t>(best_.size()) == k &&
            !key_less(one.key, one.row, best_.back().key, best_.back().row)) {
            continue;
        }
        const auto place = std::upper_bound(best_.begin(), best_.end(), one, [](const Ranked& a, const Ranked& b) {
            return key_less(a.key, a.row, b.key, b.row);
        });
        best_.insert(place, one);
        if (static_cast<int64_t>(best_.size()) > k) best_.pop_back();
    }
    listed_.clear();
}

void GraphQuery::rank(const KernelTable& table, const ScoreTask& task, const GraphRequest& request) {
    const Beam& found = walk_.found();
    best_.clear();
    listed_.clear();
    for (int64_t i = 0; i < found.size(); ++i) {
        const Candidate candidate = found.at(i);
        if (i >= request.k && !may_belong(candidate, request.k)) continue;
        listed_.push_back(target_.rows == nullptr ? candidate.node : target_.rows[candidate.node]);
        if (i + 1 == request.k || (i >= request.k && listed_.size() == kScoreBlock)) score(table, task, request.k);
    }
    if (!listed_.empty()) score(table, task, request.k);
}

// False when a filter makes it too long.
bool GraphQuery::walk(const KernelTable& table, const GraphRequest& request, const Allowed& allowed) {
    const Graph& graph = *target_.graph;
    if (request.allow != nullptr) {
        return walk_.search_through(table, graph, query_, request.breadth, allowed, request.compared_max);
    }
    walk_.search(table, graph, query_, request.breadth);
    return true;
}

int64_t GraphQuery::search(const KernelTable& table, const ScanInput& input, const PreparedQueries& prepared,
                           int64_t number, const GraphRequest& request, float* scores, int64_t* rows) {
    prepare(table, input, number);
    const Graph& graph = *target_.graph;
    const Allowed allowed = {request.allow, target_.rows, target_.base.row_count};
    int64_t compared_count = 0;
    bool is_found = false;
    if (request.mode == WalkMode::walk) {
        is_found = walk(table, request, allowed);
        compared_count = walk_.compared_count();
    }
    if (!is_found) {
        walk_.scan(table, graph, query_, request.breadth, request.allow == nullptr ? nullptr : &allowed);
        compared_count += walk_.compared_count();
    }
    const int64_t query_bytes = (input.base.type == ElementType::int8 ? 1 : 4) * input.base.width;
    const ScoreTask task = {.queries = static_cast<const uint8_t*>(prepared.data()) + number * query_bytes,
                            .query_count = 1,
                            .facts = prepared.facts() + number,
                            .base = target_.base.data,
                            .width = target_.base.width,
                            .rows = nullptr,
                            .first = 0,
                            .count = 0,
                            .scores = nullptr,
                            .scores_stride = 0};
    rank(table, task, request);
    const bool larger_nearer = is_larger_nearer(target_.metric);
    for (int64_t i = 0; i < request.k; ++i) {
        const bool is_there = i < static_cast<int64_t>(best_.size());
        const Ranked one = is_there ? best_[static_cast<size_t>(i)] : Ranked{0, 0};
        scores[i] = larger_nearer ? -one.key : one.key;
        if (scores[i] == 0) scores[i] = 0;
        rows[i] = is_there ? static_cast<int64_t>(one.row) : -1;
    }
    return compared_count;
}

}  // namespace elanus
