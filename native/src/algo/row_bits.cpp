#include "algo/row_bits.h"

namespace elanus {

template <class Row>
bool set_rows(const Row* rows, int64_t count, int64_t size, uint64_t* words) {
    const auto limit = static_cast<uint64_t>(size);
    for (int64_t i = 0; i < count; ++i) {
        // A negative number is beyond every limit once it is unsigned.
        const auto row = static_cast<uint64_t>(rows[i]);
        if (row >= limit) {
            return false;
        }
        words[row / 64] |= uint64_t{1} << (row % 64);
    }
    return true;
}

template bool set_rows(const uint32_t*, int64_t, int64_t, uint64_t*);
template bool set_rows(const int64_t*, int64_t, int64_t, uint64_t*);

}  // namespace elanus
