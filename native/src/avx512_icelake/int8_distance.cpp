#include "simd/int8_avx512_icelake.h"

#include "body/int8_lanes.h"

#include "body/int8_distance.h"

namespace elanus {

extern const Int8DistanceKernels avx512_icelake_int8_distance = {
    score<Int8Tile<Metric::l2>>,
    score<Int8Tile<Metric::ip>>,
    score<Int8Tile<Metric::cosine>>,
};

}  // namespace elanus
