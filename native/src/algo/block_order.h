// An order of nodes that puts those linked with each other into the same block.

#pragma once

#include <cstdint>
#include <vector>

namespace elanus {

// The nodes in the order of their places; `block_nodes` places a block, those near the entries first. Links end at the
// first that is no node. (Gathering as in Wang et al. 2024, "Starling".)
std::vector<uint32_t> block_order(const uint32_t* links, int64_t degree, int64_t node_count,
                                  const std::vector<uint32_t>& entries, int64_t block_nodes);

}  // namespace elanus
