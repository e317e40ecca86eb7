#include <algorithm>
#include <bit>

#include "algo/row_bits.h"
#include "algo/runs.h"
#include "algo/scan.h"
#include "arrays.h"
#include "elanus/dispatch.h"

namespace elanus {

namespace {

int64_t bit_count(nb::handle words) {
    ArrayArgument array(words, "words", 1);
    array.expect(Dtype::uint64);
    const auto* data = array.data<uint64_t>();
    const nb::gil_scoped_release release;
    return active_table().bits->bit_count(data, array.size());
}

nb::object bit_rows(nb::handle words, int64_t size) {
    ArrayArgument array(words, "words", 1);
    array.expect(Dtype::uint64);
    if (size < 0 || array.size() != word_count(size)) {
        raise_value_error("words has " + std::to_string(array.size()) + " words, expected ceil(size / 64) for size " +
                          std::to_string(size));
    }
    const auto* data = array.data<uint64_t>();
    if (size % 64 != 0 && (data[size / 64] >> (size % 64)) != 0) {
        raise_value_error("words has set bits at or after size " + std::to_string(size) + ", expected zeros");
    }
    const BitKernels& kernels = *active_table().bits;
    int64_t count = 0;
    {
        const nb::gil_scoped_release release;
        count = kernels.bit_count(data, array.size());
    }
    ResultArray rows(Dtype::int64, count);
    auto* const out = rows.data<int64_t>();
    {
        const nb::gil_scoped_release release;
        kernels.bit_rows(data, array.size(), out, count);
    }
    return rows.object();
}

nb::object bits_from_bool(nb::handle mask) {
    ArrayArgument array(mask, "mask", 1);
    array.expect(Dtype::bool8);
    ResultArray words(Dtype::uint64, word_count(array.size()));
    const auto* bytes = static_cast<const uint8_t*>(array.bytes());
    auto* const out = words.data<uint64_t>();
    {
        const nb::gil_scoped_release release;
        active_table().bits->bits_from_bool(bytes, array.size(), out);
    }
    return words.object();
}

nb::object bits_from_rows(nb::handle rows, int64_t size) {
    ArrayArgument array(rows, "rows", 1);
    if (array.dtype() != Dtype::uint32 && array.dtype() != Dtype::int64) {
        array.refuse_dtype("uint32 or int64");
    }
    if (size < 0) {
        raise_value_error("size is " + std::to_string(size) + ", expected 0 or more");
    }
    ResultArray words(Dtype::uint64, word_count(size));
    auto* const out = words.data<uint64_t>();
    bool inside = false;
    {
        const nb::gil_scoped_release release;
        std::fill_n(out, word_count(size), uint64_t{0});
        inside = array.dtype() == Dtype::uint32 ? set_rows(array.data<uint32_t>(), array.size(), size, out)
                                                : set_rows(array.data<int64_t>(), array.size(), size, out);
    }
    if (!inside) {
        raise_value_error("rows has a number outside of 0 to size " + std::to_string(size) + " (exclusive)");
    }
    return words.object();
}

nb::object runs_having(nb::handle words, nb::handle offsets) {
    ArrayArgument set(words, "words", 1);
    set.expect(Dtype::uint64);
    ArrayArgument runs(offsets, "offsets", 1);
    runs.expect(Dtype::int32);
    if (runs.size() == 0) raise_value_error("offsets is empty, expected one more than runs");
    const int64_t count = runs.size() - 1;
    const auto* starts = runs.data<int32_t>();
    const auto* data = set.data<uint64_t>();
    ResultArray found(Dtype::uint64, word_count(count));
    auto* const out = found.data<uint64_t>();
    bool is_good = false;
    {
        const nb::gil_scoped_release release;
        is_good =
            starts[0] >= 0 && starts[count] <= 64 * set.size() && active_table().text->first_descent(starts, count) < 0;
        if (is_good) runs_with(active_table(), data, starts, count, out);
    }
    if (!is_good) raise_value_error("offsets descend or leave the words");
    return found.object();
}

}  // namespace

void bind_bits(nb::module_& module) {
    module.def("bit_count", &bit_count, nb::arg("words"));
    module.def("bit_rows", &bit_rows, nb::arg("words"), nb::arg("size"));
    module.def("runs_with", &runs_having, nb::arg("words"), nb::arg("offsets"));
    module.def("bits_from_bool", &bits_from_bool, nb::arg("mask"));
    module.def("bits_from_rows", &bits_from_rows, nb::arg("rows"), nb::arg("size"));
}

}  // namespace elanus
