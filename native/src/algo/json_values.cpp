#include "algo/json_values.h"

namespace elanus {

void JsonColumn::add(const JsonScalar& scalar) {
    kinds_.push_back(static_cast<uint8_t>(scalar.kind));
    bits_.push_back(scalar.bits);
    if (scalar.kind == JsonKind::string) bytes_.append(scalar.text);
    offsets_.push_back(static_cast<int32_t>(bytes_.size()));
}

void JsonColumn::fill(int64_t count) {
    const auto size = static_cast<size_t>(count);
    if (kinds_.size() >= size) return;
    kinds_.resize(size, static_cast<uint8_t>(JsonKind::missing));
    bits_.resize(size, 0);
    offsets_.resize(size + 1, static_cast<int32_t>(bytes_.size()));
}

void JsonColumn::cut(int64_t count) {
    const auto size = static_cast<size_t>(count);
    if (kinds_.size() <= size) return;
    kinds_.resize(size);
    bits_.resize(size);
    offsets_.resize(size + 1);
    bytes_.resize(static_cast<size_t>(offsets_.back()));
}

int64_t JsonExtraction::add_path(const std::vector<std::string_view>& keys) {
    int32_t node = 0;
    for (const std::string_view key : keys) {
        const int32_t found = trie_.find(node, key, -1);
        node = found >= 0 ? found : trie_.add(node, key);
        column_of_.resize(static_cast<size_t>(trie_.size()), -1);
    }
    int64_t& column = column_of_[static_cast<size_t>(node)];
    if (column < 0) {
        column = static_cast<int64_t>(columns_.size());
        columns_.emplace_back();
    }
    return column;
}

void JsonExtraction::read(const Strings& texts, const uint64_t* valid) {
    for (row_ = 0; row_ < texts.count; ++row_) {
        if (valid != nullptr && (valid[row_ / 64] >> (row_ % 64) & 1) == 0) continue;
        reader_ = JsonReader(texts.data + texts.offsets[row_], texts.data + texts.offsets[row_ + 1]);
        met_.clear();
        if (walk(0, 0) && reader_.at_end()) continue;
        undo();
        unread_.push_back(row_);
    }
    fill(texts.count);
}

bool JsonExtraction::walk(int32_t node, int depth) {
    const JsonKind kind = reader_.peek();
    if (kind == JsonKind::missing) return false;
    const int64_t number = column_of_[static_cast<size_t>(node)];
    JsonPathColumn* column = number < 0 ? nullptr : &columns_[static_cast<size_t>(number)];
    if (column != nullptr) {
        met_.push_back(number);
        column->values.fill(row_);
        column->offsets.resize(static_cast<size_t>(row_) + 1, column->offsets.back());
    }
    if (kind == JsonKind::object || kind == JsonKind::array) {
        if (column != nullptr) column->values.add(kind);
        if (kind == JsonKind::object && trie_.has_children(node)) return walk_object(node, depth);
        return kind == JsonKind::array && column != nullptr ? walk_array(column, depth) : reader_.skip(depth);
    }
    JsonScalar scalar;
    if (!reader_.read_scalar(&scalar)) return false;
    if (column != nullptr) column->values.add(scalar);
    return true;
}

bool JsonExtraction::walk_object(int32_t node, int depth) {
    reader_.enter();
    int32_t before = -1;
    std::string_view key;
    for (bool is_first = true;; is_first = false) {
        const JsonReader::Step step = reader_.next_key(is_first, &key);
        if (step != JsonReader::Step::item) return step == JsonReader::Step::end;
        const int32_t found = trie_.find(node, key, before);
        if (found < 0) {
            if (!reader_.skip(depth + 1)) return false;
            continue;
        }
        if (!trie_.mark(found, row_) || !walk(found, depth + 1)) return false;
        before = found;
    }
}

bool JsonExtraction::walk_array(JsonPathColumn* column, int depth) {
    reader_.enter();
    JsonScalar scalar;
    for (bool is_first = true;; is_first = false) {
        const JsonReader::Step step = reader_.next_element(is_first);
        if (step == JsonReader::Step::end) break;
        if (step == JsonReader::Step::bad) return false;
        const JsonKind kind = reader_.peek();
        if (kind == JsonKind::array || kind == JsonKind::object) {
            if (!reader_.skip(depth + 1)) return false;
            column->elements.add(kind);
            continue;
        }
        if (kind == JsonKind::missing || !reader_.read_scalar(&scalar)) return false;
        column->elements.add(scalar);
    }
    column->offsets.push_back(static_cast<int32_t>(column->elements.size()));
    return true;
}

void JsonExtraction::fill(int64_t row_count) {
    for (JsonPathColumn& column : columns_) {
        column.values.fill(row_count);
        column.offsets.resize(static_cast<size_t>(row_count) + 1, column.offsets.back());
    }
}

void JsonExtraction::undo() {
    for (const int64_t number : met_) {
        JsonPathColumn& column = columns_[static_cast<size_t>(number)];
        column.values.cut(row_);
        column.offsets.resize(static_cast<size_t>(row_) + 1);
        column.elements.cut(column.offsets.back());
    }
}

}  // namespace elanus
