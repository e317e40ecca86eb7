#include "simd/compare_scalar.h"

#include "body/text.h"

namespace elanus {

extern const TextKernels scalar_text = {find, first_descent, length_equals};

}  // namespace elanus
