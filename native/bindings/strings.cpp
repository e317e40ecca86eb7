#include "algo/strings.h"

#include <vector>

#include "algo/hash.h"
#include "arrays.h"
#include "comparison.h"
#include "elanus/dispatch.h"

namespace elanus {

namespace {

// Strings in Arrow's layout; the offsets are checked by `check`.
class StringArguments {
public:
    StringArguments(nb::handle offsets, nb::handle data) : offsets_(offsets, "offsets", 1), data_(data, "data", 1) {
        offsets_.expect(Dtype::int32);
        data_.expect(Dtype::uint8);
        if (offsets_.size() == 0) raise_value_error("offsets is empty, expected one more than strings");
        strings_ = {offsets_.data<int32_t>(), offsets_.size() - 1, static_cast<const uint8_t*>(data_.bytes()),
                    data_.size()};
    }

    int64_t count() const { return strings_.count; }

    // Runs `work(table, strings)` without the GIL. Raises ValueError if offsets descend or leave the data.
    template <class Work>
    void run(const Work& work) const {
        int64_t bad = -1;
        {
            const nb::gil_scoped_release release;
            const KernelTable& table = active_table();
            bad = find_bad_offset(table, strings_);
            if (bad < 0) work(table, strings_);
        }
        if (bad < 0) return;
        raise_value_error("offsets of string " + std::to_string(bad) + " are " + std::to_string(strings_.offsets[bad]) +
                          (bad < strings_.count ? " and " + std::to_string(strings_.offsets[bad + 1]) : "") +
                          ", expected them ascending and at most " + std::to_string(strings_.data_size));
    }

    template <class Work>
    nb::object words(const Work& work) const {
        ResultArray words(Dtype::uint64, word_count(count()));
        auto* const out = words.data<uint64_t>();
        run([&](const KernelTable& table, const Strings& strings) { work(table, strings, out); });
        return words.object();
    }

private:
    ArrayArgument offsets_, data_;
    Strings strings_;
};

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
