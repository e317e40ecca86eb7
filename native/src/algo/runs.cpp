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

namespace {

// Looking up the run of every set bit pays while there are fewer than one for so many runs.
constexpr int64_t kRunsPerHitMin = 16;

// Whether a set bit is among places `start` to `stop` (exclusive).
bool any_between(const uint64_t* words, int64_t start, int64_t stop) {
    for (; stop - start > 64; start += 64) {
        if (any_between(words, start, start + 64)) return true;
    }
    if (start >= stop) return false;
    const int64_t first = start / 64, last = (stop - 1) / 64;
    const int64_t size = stop - start;
    uint64_t bits = words[first] >> (start % 64);
    if (last != first) bits |= words[last] << (64 - start % 64);
    return (bits << (64 - size)) != 0;
}

void runs_of_hits(const uint64_t* words, const int32_t* offsets, int64_t count, uint64_t* out) {
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

void look_at_runs(const uint64_t* words, const int32_t* offsets, int64_t count, uint64_t* out) {
    for (int64_t start = 0; start < count; start += 64) {
        const int64_t size = std::min<int64_t>(64, count - start);
        uint64_t word = 0;
        for (int64_t i = 0; i < size; ++i) {
            const int64_t run = start + i;
            word |= static_cast<uint64_t>(any_between(words, offsets[run], offsets[run + 1])) << i;
        }
        *out++ = word;
    }
}

}  // namespace

void runs_with(const KernelTable& table, const uint64_t* words, const int32_t* offsets, int64_t count, uint64_t* out) {
    const int64_t first = offsets[0] / 64, last = (static_cast<int64_t>(offsets[count]) + 63) / 64;
    const int64_t hits = table.bits->bit_count(words + first, last - first);
    (hits < count / kRunsPerHitMin ? runs_of_hits : look_at_runs)(words, offsets, count, out);
}

}  // namespace elanus
