// A query's tables for `block_sums`. The same operations in the same order on every level: bit-equal.

#pragma once

#include <stdint.h>

namespace elanus {
namespace {

// Adding this to a float below 2^22 rounds it to a whole number, which is then in the low bits.
constexpr float kTableRounding = 0x1.8p23f;

void query_tables(const float* values, int64_t table_count, float scale, uint8_t* tables) {
    // Entry v of a table adds value i where bit i of v is set.
    static const float kAdds[4][16] = {{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
                                       {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1},
                                       {0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1},
                                       {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1}};
    for (int64_t t = 0; t < table_count; ++t) {
        float scaled[4];
        float least = 0;
        for (int i = 0; i < 4; ++i) {
            scaled[i] = values[4 * t + i] * scale;
            least += scaled[i] < 0 ? scaled[i] : 0.0f;
        }
        float sums[16];
        for (int v = 0; v < 16; ++v) {
            const float low = scaled[0] * kAdds[0][v] + scaled[1] * kAdds[1][v];
            const float high = scaled[2] * kAdds[2][v] + scaled[3] * kAdds[3][v];
            sums[v] = ((low + high) - least) + kTableRounding;
        }
        uint32_t words[16];
        __builtin_memcpy(words, sums, sizeof words);
        for (int v = 0; v < 16; ++v) tables[16 * t + v] = static_cast<uint8_t>(words[v]);
    }
}

}  // namespace
}  // namespace elanus
