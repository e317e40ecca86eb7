// A walk through a graph whose links lie on disk: a few blocks are read at a time, those of the nearest nodes
// (Subramanya et al. 2019).

#pragma once

#include <cstdint>
#include <vector>

#include "algo/coded_query.h"
#include "algo/disk_blocks.h"
#include "algo/estimates.h"
#include "algo/graph.h"
#include "algo/neighbour_codes.h"
#include "algo/node_set.h"

namespace elanus {

struct DiskGraph {
    const CodeSpace* space;
    DiskBlocks blocks;
    const uint8_t* codes;  // of every node; null where blocks hold them
    const uint32_t* rows;  // of every node; null with `codes`
    const uint32_t* entries;
    const uint8_t* entry_codes;
    int64_t entry_count;
    int64_t row_count;  // of the column; a row beyond is damage
};

struct DiskRequest {
    int64_t k, breadth;
    int64_t beam;             // nodes whose blocks are read at once
    int64_t vector_batch;     // vectors read at once after the first k
    int64_t expanded_max;     // nodes that may be followed under a filter; 0 not to walk
    int64_t scan_kept_max;    // codes that a scan may keep before it is given up
    int64_t reader_capacity;  // blocks that are kept while a call lasts
    const uint64_t* allow;    // ceil(row_count / 64) words; null for every row
};

// An allowed row a search came by; `distance` and `deviation` as its codes have them.
struct MetRow {
    float distance, deviation;
    uint32_t row;
};

class DiskWalk {
public:
    explicit DiskWalk(const DiskGraph& graph) : graph_(graph), reader_(graph.blocks) {}

    BlockReader& reader() { return reader_; }
    // The allowed rows among the nodes that were followed until `breadth` of them were nearer than any left to follow.
    // False when more than `expanded_max` would be followed under a filter; what was met is incomplete then.
    bool search(const KernelTable& table, const CodedQuery& query, const DiskRequest& request,
                std::vector<MetRow>& met);

    int64_t compared_count() const { return compared_count_; }

private:
    void begin(const KernelTable& table, const CodedQuery& query, const DiskRequest& request);
    void take_batch(int64_t beam);
    void follow(const KernelTable& table, const CodedQuery& query, const Candidate& candidate,
                const DiskRequest& request, std::vector<MetRow>& met);
    void compare_far(const KernelTable& table, const CodedQuery& query);
    void compare_listed(const KernelTable& table, const CodedQuery& query, const uint8_t* codes);
    float code_distance(const KernelTable& table, const CodedQuery& query, const uint8_t* codes);
    void meet(const MetRow& one, std::vector<MetRow>& met);
    void offer(float distance, uint32_t node);
    float limit() const;

    const DiskGraph& graph_;
    BlockReader reader_;
    NeighbourTable table_;
    NodeSet seen_, followed_;
    Estimates estimates_;
    std::vector<Candidate> frontier_;  // a heap, the nearest first
    std::vector<Candidate> batch_;
    std::vector<uint32_t> batch_nodes_, listed_, far_, places_;
    std::vector<float> nearest_;  // a heap, the farthest first, of what was met
    std::vector<int32_t> products_;
    std::vector<uint8_t> gathered_;
    int64_t breadth_ = 0, compared_count_ = 0;
    float norm_weight_ = 1;
};

}  // namespace elanus
