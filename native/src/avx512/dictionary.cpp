#include <immintrin.h>
#include <stdint.h>

namespace elanus {
namespace {

constexpr int64_t kTableBits = 1024;
struct BitTable {
    __m512i low, high;
};

inline BitTable load_table(const uint32_t* bits) { return {_mm512_loadu_si512(bits), _mm512_loadu_si512(bits + 16)}; }

// The permutation takes the low five bits of code / 32, so codes of 1024 and more are masked out by comparison.
inline uint64_t look_up_word(const int32_t* codes, BitTable table) {
    uint64_t word = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 64; i += 16) {
        const __m512i code = _mm512_loadu_si512(codes + i);
        const __m512i bits = _mm512_permutex2var_epi32(table.low, _mm512_srli_epi32(code, 5), table.high);
        const __m512i bit = _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(code, _mm512_set1_epi32(31)));
        const __mmask16 inside = _mm512_cmplt_epu32_mask(code, _mm512_set1_epi32(kTableBits));
        word |= static_cast<uint64_t>(_mm512_mask_test_epi32_mask(inside, bits, bit)) << i;
    }
    return word;
}

}  // namespace
}  // namespace elanus

#include "body/dictionary_lanes.h"

namespace elanus {

extern const DictionaryKernels avx512_dictionary = {dictionary_in};

}  // namespace elanus
