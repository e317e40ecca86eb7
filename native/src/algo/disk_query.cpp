#include "algo/disk_query.h"

#include <algorithm>

namespace elanus {

namespace {

// Vectors held at once.
constexpr size_t kVectorsMax = 64;

// How many times more codes a scan keeps after it has kept too few.
constexpr int64_t kKeptGrowth = 4;

}  // namespace

void DiskQuery::end() {
    walk_.reader().end();
    met_ = {};
    vectors_ = {};
}

// The nearest allowed nodes of all by the codes in memory.
void DiskQuery::scan(const KernelTable& table, const DiskRequest& request, int64_t kept_max) {
    Walk walk(0);
    walk.prepare(query_.has_norms());
    const Graph graph = {.space = graph_.space,
                         .codes = graph_.codes,
                         .links = nullptr,
                         .degree = 0,
                         .node_count = graph_.blocks.layout.node_count,
                         .entries = nullptr,
                         .entry_count = 0};
    const Allowed allowed = {request.allow, {.rows = graph_.rows, .row_count = graph_.row_count}};
    walk.scan(table, graph, query_.codes(), kept_max, {}, request.allow == nullptr ? nullptr : &allowed);
    compared_count_ += walk.compared_count();
    met_.clear();
    for (int64_t i = 0; i < walk.found().size(); ++i) {
        const Candidate one = walk.found().at(i);
        met_.push_back({one.distance, graph_.space->tail(graph.row(one.node)).deviation, graph_.rows[one.node]});
    }
}

// Whether a row that is farther by its code than all that were met may belong to the best.
bool DiskQuery::may_reach_beyond() const {
    float deviation = 0;
    for (const MetRow& one : met_) deviation = std::max(deviation, one.deviation);
    return query_.may_reach(met_.back().distance, deviation, best_.worst_key());
}

// Where the allowed rows lie far from the query, more of them are about as near as the best than codes can tell apart.
// So more are kept until those that are not cannot belong to the answer.
void DiskQuery::scan_until_sure(const Scoring& scoring, const DiskRequest& request) {
    const int64_t most = std::max(request.breadth, request.scan_kept_max);
    for (int64_t kept_max = request.breadth;; kept_max = std::min(most, kKeptGrowth * kept_max)) {
        scan(*scoring.input.table, request, kept_max);
        rank(scoring, request);
        if (static_cast<int64_t>(met_.size()) < kept_max || !may_reach_beyond()) return;
        if (kept_max == most) break;
    }
    best_.reset(request.k);
}

// Reads and scores the rows that were met, those that may belong to the best.
void DiskQuery::rank(const Scoring& scoring, const DiskRequest& request) {
    std::sort(met_.begin(), met_.end(), [](const MetRow& a, const MetRow& b) {
        return a.distance < b.distance || (a.distance == b.distance && a.row < b.row);
    });
    best_.reset(request.k);
    listed_.clear();
    const auto k = static_cast<size_t>(request.k);
    const size_t batch = std::min(kVectorsMax, static_cast<size_t>(request.vector_batch));
    for (size_t i = 0; i < met_.size(); ++i) {
        if (i >= k && best_.is_full() && !query_.may_reach(met_[i].distance, met_[i].deviation, best_.worst_key())) {
            continue;
        }
        listed_.push_back(met_[i].row);
        if (i + 1 == k || listed_.size() == (i < k ? kVectorsMax : batch)) score(scoring);
    }
    if (!listed_.empty()) score(scoring);
}

// Reads and scores the listed rows.
void DiskQuery::score(const Scoring& scoring) {
    const ScanInput& input = scoring.input;
    const int64_t row_bytes = input.base.row_bytes();
    // Each vector begins where any element may.
    vectors_.resize(kVectorsMax * static_cast<size_t>((row_bytes + 7) / 8));
    auto* into = reinterpret_cast<uint8_t*>(vectors_.data());
    reads_.clear();
    for (const uint32_t row : listed_) {
        reads_.push_back({static_cast<int64_t>(row) * row_bytes, row_bytes, into});
        into += row_bytes;
    }
    scoring.vectors.read(reads_.data(), static_cast<int64_t>(reads_.size()));
    vector_count_ += static_cast<int64_t>(reads_.size());
    scores_.resize(listed_.size());
    ScoreTask task = scoring.task;
    task.base = vectors_.data();
    task.count = static_cast<int64_t>(listed_.size());
    task.scores = scores_.data();
    task.scores_stride = task.count;
    find_score(*input.table, input.base.type, input.metric)(&task);
    const bool larger_nearer = is_larger_nearer(input.metric);
    for (size_t i = 0; i < listed_.size(); ++i) best_.add({larger_nearer ? -scores_[i] : scores_[i], listed_[i]});
    listed_.clear();
}

DiskCounts DiskQuery::search(const ScanInput& input, const BlockSource& vectors, const PreparedQueries& prepared,
                             int64_t number, const DiskRequest& request, float* scores, int64_t* rows) {
    query_.prepare(*graph_.space, input, prepared, number);
    walk_.reader().forget_count();
    met_.clear();
    best_.reset(request.k);
    compared_count_ = vector_count_ = 0;
    const int64_t query_bytes = (input.base.type == ElementType::int8 ? 1 : 4) * input.base.width;
    const ScoreTask task = {.queries = static_cast<const uint8_t*>(prepared.data()) + number * query_bytes,
                            .query_count = 1,
                            .facts = prepared.facts() + number,
                            .base = nullptr,
                            .width = input.base.width,
                            .rows = nullptr,
                            .first = 0,
                            .count = 0,
                            .scores = nullptr,
                            .scores_stride = 0};
    const Scoring scoring = {input, vectors, task};
    bool is_found = !query_.can_be_compared();
    if (!is_found && request.expanded_max > 0) {
        is_found = walk_.search(*input.table, query_, request, met_);
        compared_count_ = walk_.compared_count();
        if (is_found) rank(scoring, request);
    }
    if (!is_found && graph_.codes != nullptr) scan_until_sure(scoring, request);
    best_.write(is_larger_nearer(input.metric), scores, rows);
    return {compared_count_, walk_.reader().read_count(), vector_count_};
}

}  // namespace elanus
