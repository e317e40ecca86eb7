// Sums over blocks of 4-bit codes, in the primitives of a `simd/rabitq_*.h` that was included before.
//
// Sixteen table entries are one register lane, looked up by a byte shuffle. Sums are kept as 16-bit lanes of two
// neighbouring rows each: `all` adds the lanes as they are, `odd` their high bytes, so that the even rows are what is
// left when `odd` is taken away (modulo 2^16, which the true sums stay below).

#pragma once

#include "elanus/kernels.h"

namespace elanus {
namespace {

// 256 entries of at most 255 stay below 2^16.
constexpr int64_t kChunkTables = 256;

struct RowSums {
    CodeReg all, odd;
};

inline RowSums add_entries(RowSums sums, CodeReg entries) {
    return {add_16(sums.all, entries), add_16(sums.odd, high_bytes(entries))};
}

void block_sums(const uint8_t* blocks, int64_t block_count, const uint8_t* tables, int64_t table_count,
                uint32_t* sums) {
    for (int64_t b = 0; b < block_count; ++b, blocks += 16 * table_count, sums += 32) {
        for (int i = 0; i < 32; ++i) sums[i] = 0;
        for (int64_t start = 0; start < table_count; start += kChunkTables) {
            const int64_t left = table_count - start;
            const int64_t bytes = 16 * (left < kChunkTables ? left : kChunkTables);
            const uint8_t* codes = blocks + 16 * start;
            const uint8_t* entries = tables + 16 * start;
            RowSums low = {zero_codes(), zero_codes()};
            RowSums high = low;
            for (int64_t i = 0; i < bytes; i += kCodeLanes) {
                const CodeReg code = load_codes(codes + i, kCodeLanes);
                const CodeReg table = load_codes(entries + i, kCodeLanes);
                low = add_entries(low, look_up(table, masked<15>(code)));
                high = add_entries(high, look_up(table, masked<15>(shift_right<4>(code))));
            }
            add_row_sums(low.all, low.odd, sums);
            add_row_sums(high.all, high.odd, sums + 16);
        }
    }
}

}  // namespace
}  // namespace elanus
