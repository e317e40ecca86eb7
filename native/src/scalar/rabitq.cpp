#include "simd/rabitq_scalar.h"

#include "body/rabitq_fine.h"

#include "body/rabitq_hadamard.h"

#include "body/rabitq_tables.h"

namespace elanus {
namespace {

void block_sums(const uint8_t* blocks, int64_t block_count, const uint8_t* tables, int64_t table_count,
                uint32_t* sums) {
    for (int64_t b = 0; b < block_count; ++b, blocks += 16 * table_count, sums += 32) {
        for (int i = 0; i < 32; ++i) sums[i] = 0;
        for (int64_t t = 0; t < table_count; ++t) {
            const uint8_t* codes = blocks + 16 * t;
            const uint8_t* table = tables + 16 * t;
            for (int j = 0; j < 16; ++j) {
                sums[j] += table[codes[j] & 15];
                sums[16 + j] += table[codes[j] >> 4];
            }
        }
    }
}

}  // namespace

extern const RabitqKernels scalar_rabitq = {
    block_sums,
    {fine_products<1>, fine_products<2>, fine_products<3>, fine_products<4>, fine_products<5>, fine_products<6>,
     fine_products<7>},
    hadamard,
    query_tables,
};

}  // namespace elanus
