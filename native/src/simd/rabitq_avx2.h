// Thirty-two codes in a register: AVX2.

#pragma once

#include <immintrin.h>

#include "simd/sse.h"

namespace elanus {
namespace {

using CodeReg = __m256i;
using CodeSum = __m256i;
constexpr int64_t kCodeLanes = 32;

inline CodeReg zero_codes() { return _mm256_setzero_si256(); }
inline CodeSum zero_sum() { return _mm256_setzero_si256(); }

// The first `count` bytes (1 to 32), then zeros.
inline CodeReg load_codes(const void* p, int64_t count) {
    if (count == kCodeLanes) return _mm256_loadu_si256(static_cast<const __m256i_u*>(p));
    const auto* bytes = static_cast<const uint8_t*>(p);
    if (count < 16) return _mm256_zextsi128_si256(load_part_128(bytes, count));
    const __m128i low = _mm_loadu_si128(static_cast<const __m128i_u*>(p));
    const __m128i high = count > 16 ? load_part_128(bytes + 16, count - 16) : _mm_setzero_si128();
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}
inline CodeReg load_signed(const void* p, int64_t count) { return load_codes(p, count); }

// Registers shift lanes of 16 bits: what comes in from the neighbour is masked away.
template <int Count>
inline CodeReg shift_right(CodeReg x) {
    return _mm256_and_si256(_mm256_srli_epi16(x, Count), _mm256_set1_epi8(0xff >> Count));
}
template <int Count>
inline CodeReg shift_left(CodeReg x) {
    return _mm256_and_si256(_mm256_slli_epi16(x, Count), _mm256_set1_epi8(static_cast<char>(0xff << Count)));
}
inline CodeReg either(CodeReg a, CodeReg b) { return _mm256_or_si256(a, b); }
template <int Mask>
inline CodeReg masked(CodeReg x) {
    return _mm256_and_si256(x, _mm256_set1_epi8(Mask));
}

// Codes are at most 127: two products stay below 2^15.
inline CodeSum add_products(CodeSum sum, CodeReg codes, CodeReg query) {
    const __m256i pairs = _mm256_maddubs_epi16(codes, query);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

inline int32_t total(CodeSum sum) {
    const __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    const __m128i quarter = _mm_add_epi32(half, _mm_unpackhi_epi64(half, half));
    return _mm_cvtsi128_si32(_mm_add_epi32(quarter, _mm_shuffle_epi32(quarter, 1)));
}

inline CodeReg add_16(CodeReg a, CodeReg b) { return _mm256_add_epi16(a, b); }
inline CodeReg high_bytes(CodeReg x) { return _mm256_srli_epi16(x, 8); }
inline CodeReg look_up(CodeReg table, CodeReg places) { return _mm256_shuffle_epi8(table, places); }

inline __m128i folded(CodeReg x) { return _mm_add_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)); }

inline void add_eight(__m128i sums, uint32_t* out) {
    auto* target = reinterpret_cast<__m256i_u*>(out);
    _mm256_storeu_si256(target, _mm256_add_epi32(_mm256_loadu_si256(target), _mm256_cvtepu16_epi32(sums)));
}

// Adds the sums of sixteen rows to `out`.
inline void add_row_sums(CodeReg all, CodeReg odd, uint32_t* out) {
    const __m128i of_odd = folded(odd);
    const __m128i of_even = _mm_sub_epi16(folded(all), _mm_slli_epi16(of_odd, 8));
    add_eight(_mm_unpacklo_epi16(of_even, of_odd), out);
    add_eight(_mm_unpackhi_epi16(of_even, of_odd), out + 8);
}

}  // namespace
}  // namespace elanus
