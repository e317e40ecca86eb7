#include "simd/codes_avx512.h"

#include "body/code_products.h"
#include "body/code_query.h"

namespace elanus {

extern const CodeKernels avx512_codes = {
    code_products<product_4bit>,
    code_products<product_7bit>,
    quantise,
    kac_step,
};

}  // namespace elanus
