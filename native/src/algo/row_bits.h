// Sets of rows from their numbers.

#pragma once

#include <cstdint>

namespace elanus {

// Sets the bits of `rows` in `words`, which has a bit for every row from 0 to `size` (exclusive); other bits stay as
// they are. False, with some bits set, when a number is not in that range.
template <class Row>
bool set_rows(const Row* rows, int64_t count, int64_t size, uint64_t* words);

}  // namespace elanus
