#include "algo/json_paths.h"

#include <algorithm>

namespace elanus {

void JsonDirectory::read(const Strings& texts, const uint64_t* valid) {
    for (row_ = 0; row_ < texts.count; ++row_) {
        if (valid != nullptr && (valid[row_ / 64] >> (row_ % 64) & 1) == 0) continue;
        reader_ = JsonReader(texts.data + texts.offsets[row_], texts.data + texts.offsets[row_ + 1]);
        met_.clear();
        opened_.clear();
        const int32_t path_count = trie_.size();
        if (walk(0, 0) && reader_.at_end()) {
            count(row_);
        } else {
            undo(path_count);
            unread_.push_back(row_);
        }
    }
}

bool JsonDirectory::walk(int32_t node, int64_t depth) {
    const JsonKind kind = reader_.peek();
    switch (kind) {
        case JsonKind::missing:
            return false;
        case JsonKind::object:
            met_.push_back({node, kind});
            return walk_object(node, depth);
        case JsonKind::array:
            met_.push_back({node, kind});
            return reader_.skip(static_cast<int>(depth));
        default: {
            JsonScalar scalar;
            if (!reader_.read_scalar(&scalar)) return false;
            met_.push_back({node, scalar.kind});
            return true;
        }
    }
}

bool JsonDirectory::walk_object(int32_t node, int64_t depth) {
    reader_.enter();
    int32_t before = -1;
    std::string_view key;
    for (bool is_first = true;; is_first = false) {
        const JsonReader::Step step = reader_.next_key(is_first, &key);
        if (step != JsonReader::Step::item) return step == JsonReader::Step::end;
        const int32_t found = child(node, key, before, depth);
        if (found < 0) {
            opened_.push_back(node);
            if (!reader_.skip(static_cast<int>(depth) + 1)) return false;
            continue;
        }
        if (!trie_.mark(found, row_) || !walk(found, depth + 1)) return false;
        before = found;
    }
}

int32_t JsonDirectory::child(int32_t node, std::string_view key, int32_t before, int64_t depth) {
    if (depth >= limits_.depth || static_cast<int64_t>(key.size()) > limits_.key_bytes) return -1;
    const int32_t found = trie_.find(node, key, before);
    if (found >= 0 || trie_.size() > limits_.path_count) return found;
    facts_.emplace_back();
    return trie_.add(node, key);
}

void JsonDirectory::undo(int32_t path_count) {
    trie_.cut(path_count);
    facts_.resize(static_cast<size_t>(path_count));
}

void JsonDirectory::count(int64_t row) {
    for (const int32_t node : opened_) facts_[static_cast<size_t>(node)].is_open = true;
    for (const Met& met : met_) {
        JsonPathFacts& facts = facts_[met.node];
        ++facts.counts[static_cast<size_t>(met.kind)];
        if (!facts.has_all_rows) continue;
        if (static_cast<int64_t>(facts.rows.size()) < limits_.row_count) {
            facts.rows.push_back(row);
        } else {
            facts.has_all_rows = false;
            facts.rows = {};
        }
    }
}

}  // namespace elanus
