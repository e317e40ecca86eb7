// Runs of places that lie end to end, as the offsets of strings and lists say: run i is offsets[i] to offsets[i + 1]
// (exclusive). Offsets ascend.

#pragma once

#include <cstdint>

#include "elanus/kernels.h"

namespace elanus {

// The run, not before `from`, that has the place: doubling steps, then halving ones. There must be one.
int64_t run_at(const int32_t* offsets, int64_t count, int64_t from, int64_t place);

// Bit i of `out` (ceil(count / 64) words, tail bits zero) is whether one of the places of run i is in the set `words`,
// which has a bit for every place.
void runs_with(const KernelTable& table, const uint64_t* words, const int32_t* offsets, int64_t count, uint64_t* out);

}  // namespace elanus
