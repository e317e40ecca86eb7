#include <immintrin.h>
#include <stdint.h>

namespace elanus {
namespace {

constexpr int64_t kTableBits = 256;
using BitTable = __m256i;

inline BitTable load_table(const uint32_t* bits) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(bits));
}

// The permutation takes the low three bits of code / 32, so codes of 256 and more are masked out by comparison.
inline uint64_t look_up_word(const int32_t* codes, BitTable table) {
    uint64_t word = 0;
#pragma GCC unroll 8
    for (int i = 0; i < 64; i += 8) {
        const __m256i code = _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(codes + i));
        const __m256i bits = _mm256_permutevar8x32_epi32(table, _mm256_srli_epi32(code, 5));
        const __m256i top = _mm256_sllv_epi32(bits, _mm256_andnot_si256(code, _mm256_set1_epi32(31)));
        const __m256i inside = _mm256_cmpeq_epi32(_mm256_srli_epi32(code, 8), _mm256_setzero_si256());
        const __m256 flags = _mm256_castsi256_ps(_mm256_and_si256(top, inside));
        word |= static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_ps(flags))) << i;
    }
    return word;
}

}  // namespace
}  // namespace elanus

#include "body/dictionary_lanes.h"

namespace elanus {

extern const DictionaryKernels avx2_dictionary = {dictionary_in};

}  // namespace elanus
