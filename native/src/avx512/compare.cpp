#include "simd/compare_avx512.h"

#include "body/compare_lanes.h"

#include "body/compare.h"

namespace elanus {

extern const CompareKernels avx512_compare = {
    between<int8_t>,  between<int16_t>, between<int32_t>, between<int64_t>, between<uint64_t>,
    between<float>,   between<double>,  in_list<int8_t>,  in_list<int16_t>, in_list<int32_t>,
    in_list<int64_t>, in_list<float>,   in_list<double>,
};

}  // namespace elanus
