#include "body/bits_lanes.h"

namespace elanus {
namespace {

int64_t bit_count(const uint64_t* words, int64_t word_count) {
    __m512i total = _mm512_setzero_si512();
    for (int64_t i = 0; i < word_count; i += 8) {
        const auto mask = static_cast<__mmask8>(word_count - i < 8 ? (1u << (word_count - i)) - 1 : 0xffu);
        total = _mm512_add_epi64(total, _mm512_popcnt_epi64(_mm512_maskz_loadu_epi64(mask, words + i)));
    }
    return _mm512_reduce_add_epi64(total);
}

}  // namespace

extern const BitKernels avx512_icelake_bits = {bit_count, bit_rows, bits_from_bool};

}  // namespace elanus
