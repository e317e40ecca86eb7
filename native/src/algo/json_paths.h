// Which paths of keys a column of JSON texts has.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "algo/json_reader.h"
#include "algo/json_trie.h"
#include "algo/strings.h"

namespace elanus {

struct JsonPathLimits {
    // Paths beyond so many, longer than so many keys, or with a longer key are not told.
    int64_t path_count;
    int64_t depth;
    int64_t key_bytes;
    // The rows of a path are told while they are at most so many.
    int64_t row_count;
};

struct JsonPathFacts {
    std::array<int64_t, kJsonKindCount> counts{};
    // Some object here has a key of which nothing is told.
    bool is_open = false;
    bool has_all_rows = true;
    std::vector<int64_t> rows;
};

// The paths of the texts of the rows in `valid` (null for all), and what is known of each. A row that is no JSON, has
// a key twice in one object, half a surrogate pair or too deep a value is in `unread` and counts nowhere.
class JsonDirectory {
public:
    explicit JsonDirectory(const JsonPathLimits& limits) : limits_(limits), facts_(1) {}

    void read(const Strings& texts, const uint64_t* valid);

    const JsonTrie& trie() const { return trie_; }
    const std::vector<JsonPathFacts>& facts() const { return facts_; }
    const std::vector<int64_t>& unread() const { return unread_; }

private:
    struct Met {
        int32_t node;
        JsonKind kind;
    };

    bool walk(int32_t node, int64_t depth);
    bool walk_object(int32_t node, int64_t depth);
    int32_t child(int32_t node, std::string_view key, int32_t before, int64_t depth);
    void count(int64_t row);
    void undo(int32_t path_count);

    JsonPathLimits limits_;
    JsonTrie trie_;
    std::vector<JsonPathFacts> facts_;
    std::vector<int64_t> unread_;
    // Of the row being read.
    JsonReader reader_{nullptr, nullptr};
    int64_t row_ = 0;
    std::vector<Met> met_;
    std::vector<int32_t> opened_;
};

}  // namespace elanus
