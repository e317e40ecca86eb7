// Several reads of a file under way at once: Linux's submission and completion rings (io_uring), by their system calls.

#pragma once

#include <vector>

#include "algo/block_source.h"

namespace elanus {

// Reads what lies in memory already; false, with anything in `into`, when the disk would have to be waited for.
bool read_if_cached(int descriptor, const BlockRead& read);

// Takes whole reads out of `waiting` until it is empty; false where there are no rings or some reads are left over.
bool read_by_ring(int descriptor, std::vector<BlockRead>& waiting);

}  // namespace elanus
