#include "simd/float_scalar.h"

#include "body/float_distance.h"

namespace elanus {

extern const FloatDistanceKernels scalar_float_distance = {
    score<FloatTile<Float32, Metric::l2>>,      score<FloatTile<Float32, Metric::ip>>,
    score<FloatTile<Float32, Metric::cosine>>,  score<FloatTile<Float16, Metric::l2>>,
    score<FloatTile<Float16, Metric::ip>>,      score<FloatTile<Float16, Metric::cosine>>,
    score<FloatTile<BFloat16, Metric::l2>>,     score<FloatTile<BFloat16, Metric::ip>>,
    score<FloatTile<BFloat16, Metric::cosine>>,
};

}  // namespace elanus
