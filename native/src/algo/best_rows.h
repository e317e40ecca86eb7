// The best few of rows with exact scores.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace elanus {

// A smaller key is nearer, then a smaller row.
struct RankedRow {
    float key;
    uint32_t row;

    bool operator<(const RankedRow& other) const { return key < other.key || (key == other.key && row < other.row); }
};

class BestRows {
public:
    void reset(int64_t k) {
        k_ = static_cast<size_t>(k);
        rows_.clear();
    }
    void add(const RankedRow& one) {
        if (is_full() && !(one < rows_.back())) return;
        rows_.insert(std::upper_bound(rows_.begin(), rows_.end(), one), one);
        if (rows_.size() > k_) rows_.pop_back();
    }
    bool is_full() const { return rows_.size() == k_; }
    // Of the last one.
    float worst_key() const { return rows_.back().key; }

    // `k` places each, best first, -1 where there are fewer; a score is the key, negated if `is_negated`.
    void write(bool is_negated, float* scores, int64_t* rows) const {
        for (size_t i = 0; i < k_; ++i) {
            const bool is_there = i < rows_.size();
            const float key = is_there ? rows_[i].key : 0;
            scores[i] = is_negated ? -key : key;
            if (scores[i] == 0) scores[i] = 0;
            rows[i] = is_there ? static_cast<int64_t>(rows_[i].row) : -1;
        }
    }

private:
    size_t k_ = 0;
    std::vector<RankedRow> rows_;
};

}  // namespace elanus
