#include "algo/collector.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace elanus {

namespace {

// Candidates gathered beyond k before a selection, at least.
constexpr int64_t kSlackMin = 512;
constexpr uint64_t kAllBits = ~uint64_t{0};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Floats as integers of the same order; adding zero makes the two zeros equal.
uint32_t ordered_bits(float score) {
    const uint32_t bits = std::bit_cast<uint32_t>(score + 0.0f);
    return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

float score_of(uint32_t ordered) {
    return std::bit_cast<float>((ordered & 0x80000000u) != 0 ? ordered & 0x7fffffffu : ~ordered);
}

// Calls `visit(i)` for the rows of the block that are within bounds (all when `bounded` is false) and allowed.
template <class Visit>
void for_each_within(const KernelTable& table, const Block& block, bool bounded, float low, float high,
                     const Visit& visit) {
    uint64_t within[kBlockRowsMax / 64];
    if (bounded) table.compare->between_f32(block.scores, block.count, low, high, false, within);
    for (int64_t start = 0; start < block.count; start += 64) {
        const int64_t left = block.count - start;
        uint64_t word = bounded ? within[start / 64] : left < 64 ? (uint64_t{1} << left) - 1 : kAllBits;
        if (block.allow != nullptr) word &= block.allow[start / 64];
        for (; word != 0; word &= word - 1) visit(start + std::countr_zero(word));
    }
}

}  // namespace

float next_below(float value) { return std::nextafter(value, -kInfinity); }
float next_above(float value) { return std::nextafter(value, kInfinity); }

TopkCollector::TopkCollector(const KernelTable& table, int64_t k, bool largest, int64_t candidate_count)
    : table_(table),
      k_(k),
      largest_(largest),
      capacity_(std::min(candidate_count, k + std::max(k, kSlackMin)) + kBlockRowsMax),
      keys_(new uint64_t[static_cast<size_t>(capacity_)]) {}

void TopkCollector::take(const Block& block) {
    const uint32_t flip = largest_ ? 0xffffffffu : 0;
    for_each_within(table_, block, has_threshold_, low_, high_, [&](int64_t i) {
        const uint32_t ordered = ordered_bits(block.scores[i]) ^ flip;
        keys_[count_++] = (static_cast<uint64_t>(ordered) << 32) | static_cast<uint64_t>(block.row(i));
    });
    if (count_ > capacity_ - kBlockRowsMax) keep_best();
}

void TopkCollector::keep_best() {
    if (count_ <= k_) return;
    uint64_t* keys = keys_.get();
    std::nth_element(keys, keys + k_ - 1, keys + count_);
    count_ = k_;
    const float threshold = score(k_ - 1);
    has_threshold_ = true;
    low_ = largest_ ? next_above(threshold) : -kInfinity;
    high_ = largest_ ? kInfinity : next_below(threshold);
}

int64_t TopkCollector::finish() {
    keep_best();
    std::sort(keys_.get(), keys_.get() + count_);
    return count_;
}

float TopkCollector::score(int64_t place) const {
    const auto ordered = static_cast<uint32_t>(keys_[place] >> 32);
    return score_of(largest_ ? ~ordered : ordered);
}

void RangeCollector::take(const Block& block) {
    for_each_within(table_, block, true, low_, high_, [&](int64_t i) {
        scores_.push_back(block.scores[i]);
        rows_.push_back(block.row(i));
    });
}

}  // namespace elanus
