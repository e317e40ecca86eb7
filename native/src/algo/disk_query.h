// A search of a graph on disk from the query to exact scores: the walk chooses candidates, whose vectors are then read.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "algo/best_rows.h"
#include "algo/disk_walk.h"
#include "algo/query.h"

namespace elanus {

// What a query cost.
struct DiskCounts {
    int64_t compared, blocks_read, vectors_read;
};

// Answers queries one after the other; one a thread.
class DiskQuery {
public:
    explicit DiskQuery(const DiskGraph& graph) : graph_(graph), walk_(graph) {}

    void begin(const DiskRequest& request) { walk_.reader().begin(request.reader_capacity); }
    // Gives back what a call held.
    void end();

    // The nearest rows of query `number` and their exact scores, as `GraphQuery::search`. Without codes in memory there
    // are none when a filter makes the walk too long, or `expanded_max` is 0; with them there are none when more rows
    // than `scan_kept_max` may belong to the answer, or the query is one that codes cannot be compared with. `vectors`
    // holds the rows of the column.
    DiskCounts search(const ScanInput& input, const BlockSource& vectors, const PreparedQueries& prepared,
                      int64_t number, const DiskRequest& request, float* scores, int64_t* rows);

private:
    struct Scoring {
        const ScanInput& input;
        const BlockSource& vectors;
        ScoreTask task;
    };

    void scan(const KernelTable& table, const DiskRequest& request, int64_t kept_max);
    void scan_until_sure(const Scoring& scoring, const DiskRequest& request);
    void rank(const Scoring& scoring, const DiskRequest& request);
    void score(const Scoring& scoring);
    bool may_reach_beyond() const;

    const DiskGraph& graph_;
    DiskWalk walk_;
    CodedQuery query_;
    std::vector<MetRow> met_;
    std::vector<uint32_t> listed_;
    std::vector<BlockRead> reads_;
    std::vector<uint64_t> vectors_;  // as raw bytes
    std::vector<float> scores_;
    BestRows best_;
    int64_t compared_count_ = 0, vector_count_ = 0;
};

}  // namespace elanus
