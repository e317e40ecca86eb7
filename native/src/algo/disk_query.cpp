#include "algo/disk_query.h"

#include <algorithm>

namespace elanus {

namespace {

// Vectors held at once.
constexpr size_t kVectorsMax = 64;

}  // namespace

void DiskQuery::end() {
    walk_.reader().end();
    met_ = {};
    vectors_ = {};
}

// All allowed nodes by the codes in memory.
void DiskQuery::scan(const KernelTable& table, const DiskRequest& request) {
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
    walk.scan(table, graph, query_.codes(), request.breadth, request.allow == nullptr ? nullptr : &allowed);
    compared_count_ += walk.compared_count();
    for (int64_t i = 0; i < walk.found().size(); ++i) {
        const Candidate one = walk.found().at(i);
        met_.push_back({one.distance, graph_.space->tail(graph.row(one.node)).deviation, graph_.rows[one.node]});
    }
}

// Reads and scores the listed rows.
void DiskQuery::score(const ScanInput& input, const BlockSource& vectors, ScoreTask task) {
    const int64_t row_bytes = input.base.row_bytes();
    // Each vector begins where any element may.
    vectors_.resize(kVectorsMax * static_cast<size_t>((row_bytes + 7) / 8));
    auto* into = reinterpret_cast<uint8_t*>(vectors_.data());
    reads_.clear();
    for (const uint32_t row : listed_) {
        reads_.push_back({static_cast<int64_t>(row) * row_bytes, row_bytes, into});
        into += row_bytes;
    }
    vectors.read(reads_.data(), static_cast<int64_t>(reads_.size()));
    vector_count_ += static_cast<int64_t>(reads_.size());
    scores_.resize(listed_.size());
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
    compared_count_ = vector_count_ = 0;
    bool is_found = false;
    if (request.expanded_max > 0) {
        is_found = walk_.search(*input.table, query_, request, met_);
        compared_count_ = walk_.compared_count();
    }
    if (!is_found) {
        met_.clear();
        if (graph_.codes != nullptr) scan(*input.table, request);
    }
    std::sort(met_.begin(), met_.end(), [](const MetRow& a, const MetRow& b) {
        return a.distance < b.distance || (a.distance == b.distance && a.row < b.row);
    });
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
    best_.reset(request.k);
    listed_.clear();
    const auto k = static_cast<size_t>(request.k);
    const size_t batch = std::min(kVectorsMax, static_cast<size_t>(request.vector_batch));
    for (size_t i = 0; i < met_.size(); ++i) {
        if (i >= k && best_.is_full() && !query_.may_reach(met_[i].distance, met_[i].deviation, best_.worst_key())) {
            continue;
        }
        listed_.push_back(met_[i].row);
        if (i + 1 == k || listed_.size() == (i < k ? kVectorsMax : batch)) score(input, vectors, task);
    }
    if (!listed_.empty()) score(input, vectors, task);
    best_.write(is_larger_nearer(input.metric), scores, rows);
    return {compared_count_, walk_.reader().read_count(), vector_count_};
}

}  // namespace elanus
