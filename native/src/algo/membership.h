// IN over numbers: each value against a sorted list.

#pragma once

#include <cstdint>

#include "elanus/kernels.h"

namespace elanus {

// Bit i tells whether values[i] equals one of the list, which ascends without repeats. NaN equals nothing; the two
// float zeros are equal.
template <class T>
void is_in(const KernelTable& table, const T* values, int64_t count, const T* list, int64_t list_size, uint64_t* words);

}  // namespace elanus
