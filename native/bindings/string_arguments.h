// A column of strings as an argument of a kernel.

#pragma once

#include <string>

#include "algo/strings.h"
#include "arrays.h"
#include "elanus/dispatch.h"

namespace elanus {

// Strings in Arrow's layout; the offsets are checked by `run`.
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

}  // namespace elanus
