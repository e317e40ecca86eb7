// Which nodes a walk has come by: few of many, so their numbers are kept and not a mark for every node.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace elanus {

// Numbers below 2^32 - 1, by open addressing.
class NodeSet {
public:
    void clear() {
        if (places_.empty()) places_.resize(kPlacesMin);
        std::fill(places_.begin(), places_.end(), kNone);
        count_ = 0;
    }

    // Whether the node is new.
    bool add(uint32_t node) {
        if (2 * (count_ + 1) > places_.size()) grow();
        uint32_t& place = places_[find(node)];
        if (place == node) return false;
        place = node;
        ++count_;
        return true;
    }

    bool has(uint32_t node) const { return places_[find(node)] == node; }

private:
    static constexpr uint32_t kNone = ~uint32_t{0};
    static constexpr size_t kPlacesMin = 4096;

    // Where the node is, or would be.
    size_t find(uint32_t node) const {
        const size_t mask = places_.size() - 1;
        size_t place = (node * uint64_t{0x9E3779B97F4A7C15} >> 32) & mask;
        while (places_[place] != kNone && places_[place] != node) place = (place + 1) & mask;
        return place;
    }

    void grow() {
        std::vector<uint32_t> old(2 * places_.size(), kNone);
        old.swap(places_);
        for (const uint32_t node : old) {
            if (node != kNone) places_[find(node)] = node;
        }
    }

    std::vector<uint32_t> places_;
    size_t count_ = 0;
};

}  // namespace elanus
