#include "simd/rabitq_avx512.h"

#include "body/rabitq_blocks.h"

#include "body/rabitq_fine.h"

#include "body/rabitq_hadamard.h"

#include "body/rabitq_tables.h"

namespace elanus {

extern const RabitqKernels avx512_rabitq = {
    block_sums,
    {fine_products<1>, fine_products<2>, fine_products<3>, fine_products<4>, fine_products<5>, fine_products<6>,
     fine_products<7>},
    hadamard,
    query_tables,
};

}  // namespace elanus
