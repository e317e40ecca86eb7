#include "algo/json_trie.h"

#include "algo/hash.h"

namespace elanus {

namespace {
constexpr size_t kTableSizeMin = 64;
}

JsonTrie::JsonTrie() : table_(kTableSizeMin, -1) { nodes_.push_back({-1, {}}); }

size_t JsonTrie::place(int32_t parent, std::string_view key) const {
    const auto* bytes = reinterpret_cast<const uint8_t*>(key.data());
    const uint64_t hash =
        hash_bytes(bytes, static_cast<int64_t>(key.size()), static_cast<uint64_t>(parent), bytes + key.size());
    size_t slot = hash & (table_.size() - 1);
    while (table_[slot] >= 0 && (nodes_[table_[slot]].parent != parent || nodes_[table_[slot]].key != key)) {
        slot = (slot + 1) & (table_.size() - 1);
    }
    return slot;
}

int32_t JsonTrie::find(int32_t parent, std::string_view key, int32_t before) {
    const int32_t guessed = guess(parent, before);
    if (guessed >= 0 && guessed < size() && nodes_[guessed].parent == parent && nodes_[guessed].key == key) {
        return guessed;
    }
    const int32_t found = table_[place(parent, key)];
    if (found >= 0) guess(parent, before) = found;
    return found;
}

int32_t JsonTrie::add(int32_t parent, std::string_view key) {
    if (nodes_.size() * 2 >= table_.size()) grow();
    const int32_t node = size();
    table_[place(parent, key)] = node;
    nodes_.push_back({parent, std::string(key)});
    if (nodes_[parent].first_guess < 0) nodes_[parent].first_guess = node;
    return node;
}

void JsonTrie::cut(int32_t size) {
    // Taken out in reverse, each leaves the table as it was before it came.
    for (; this->size() > size; nodes_.pop_back()) table_[place(nodes_.back().parent, nodes_.back().key)] = -1;
}

void JsonTrie::grow() {
    table_.assign(table_.size() * 2, -1);
    for (int32_t node = 1; node < size(); ++node) table_[place(nodes_[node].parent, nodes_[node].key)] = node;
}

}  // namespace elanus
