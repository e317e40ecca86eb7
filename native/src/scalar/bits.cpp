#include "body/bits.h"

#include "elanus/kernels.h"
#include "simd/compare_scalar.h"

namespace elanus {
namespace {

int64_t bit_count(const uint64_t* words, int64_t word_count) {
    uint64_t total = 0;
    for (int64_t i = 0; i < word_count; ++i) {
        uint64_t word = words[i];
        word -= (word >> 1) & 0x5555555555555555u;
        word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
        word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
        total += (word * 0x0101010101010101u) >> 56;
    }
    return static_cast<int64_t>(total);
}

void bit_rows(const uint64_t* words, int64_t word_count, int64_t* rows, int64_t /*row_count*/) {
    for (int64_t i = 0; i < word_count; ++i) rows = write_rows(words[i], 64 * i, rows);
}

void bits_from_bool(const uint8_t* bytes, int64_t count, uint64_t* words) {
    for (int64_t start = 0; start < count; start += 64) {
        const int64_t left = count - start < 64 ? count - start : 64;
        uint8_t flags[64] = {};
        for (int64_t i = 0; i < left; ++i) flags[i] = bytes[start + i] != 0;
        *words++ = pack_flags(flags);
    }
}

}  // namespace

extern const BitKernels scalar_bits = {bit_count, bit_rows, bits_from_bool};

}  // namespace elanus
