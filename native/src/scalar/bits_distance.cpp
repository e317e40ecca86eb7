#include "body/rows.h"
#include "simd/partial.h"

namespace elanus {
namespace {

struct BitCounts {
    int64_t first[kGroupRows], second[kGroupRows];
};

// Set bits of one word by sums of ever wider fields; the baseline has no population count instruction.
inline int64_t word_bits(uint64_t word) {
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return static_cast<int64_t>((word * 0x0101010101010101u) >> 56);
}

template <Metric metric, bool Listed>
inline BitCounts count_bits(const uint8_t* query, const RowGroup& rows, int64_t width) {
    BitCounts counts = {};
    for (int j = 0; j < rows.count; ++j) {
        if constexpr (Listed) prefetch_bytes(rows.ahead[j], width);
        const auto take = [&](uint64_t q, uint64_t x) {
            counts.first[j] += word_bits(metric == Metric::hamming ? q ^ x : q & x);
            if constexpr (metric == Metric::jaccard) counts.second[j] += word_bits(q | x);
        };
        int64_t i = 0;
        for (; i + 8 <= width; i += 8) take(read_word(query + i, 8), read_word(rows.row[j] + i, 8));
        if (i < width) take(read_word(query + i, width - i), read_word(rows.row[j] + i, width - i));
    }
    return counts;
}

}  // namespace
}  // namespace elanus

#include "body/bits_distance.h"

namespace elanus {

extern const BitsDistanceKernels scalar_bits_distance = {
    score<BitsTile<Metric::hamming>>,
    score<BitsTile<Metric::jaccard>>,
};

}  // namespace elanus
