#include "algo/strings.h"

#include <vector>

#include "algo/hash.h"
#include "comparison.h"
#include "string_arguments.h"

namespace elanus {

namespace {

std::string_view view_of(const nb::bytes& literal) { return {literal.c_str(), literal.size()}; }

nb::object string_compare(nb::handle offsets, nb::handle data, const char* op, const nb::bytes& literal) {
    const Comparison comparison = parse_comparison(op);
    const std::string_view view = view_of(literal);
    return StringArguments(offsets, data).words([=](const KernelTable& table, const Strings& strings, uint64_t* out) {
        strings_compare(table, strings, comparison, view, out);
    });
}

nb::object string_in(nb::handle offsets, nb::handle data, const nb::list& literals) {
    std::vector<std::string_view> list;
    for (const nb::handle item : literals) {
        if (!nb::isinstance<nb::bytes>(item)) {
            raise_type_error("literals has " + nb::cast<std::string>(nb::repr(item)) + ", expected bytes");
        }
        list.push_back(view_of(nb::borrow<nb::bytes>(item)));
    }
    // A copy of the list keeps the bytes alive when somebody changes the caller's list meanwhile.
    const nb::object held = nb::steal(PyList_GetSlice(literals.ptr(), 0, PyList_Size(literals.ptr())));
    return StringArguments(offsets, data).words([&](const KernelTable& table, const Strings& strings, uint64_t* out) {
        strings_in(table, strings, list, out);
    });
}

nb::object string_prefix(nb::handle offsets, nb::handle data, const nb::bytes& literal) {
    const std::string_view view = view_of(literal);
    return StringArguments(offsets, data).words([=](const KernelTable&, const Strings& strings, uint64_t* out) {
        strings_prefix(strings, view, out);
    });
}

nb::object string_suffix(nb::handle offsets, nb::handle data, const nb::bytes& literal) {
    const std::string_view view = view_of(literal);
    return StringArguments(offsets, data).words([=](const KernelTable&, const Strings& strings, uint64_t* out) {
        strings_suffix(strings, view, out);
    });
}

nb::object string_contains(nb::handle offsets, nb::handle data, const nb::bytes& literal) {
    const std::string_view view = view_of(literal);
    return StringArguments(offsets, data).words([=](const KernelTable& table, const Strings& strings, uint64_t* out) {
        strings_contain(table, strings, view, out);
    });
}

nb::object hash_all_strings(nb::handle offsets, nb::handle data, uint64_t seed) {
    const StringArguments arguments(offsets, data);
    ResultArray hashes(Dtype::uint64, arguments.count());
    auto* const out = hashes.data<uint64_t>();
    arguments.run([=](const KernelTable&, const Strings& strings) { hash_strings(strings, seed, out); });
    return hashes.object();
}

nb::object hash_all_int64(nb::handle values, uint64_t seed) {
    ArrayArgument array(values, "values", 1);
    array.expect(Dtype::int64);
    ResultArray hashes(Dtype::uint64, array.size());
    const auto* data = array.data<int64_t>();
    auto* const out = hashes.data<uint64_t>();
    {
        const nb::gil_scoped_release release;
        hash_int64(data, array.size(), seed, out);
    }
    return hashes.object();
}

}  // namespace

void bind_strings(nb::module_& module) {
    module.def("string_compare", &string_compare, nb::arg("offsets"), nb::arg("data"), nb::arg("op"),
               nb::arg("literal"));
    module.def("string_in", &string_in, nb::arg("offsets"), nb::arg("data"), nb::arg("literals"));
    module.def("string_prefix", &string_prefix, nb::arg("offsets"), nb::arg("data"), nb::arg("literal"));
    module.def("string_suffix", &string_suffix, nb::arg("offsets"), nb::arg("data"), nb::arg("literal"));
    module.def("string_contains", &string_contains, nb::arg("offsets"), nb::arg("data"), nb::arg("literal"));
    module.def("hash_strings", &hash_all_strings, nb::arg("offsets"), nb::arg("data"), nb::arg("seed"));
    module.def("hash_int64", &hash_all_int64, nb::arg("values"), nb::arg("seed"));
}

}  // namespace elanus
