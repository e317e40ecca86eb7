// Where a scan puts its scores: the best k of them, or all within bounds.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "elanus/kernels.h"

namespace elanus {

constexpr int64_t kBlockRowsMax = 512;

// Scores of up to kBlockRowsMax rows. Row i is `rows[i]`, or `first + i` when `rows` is null; rows ascend, also from
// block to block. With `allow`, only rows whose bit i is set count.
struct Block {
    const float* scores;
    int64_t count;
    int64_t first;
    const uint32_t* rows;
    const uint64_t* allow;

    int64_t row(int64_t i) const { return rows != nullptr ? rows[i] : first + i; }
};

class Collector {
public:
    virtual ~Collector() = default;
    virtual void take(const Block& block) = 0;
};

// Keeps the best k rows; of equal scores the smaller row wins.
//
// A candidate is one 64-bit key, score above row, smaller is better. Candidates gather until there are enough of them
// to pay for a selection; the k-th best score then turns most later rows away with one vector comparison.
class TopkCollector final : public Collector {
public:
    // `candidate_count` is how many rows will be offered at most; `k` is at most that.
    TopkCollector(const KernelTable& table, int64_t k, bool largest, int64_t candidate_count);

    void take(const Block& block) override;

    // Ends the collection: puts scores and rows in order, best first; returns how many (k, or as many as were offered).
    int64_t finish();
    float score(int64_t place) const;
    int64_t row(int64_t place) const { return static_cast<int64_t>(keys_[place] & 0xffffffffu); }

private:
    void keep_best();

    const KernelTable& table_;
    const int64_t k_;
    const bool largest_;
    const int64_t capacity_;
    std::unique_ptr<uint64_t[]> keys_;
    int64_t count_ = 0;
    // Scores strictly better than the k-th best one; meaningful once `has_threshold_`.
    bool has_threshold_ = false;
    float low_ = 0, high_ = 0;
};

// Keeps every row with low <= score <= high, in row order.
class RangeCollector final : public Collector {
public:
    RangeCollector(const KernelTable& table, float low, float high) : table_(table), low_(low), high_(high) {}

    void take(const Block& block) override;

    const std::vector<float>& scores() const { return scores_; }
    const std::vector<int64_t>& rows() const { return rows_; }

private:
    const KernelTable& table_;
    const float low_, high_;
    std::vector<float> scores_;
    std::vector<int64_t> rows_;
};

// The neighbouring float32 values, so that an exclusive bound can be written as an inclusive one.
float next_below(float value);
float next_above(float value);

}  // namespace elanus
