// The values at some paths of a column of JSON texts, as columns.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algo/json_reader.h"
#include "algo/json_trie.h"
#include "algo/strings.h"

namespace elanus {

// One value after another: its kind, and a number or a string where it is one. Strings lie end to end, one more offset
// than values.
class JsonColumn {
public:
    void add(const JsonScalar& scalar);
    void add(JsonKind kind) { add(JsonScalar{kind, 0, {}}); }
    // Adds `missing` until there are so many.
    void fill(int64_t count);
    // Drops all beyond the first so many.
    void cut(int64_t count);

    int64_t size() const { return static_cast<int64_t>(kinds_.size()); }
    const std::vector<uint8_t>& kinds() const { return kinds_; }
    const std::vector<int64_t>& bits() const { return bits_; }
    const std::vector<int32_t>& offsets() const { return offsets_; }
    const std::string& bytes() const { return bytes_; }

private:
    std::vector<uint8_t> kinds_;
    std::vector<int64_t> bits_;
    std::vector<int32_t> offsets_{0};
    std::string bytes_;
};

// The values at one path, and the elements of those that are arrays: one more offset than rows.
struct JsonPathColumn {
    JsonColumn values;
    JsonColumn elements;
    std::vector<int32_t> offsets{0};
};

// Reads the values of the rows in `valid` (null for all). A row that is no JSON, has a key twice on the way to a path,
// half a surrogate pair or too deep a value has no value anywhere and is in `unread`.
class JsonExtraction {
public:
    // Adds a path and gives the number of its column; the same path twice has one.
    int64_t add_path(const std::vector<std::string_view>& keys);
    void read(const Strings& texts, const uint64_t* valid);

    const std::vector<JsonPathColumn>& columns() const { return columns_; }
    const std::vector<int64_t>& unread() const { return unread_; }

private:
    bool walk(int32_t node, int depth);
    bool walk_object(int32_t node, int depth);
    bool walk_array(JsonPathColumn* column, int depth);
    void fill(int64_t row_count);
    void undo();

    JsonTrie trie_;
    // The column of each node, -1 for those only on the way.
    std::vector<int64_t> column_of_{-1};
    std::vector<JsonPathColumn> columns_;
    std::vector<int64_t> unread_;
    // Of the row being read: the columns that have a value for it.
    JsonReader reader_{nullptr, nullptr};
    int64_t row_ = 0;
    std::vector<int64_t> met_;
};

}  // namespace elanus
