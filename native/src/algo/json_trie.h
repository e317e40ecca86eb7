// Paths of keys as a tree, each with a number; looked up while objects are read.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace elanus {

class JsonTrie {
public:
    // Only the root, number 0, the path without keys.
    JsonTrie();

    int32_t size() const { return static_cast<int32_t>(nodes_.size()); }
    int32_t parent(int32_t node) const { return nodes_[node].parent; }
    const std::string& key(int32_t node) const { return nodes_[node].key; }
    bool has_children(int32_t node) const { return nodes_[node].first_guess >= 0; }

    // The child with that key, or -1. `before` is the child found before it in the same object, or -1: objects mostly
    // have their keys in the order of the object before.
    int32_t find(int32_t parent, std::string_view key, int32_t before);
    // A new child, whose key is not there yet.
    int32_t add(int32_t parent, std::string_view key);
    // Takes back what was added last, down to so many nodes.
    void cut(int32_t size);

    // Notes that the path was met in a row. False if it was met there already: a key that repeats.
    bool mark(int32_t node, int64_t row) {
        if (nodes_[node].row == row) return false;
        nodes_[node].row = row;
        return true;
    }

private:
    struct Node {
        int32_t parent;
        std::string key;
        // The child to try first, and the sibling to try after this one; -1 if not known. They may be wrong.
        int32_t first_guess = -1;
        int32_t next_guess = -1;
        int64_t row = -1;
    };

    int32_t& guess(int32_t parent, int32_t before) {
        return before < 0 ? nodes_[parent].first_guess : nodes_[before].next_guess;
    }
    size_t place(int32_t parent, std::string_view key) const;
    void grow();

    std::vector<Node> nodes_;
    // Open addressing, a power of two, at most half full; -1 is free.
    std::vector<int32_t> table_;
};

}  // namespace elanus
