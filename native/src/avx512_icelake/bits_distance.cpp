#include <immintrin.h>

namespace elanus {
namespace {

inline __m512i lane_bits(__m512i bits) { return _mm512_popcnt_epi64(bits); }

}  // namespace
}  // namespace elanus

#include "body/bits_distance_lanes.h"

#include "body/bits_distance.h"

namespace elanus {

extern const BitsDistanceKernels avx512_icelake_bits_distance = {
    score<BitsTile<Metric::hamming>>,
    score<BitsTile<Metric::jaccard>>,
};

}  // namespace elanus
