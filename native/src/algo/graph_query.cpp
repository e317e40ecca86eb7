#include "algo/graph_query.h"

namespace elanus {

namespace {

// Rows scored at once after the first `k`: few, since each may show that the next are not needed.
constexpr size_t kScoreBlock = 8;
// Candidates kept beyond the nearest under a filter, by what distances are usually off. A walk is led by the nearest,
// and each candidate it keeps makes it longer; cells and scans compare what they compare.
constexpr float kWalkErrors = 1;
constexpr float kScanErrors = 4;

}  // namespace

bool GraphQuery::may_belong(const Candidate& candidate) const {
    if (!best_.is_full()) return true;
    const CodeTail& tail = target_.graph->space->tail(target_.graph->row(candidate.node));
    return query_.may_reach(candidate.distance, tail.deviation, best_.worst_key());
}

// Scores the listed rows and keeps the best.
void GraphQuery::score(const KernelTable& table, ScoreTask task) {
    scores_.resize(listed_.size());
    task.rows = listed_.data();
    task.count = static_cast<int64_t>(listed_.size());
    task.scores = scores_.data();
    task.scores_stride = task.count;
    find_score(table, target_.base.type, target_.metric)(&task);
    const bool larger_nearer = is_larger_nearer(target_.metric);
    for (size_t i = 0; i < listed_.size(); ++i) best_.add({larger_nearer ? -scores_[i] : scores_[i], listed_[i]});
    listed_.clear();
}

void GraphQuery::rank(const KernelTable& table, const ScoreTask& task, const GraphRequest& request) {
    const Beam& found = walk_.found();
    best_.reset(request.k);
    listed_.clear();
    for (int64_t i = 0; i < found.size(); ++i) {
        const Candidate candidate = found.at(i);
        if (i >= request.k && !may_belong(candidate)) continue;
        listed_.push_back(target_.rows.row(candidate.node));
        if (i + 1 == request.k || (i >= request.k && listed_.size() == kScoreBlock)) score(table, task);
    }
    if (!listed_.empty()) score(table, task);
}

Margin GraphQuery::margin(const GraphRequest& request, float errors) const {
    return {request.k, errors * query_.error_of(target_.usual_deviation)};
}

// False when a filter makes it too long.
bool GraphQuery::walk(const KernelTable& table, const GraphRequest& request, const Allowed& allowed) {
    const Graph& graph = *target_.graph;
    if (request.allow != nullptr) {
        return walk_.search_through(table, graph, query_.codes(), request.breadth, margin(request, kWalkErrors),
                                    allowed, request.walk_compared_max);
    }
    walk_.search(table, graph, query_.codes(), request.breadth);
    return true;
}

int64_t GraphQuery::search(const KernelTable& table, const ScanInput& input, const PreparedQueries& prepared,
                           int64_t number, const GraphRequest& request, float* scores, int64_t* rows) {
    query_.prepare(*target_.graph->space, input, prepared, number);
    if (!query_.can_be_compared()) {
        best_.reset(request.k);
        best_.write(false, scores, rows);
        return 0;
    }
    const Graph& graph = *target_.graph;
    walk_.prepare(query_.has_norms());
    const Allowed allowed = {request.allow, target_.rows};
    int64_t compared_count = 0;
    bool is_found = false;
    if (request.walk_compared_max > 0) {
        is_found = walk(table, request, allowed);
        compared_count = walk_.compared_count();
    }
    if (!is_found) {
        const Allowed* few = request.allow == nullptr ? nullptr : &allowed;
        const Margin kept = few == nullptr ? Margin{} : margin(request, kScanErrors);
        if (request.patience > 0) {
            walk_.search_cells(table, graph, query_.codes(), request.breadth, kept, few, request.patience);
        } else {
            walk_.scan(table, graph, query_.codes(), request.breadth, kept, few);
        }
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
    best_.write(is_larger_nearer(target_.metric), scores, rows);
    return compared_count;
}

}  // namespace elanus
