// The module `elanus.kernels._native`: positional arguments only, checked here; the Python face adds keywords.

#include <string>
#include <string_view>

#include "arrays.h"
#include "elanus/dispatch.h"

namespace elanus {

namespace {

template <class Names>
nb::object tuple_of(const Names& names) {
    nb::list list;
    for (const std::string_view name : names) list.append(nb::str(name.data(), name.size()));
    return nb::tuple(list);
}

nb::object available_levels() {
    std::vector<std::string_view> names;
    for (const KernelTable* table : available_tables()) names.emplace_back(table->level);
    return tuple_of(names);
}

}  // namespace

NB_MODULE(_native, module) {
    // A program may end with an index open; that is no leak.
    nb::set_leak_warnings(false);
    load_numpy();
    module.attr("version") = ELANUS_VERSION;
    module.def("built_levels", [] { return tuple_of(built_levels()); });
    module.def("available_levels", &available_levels);
    module.def("active_level", [] { return active_table().level; });
    module.def("use_level", [](const char* level) { return use_level(level); });
    bind_distance(module);
    bind_sparse(module);
    bind_topk(module);
    bind_bits(module);
    bind_compare(module);
    bind_strings(module);
    bind_checksum(module);
    bind_json(module);
    bind_graph(module);
    bind_ivf(module);
    bind_rabitq(module);
    bind_disk(module);
}

}  // namespace elanus
