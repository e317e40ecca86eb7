// Several estimates of a node's distance taken together, the better ones counting more.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace elanus {

// Of nodes below 2^32 - 1, by open addressing.
class Estimates {
public:
    void clear() {
        if (entries_.empty()) entries_.resize(kEntriesMin);
        std::fill(entries_.begin(), entries_.end(), Entry{});
        count_ = 0;
    }

    // The mean of all estimates of the node, this one too, each by its weight.
    float add(uint32_t node, float distance, float weight) {
        if (2 * (count_ + 1) > entries_.size()) grow();
        Entry& entry = entries_[find(node)];
        if (entry.node == kNone) {
            entry = {node, 0, 0};
            ++count_;
        }
        entry.weight += weight;
        // A step towards the new one; with one estimate the mean is that.
        entry.mean += (distance - entry.mean) * (weight / entry.weight);
        return entry.mean;
    }

    // Whether there are estimates of the node and their mean is another by now.
    bool has_moved(uint32_t node, float mean) const {
        const Entry& entry = entries_[find(node)];
        return entry.node == node && entry.mean != mean;
    }

private:
    static constexpr uint32_t kNone = ~uint32_t{0};
    static constexpr size_t kEntriesMin = 2048;

    struct Entry {
        uint32_t node = kNone;
        float weight = 0, mean = 0;
    };

    // Where the node is, or would be.
    size_t find(uint32_t node) const {
        const size_t mask = entries_.size() - 1;
        size_t place = (node * uint64_t{0x9E3779B97F4A7C15} >> 32) & mask;
        while (entries_[place].node != kNone && entries_[place].node != node) place = (place + 1) & mask;
        return place;
    }

    void grow() {
        std::vector<Entry> old(2 * entries_.size());
        old.swap(entries_);
        for (const Entry& entry : old) {
            if (entry.node != kNone) entries_[find(entry.node)] = entry;
        }
    }

    std::vector<Entry> entries_;
    size_t count_ = 0;
};

}  // namespace elanus
