// Where nodes lie: those a walk meets together lie together, so that it touches fewer pages and cache lines.

#pragma once

#include <cstdint>
#include <span>

#include "algo/graph.h"

namespace elanus {

// Numbers nodes anew by cells: the heads come first, then cell after cell, the nodes of each in the order in which
// links that stay in it lead to them from its head.
//
// `cells` is the place in `heads` of each node's cell; every node has one, those of heads do not count. `order` gets
// the nodes in their new order, `starts` where each cell's nodes begin in it, its head aside, and at last their end.
void lay_out(const Graph& graph, std::span<const uint32_t> heads, const uint32_t* cells, uint32_t* order,
             uint32_t* starts);

}  // namespace elanus
