#include "simd/compare_avx512.h"

#include "body/compare_lanes.h"

#include "body/text.h"

namespace elanus {

extern const TextKernels avx512_text = {find, first_descent, length_equals};

}  // namespace elanus
