#include <immintrin.h>

namespace elanus {
namespace {

// Two nibble look-ups a byte, added up by the sum of absolute differences with zero.
inline __m512i lane_bits(__m512i bits) {
    const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(bits, nibble));
    const __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(bits, 4), nibble));
    return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

}  // namespace
}  // namespace elanus

#include "body/bits_distance_lanes.h"

#include "body/bits_distance.h"

namespace elanus {

extern const BitsDistanceKernels avx512_bits_distance = {
    score<BitsTile<Metric::hamming>>,
    score<BitsTile<Metric::jaccard>>,
};

}  // namespace elanus
