#include "algo/runs.h"

#include <algorithm>
#include <bit>

namespace elanus {

int64_t run_at(const int32_t* offsets, int64_t count, int64_t from, int64_t place) {
    int64_t step = 1;
    while (from + step < count && offsets[from + step] <= place) {
        from += step;
        step *= 2;
    }
    const int64_t stop = std::min(from + step, count);
    return std::upper_bound(offsets + from, offsets + stop, place) - offsets - 1;
}

void runs_with(const uint64_t* words, const int32_t* offsets, int64_t count, uint64_t* out) {
    std::fill_n(out, (count + 63) / 64, uint64_t{0});
    const int64_t end = offsets[count];
    int64_t run = 0;
    for (int64_t place = offsets[0]; place < end;) {
        const uint64_t left = words[place / 64] >> (place % 64);
        if (left == 0) {
            place = (place / 64 + 1) * 64;
            continue;
        }
        place += std::countr_zero(left);
        if (place >= end) break;
        run = run_at(offsets, count, run, place);
        out[run / 64] |= uint64_t{1} << (run % 64);
        place = offsets[run + 1];
    }
}

}  // namespace elanus
