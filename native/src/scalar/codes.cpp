#include "body/code_query.h"
#include "elanus/kernels.h"

namespace elanus {
namespace {

void products_4bit(const CodeTask* task) {
    for (int64_t i = 0; i < task->count; ++i) {
        const uint8_t* row = task->codes + static_cast<int64_t>(task->rows[i]) * task->stride;
        int32_t sum = 0;
        for (int64_t block = 0; block < task->width; block += 128, row += 64) {
            for (int64_t j = 0; j < 64; ++j) {
                sum += (row[j] & 15) * task->query[block + j] + (row[j] >> 4) * task->query[block + 64 + j];
            }
        }
        task->products[i] = sum;
    }
}

void products_7bit(const CodeTask* task) {
    for (int64_t i = 0; i < task->count; ++i) {
        const uint8_t* row = task->codes + static_cast<int64_t>(task->rows[i]) * task->stride;
        int32_t sum = 0;
        for (int64_t j = 0; j < task->width; ++j) sum += row[j] * task->query[j];
        task->products[i] = sum;
    }
}

}  // namespace

extern const CodeKernels scalar_codes = {products_4bit, products_7bit, quantise, kac_step};

}  // namespace elanus
