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

struct GraphTarget {
    const Graph* graph;
    Vectors base;
    Metric metric;
    NodeRows rows;          // of `base`
    float usual_deviation;  // of the graph
};

struct GraphRequest {
    int64_t k, breadth;
    int64_t walk_compared_max;  // 0 for no walk; under a filter one that would compare more is given up
    int64_t patience;           // of a search by cells where there is no walk; 0 to compare all allowed codes
    const uint64_t* allow;      // ceil(base.row_count / 64) words; null for every row
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
    Margin margin(const GraphRequest& request, float errors) const;
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
