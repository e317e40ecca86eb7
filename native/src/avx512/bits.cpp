#include "body/bits_lanes.h"

namespace elanus {
namespace {

int64_t bit_count(const uint64_t* words, int64_t word_count) {
    const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m512i nibble = _mm512_set1_epi8(15);
    __m512i total = _mm512_setzero_si512();
    for (int64_t i = 0; i < word_count; i += 8) {
        const auto mask = static_cast<__mmask8>(word_count - i < 8 ? (1u << (word_count - i)) - 1 : 0xffu);
        const __m512i bits = _mm512_maskz_loadu_epi64(mask, words + i);
        const __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(bits, nibble));
        const __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(bits, 4), nibble));
        const __m512i counts = _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
        total = _mm512_add_epi64(total, counts);
    }
    return _mm512_reduce_add_epi64(total);
}

}  // namespace

extern const BitKernels avx512_bits = {bit_count, bit_rows, bits_from_bool};

}  // namespace elanus
