#include <algorithm>
#include <vector>

#include "algo/json_paths.h"
#include "algo/json_values.h"
#include "string_arguments.h"

namespace elanus {

namespace {

template <class T>
nb::object array_of(Dtype dtype, const T* values, size_t count) {
    ResultArray array(dtype, static_cast<int64_t>(count));
    std::copy_n(values, count, array.data<T>());
    return array.object();
}

nb::object rows_array(const std::vector<int64_t>& rows) { return array_of(Dtype::int64, rows.data(), rows.size()); }

int64_t checked_limit(int64_t limit, const char* name) {
    if (limit < 0) raise_value_error(std::string(name) + " is " + std::to_string(limit) + ", expected 0 or more");
    return limit;
}

nb::object json_paths(nb::handle offsets, nb::handle data, nb::handle valid, int64_t path_count_max, int64_t depth_max,
                      int64_t key_bytes_max, int64_t row_count_max) {
    const StringArguments arguments(offsets, data);
    const AllowArgument rows(valid, arguments.count());
    JsonDirectory directory({checked_limit(path_count_max, "path_count_max"), checked_limit(depth_max, "depth_max"),
                             checked_limit(key_bytes_max, "key_bytes_max"),
                             checked_limit(row_count_max, "row_count_max")});
    arguments.run([&](const KernelTable&, const Strings& texts) { directory.read(texts, rows.words()); });
    nb::list paths;
    for (int32_t node = 0; node < directory.trie().size(); ++node) {
        const JsonPathFacts& facts = directory.facts()[static_cast<size_t>(node)];
        const std::string& key = directory.trie().key(node);
        nb::list counts;
        for (const int64_t count : facts.counts) counts.append(nb::int_(count));
        const nb::object found = facts.has_all_rows ? rows_array(facts.rows) : nb::object(nb::none());
        paths.append(nb::make_tuple(nb::int_(directory.trie().parent(node)), nb::bytes(key.data(), key.size()),
                                    nb::tuple(counts), nb::bool_(facts.is_open), found));
    }
    return nb::make_tuple(paths, rows_array(directory.unread()));
}

nb::object column_tuple(const JsonColumn& column) {
    const size_t count = column.kinds().size();
    return nb::make_tuple(
        array_of(Dtype::uint8, column.kinds().data(), count), array_of(Dtype::int64, column.bits().data(), count),
        array_of(Dtype::int32, column.offsets().data(), count + 1),
        array_of(Dtype::uint8, reinterpret_cast<const uint8_t*>(column.bytes().data()), column.bytes().size()));
}

std::vector<std::string_view> keys_of(nb::handle path) {
    if (!nb::isinstance<nb::tuple>(path)) raise_type_error("paths has an item that is no tuple of bytes");
    std::vector<std::string_view> keys;
    for (const nb::handle key : nb::borrow<nb::tuple>(path)) {
        if (!nb::isinstance<nb::bytes>(key)) {
            raise_type_error("paths has " + nb::cast<std::string>(nb::repr(key)) + ", expected bytes");
        }
        const auto bytes = nb::borrow<nb::bytes>(key);
        keys.emplace_back(bytes.c_str(), bytes.size());
    }
    return keys;
}

nb::object json_values(nb::handle offsets, nb::handle data, nb::handle valid, const nb::list& paths) {
    const StringArguments arguments(offsets, data);
    const AllowArgument rows(valid, arguments.count());
    JsonExtraction extraction;
    std::vector<int64_t> numbers;
    for (const nb::handle path : paths) numbers.push_back(extraction.add_path(keys_of(path)));
    arguments.run([&](const KernelTable&, const Strings& texts) { extraction.read(texts, rows.words()); });
    nb::list columns;
    for (const int64_t number : numbers) {
        const JsonPathColumn& column = extraction.columns()[static_cast<size_t>(number)];
        columns.append(nb::make_tuple(column_tuple(column.values),
                                      array_of(Dtype::int32, column.offsets.data(), column.offsets.size()),
                                      column_tuple(column.elements)));
    }
    return nb::make_tuple(columns, rows_array(extraction.unread()));
}

}  // namespace

void bind_json(nb::module_& module) {
    module.def("json_paths", &json_paths, nb::arg("offsets"), nb::arg("data"), nb::arg("valid").none(),
               nb::arg("path_count_max"), nb::arg("depth_max"), nb::arg("key_bytes_max"), nb::arg("row_count_max"));
    module.def("json_values", &json_values, nb::arg("offsets"), nb::arg("data"), nb::arg("valid").none(),
               nb::arg("paths"));
}

}  // namespace elanus
