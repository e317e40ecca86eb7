// Sixty-four codes in a register: AVX-512 BW, and VNNI where the including file is compiled for it.

#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace elanus {
namespace {

using CodeReg = __m512i;
using CodeSum = __m512i;
constexpr int64_t kCodeLanes = 64;

inline CodeSum zero_codes() { return _mm512_setzero_si512(); }
inline CodeReg load_codes(const void* p) { return _mm512_loadu_si512(p); }
inline CodeReg low_halves(CodeReg x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }
inline CodeReg high_halves(CodeReg x) { return low_halves(_mm512_srli_epi16(x, 4)); }

inline CodeSum add_products(CodeSum sum, CodeReg codes, CodeReg query) {
#ifdef __AVX512VNNI__
    return _mm512_dpbusd_epi32(sum, codes, query);
#else
    const __m512i pairs = _mm512_maddubs_epi16(codes, query);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#endif
}

inline int32_t total(CodeSum a, CodeSum b) { return _mm512_reduce_add_epi32(_mm512_add_epi32(a, b)); }

}  // namespace
}  // namespace elanus
