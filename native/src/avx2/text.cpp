#include "simd/compare_avx2.h"

#include "body/compare_lanes.h"

#include "body/text.h"

namespace elanus {

extern const TextKernels avx2_text = {find, first_descent, length_equals};

}  // namespace elanus
