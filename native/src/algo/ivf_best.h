// The best rows of a search over inverted lists, with a bound that is always that of the worst one kept.

#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "elanus/kernels.h"

namespace elanus {

// Rows whose keys are compared at a time, at most.
constexpr int64_t kListBlock = 512;

// Keeps the `count` rows with the smallest (key, row). Rows may come in any order; each comes at most once.
class BestRows {
public:
    explicit BestRows(int64_t count) : count_(static_cast<size_t>(count)) { heap_.reserve(count_ + 1); }

    void clear() {
        heap_.clear();
        bound_ = std::numeric_limits<float>::infinity();
    }

    int64_t capacity() const { return static_cast<int64_t>(count_); }

    // No row with a larger key can be among the best any more.
    float bound() const { return bound_; }

    void offer(float key, uint32_t row) {
        const uint64_t entry = static_cast<uint64_t>(ordered_bits(key)) << 32 | row;
        if (heap_.size() < count_) {
            heap_.push_back(entry);
            std::push_heap(heap_.begin(), heap_.end());
        } else if (count_ > 0 && entry < heap_.front()) {
            std::pop_heap(heap_.begin(), heap_.end());
            heap_.back() = entry;
            std::push_heap(heap_.begin(), heap_.end());
        } else {
            return;
        }
        if (heap_.size() == count_) bound_ = key_of(heap_.front());
    }

    // Puts the rows in order, best first; nothing may be offered afterwards.
    void finish() { std::sort(heap_.begin(), heap_.end()); }
    int64_t size() const { return static_cast<int64_t>(heap_.size()); }
    float key(int64_t place) const { return key_of(heap_[static_cast<size_t>(place)]); }
    uint32_t row(int64_t place) const { return static_cast<uint32_t>(heap_[static_cast<size_t>(place)]); }

private:
    // Floats as integers of the same order; adding zero makes the two zeros equal.
    static uint32_t ordered_bits(float key) {
        const uint32_t bits = std::bit_cast<uint32_t>(key + 0.0f);
        return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    }
    static float key_of(uint64_t entry) {
        const auto ordered = static_cast<uint32_t>(entry >> 32);
        return std::bit_cast<float>((ordered & 0x80000000u) != 0 ? ordered & 0x7fffffffu : ~ordered);
    }

    const size_t count_;
    std::vector<uint64_t> heap_;
    float bound_ = std::numeric_limits<float>::infinity();
};

// Calls `visit(i)` for each of `count` keys (at most kListBlock) that is at most `bound`.
template <class Visit>
void for_each_at_most(const KernelTable& table, const float* keys, int64_t count, float bound, const Visit& visit) {
    uint64_t within[kListBlock / 64];
    table.compare->between_f32(keys, count, -std::numeric_limits<float>::infinity(), bound, false, within);
    for (int64_t start = 0; start < count; start += 64) {
        for (uint64_t word = within[start / 64]; word != 0; word &= word - 1) {
            visit(start + std::countr_zero(word));
        }
    }
}

}  // namespace elanus
