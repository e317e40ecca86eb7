// A search of a graph from the query to exact scores: the walk chooses candidates, the vectors themselves rank them.

#pragma once

#include <cstdint>
#include <vector>

#include "algo/best_rows.h"
#include "algo/coded_query.h"
#include "algo/graph.h"
#include "algo/query.h"
#include "algo/scan.h"

namespace elanus {

enum class WalkMode : int32_t {
    walk,  // through the graph; if that compares too much for a filter, a scan after all
    scan,  // all allowed codes are compared
};

struct GraphTarget {
    const Graph* graph;
    Vectors base;
    Metric metric;
    const uint32_t* rows;  // of `base`, of each node, ascending; null where nodes are rows
};

struct GraphRequest {
    int64_t k, breadth;
    WalkMode mode;
    int64_t compared_max;   // of a walk with a filter
    const uint64_t* allow;  // ceil(base.row_count / 64) words; null for every row
};

// Answers queries one after the other; one a thread.
class GraphQuery {
public:
    explicit GraphQuery(const GraphTarget& target) : target_(target), walk_(target.graph->node_count) {}
    // The same graph with its base at another address.
    void aim(const GraphTarget& target) { target_ = target; }

    // The nearest rows of query `number` of `prepared` and their exact scores into `scores` and `rows`, `k` places
    // each, best first, ties to the smaller row, -1 where fewer were found. Returns how many nodes were compared.
    int64_t search(const KernelTable& table, const ScanInput& input, const PreparedQueries& prepared, int64_t number,
                   const GraphRequest& request, float* scores, int64_t* rows);

private:
    bool walk(const KernelTable& table, const GraphRequest& request, const Allowed& allowed);
    void rank(const KernelTable& table, const ScoreTask& task, const GraphRequest& request);
    void score(const KernelTable& table, ScoreTask task);
    bool may_belong(const Candidate& candidate) const;

    GraphTarget target_;
    Walk walk_;
    CodedQuery query_;
    std::vector<uint32_t> listed_;
    std::vector<float> scores_;
    BestRows best_;
};

}  // namespace elanus
