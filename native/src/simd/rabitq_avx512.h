// Sixty-four codes in a register: AVX-512 F, BW, VL, and VNNI where the including file is compiled for it.

#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace elanus {
namespace {

using CodeReg = __m512i;
using CodeSum = __m512i;
constexpr int64_t kCodeLanes = 64;

inline CodeReg zero_codes() { return _mm512_setzero_si512(); }
inline CodeSum zero_sum() { return _mm512_setzero_si512(); }

// The first `count` bytes (1 to 64), then zeros.
inline CodeReg load_codes(const void* p, int64_t count) {
    if (count == kCodeLanes) return _mm512_loadu_si512(p);
    return _mm512_maskz_loadu_epi8((uint64_t{1} << count) - 1, p);
}
inline CodeReg load_signed(const void* p, int64_t count) { return load_codes(p, count); }

// Registers shift lanes of 16 bits: what comes in from the neighbour is masked away.
template <int Count>
inline CodeReg shift_right(CodeReg x) {
    return _mm512_and_si512(_mm512_srli_epi16(x, Count), _mm512_set1_epi8(0xff >> Count));
}
template <int Count>
inline CodeReg shift_left(CodeReg x) {
    return _mm512_and_si512(_mm512_slli_epi16(x, Count), _mm512_set1_epi8(static_cast<char>(0xff << Count)));
}
inline CodeReg either(CodeReg a, CodeReg b) { return _mm512_or_si512(a, b); }
template <int Mask>
inline CodeReg masked(CodeReg x) {
    return _mm512_and_si512(x, _mm512_set1_epi8(Mask));
}

// Codes are at most 127: without VNNI two products stay below 2^15.
inline CodeSum add_products(CodeSum sum, CodeReg codes, CodeReg query) {
#ifdef __AVX512VNNI__
    return _mm512_dpbusd_epi32(sum, codes, query);
#else
    const __m512i pairs = _mm512_maddubs_epi16(codes, query);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#endif
}

inline int32_t total(CodeSum sum) { return _mm512_reduce_add_epi32(sum); }

inline CodeReg add_16(CodeReg a, CodeReg b) { return _mm512_add_epi16(a, b); }
inline CodeReg high_bytes(CodeReg x) { return _mm512_srli_epi16(x, 8); }
inline CodeReg look_up(CodeReg table, CodeReg places) { return _mm512_shuffle_epi8(table, places); }

inline __m128i folded(CodeReg x) {
    const __m256i half = _mm256_add_epi16(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    return _mm_add_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

// Adds the sums of sixteen rows to `out`.
inline void add_row_sums(CodeReg all, CodeReg odd, uint32_t* out) {
    const __m128i of_odd = folded(odd);
    const __m128i of_even = _mm_sub_epi16(folded(all), _mm_slli_epi16(of_odd, 8));
    const __m256i rows = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi16(of_even, of_odd)),
                                                 _mm_unpackhi_epi16(of_even, of_odd), 1);
    _mm512_storeu_si512(out, _mm512_add_epi32(_mm512_loadu_si512(out), _mm512_cvtepu16_epi32(rows)));
}

}  // namespace
}  // namespace elanus
