// RaBitQ's rotation, and its two products as functions of their own.

#include <algorithm>
#include <string>
#include <vector>

#include "algo/rabitq.h"
#include "arrays.h"
#include "elanus/dispatch.h"

namespace elanus {

namespace {

nb::object rabitq_rotate(nb::handle vectors, nb::handle signs) {
    ArrayArgument rows(vectors, "vectors", 2);
    rows.expect(Dtype::float32);
    ArrayArgument rounds(signs, "signs", 2);
    rounds.expect(Dtype::float32);
    const int64_t dim = rows.size(1), padded = rounds.size(1);
    if (rounds.size(0) != kRotationRounds || padded % 64 != 0 || padded < dim || padded == 0) {
        raise_value_error("signs is " + std::to_string(rounds.size(0)) + " x " + std::to_string(padded) +
                          ", expected " + std::to_string(kRotationRounds) + " x a multiple of 64 of at least " +
                          std::to_string(dim));
    }
    ResultArray rotated(Dtype::float32, rows.size(0), padded);
    const auto* in = rows.data<float>();
    const RabitqRotation rotation = {.dim = dim, .padded_dim = padded, .signs = rounds.data<float>()};
    auto* out = rotated.data<float>();
    std::vector<float> spare(static_cast<size_t>(padded));
    {
        const nb::gil_scoped_release release;
        for (int64_t row = 0; row < rows.size(0); ++row, in += dim, out += padded) {
            std::copy_n(in, dim, out);
            std::fill(out + dim, out + padded, 0.0f);
            rotate(active_table(), rotation, out, spare.data());
        }
    }
    return rotated.object();
}

nb::object rabitq_block_sums(nb::handle blocks, nb::handle tables) {
    ArrayArgument codes(blocks, "blocks", 2);
    codes.expect(Dtype::uint8);
    ArrayArgument entries(tables, "tables", 2);
    entries.expect(Dtype::uint8);
    const int64_t table_count = entries.size(0);
    if (entries.size(1) != 16 || table_count % 16 != 0 || codes.size(1) != 16 * table_count) {
        raise_value_error("tables is " + std::to_string(table_count) + " x " + std::to_string(entries.size(1)) +
                          " and a block has " + std::to_string(codes.size(1)) +
                          " bytes, expected a multiple of 16 tables of 16, and 16 bytes a block for each");
    }
    ResultArray sums(Dtype::uint32, codes.size(0), 32);
    active_table().rabitq->block_sums(codes.data<uint8_t>(), codes.size(0), entries.data<uint8_t>(), table_count,
                                      sums.data<uint32_t>());
    return sums.object();
}

nb::object rabitq_fine_products(nb::handle codes, nb::handle query, nb::handle places) {
    ArrayArgument rows(codes, "codes", 2);
    rows.expect(Dtype::uint8);
    ArrayArgument coded(query, "query", 1);
    coded.expect(Dtype::int8);
    ArrayArgument listed(places, "places", 1);
    listed.expect(Dtype::uint32);
    const int64_t segment = coded.size() / 8;
    const int64_t bits = segment > 0 ? rows.size(1) / segment : 0;
    if (coded.size() % 64 != 0 || bits < 1 || bits > 7 || rows.size(1) != bits * segment) {
        raise_value_error("codes have " + std::to_string(rows.size(1)) + " bytes a row, expected 1 to 7 times an " +
                          "eighth of the query's " + std::to_string(coded.size()) + " elements, a multiple of 64");
    }
    const auto* numbers = listed.data<uint32_t>();
    for (int64_t i = 0; i < listed.size(); ++i) {
        if (numbers[i] >= rows.size(0)) {
            raise_value_error("places[" + std::to_string(i) + "] is " + std::to_string(numbers[i]) +
                              ", expected less than " + std::to_string(rows.size(0)));
        }
    }
    ResultArray products(Dtype::int64, listed.size());
    const auto found = std::make_unique<int32_t[]>(static_cast<size_t>(listed.size()));
    const RabitqFineTask task = {.codes = rows.data<uint8_t>(),
                                 .segment = segment,
                                 .query = coded.data<int8_t>(),
                                 .places = numbers,
                                 .count = listed.size(),
                                 .products = found.get()};
    active_table().rabitq->fine_products[bits - 1](&task);
    std::copy_n(found.get(), listed.size(), products.data<int64_t>());
    return products.object();
}

}  // namespace

void bind_rabitq(nb::module_& module) {
    module.def("rabitq_rotate", &rabitq_rotate);
    module.def("rabitq_block_sums", &rabitq_block_sums);
    module.def("rabitq_fine_products", &rabitq_fine_products);
}

}  // namespace elanus
