#include "algo/graph_layout.h"

#include <algorithm>
#include <vector>

namespace elanus {

namespace {

constexpr uint32_t kPlaced = ~uint32_t{0};

// The nodes of each cell but its head, ascending, and where each cell's begin.
std::vector<uint32_t> gathered(std::span<const uint32_t> cells, int64_t head_count, uint32_t* starts) {
    std::fill_n(starts, head_count + 1, uint32_t{0});
    for (const uint32_t cell : cells) {
        if (cell != kPlaced) ++starts[cell + 1];
    }
    for (int64_t c = 0; c < head_count; ++c) starts[c + 1] += starts[c];
    std::vector<uint32_t> members(starts[head_count]);
    std::vector<uint32_t> next(starts, starts + head_count);
    for (size_t node = 0; node < cells.size(); ++node) {
        if (cells[node] != kPlaced) members[next[cells[node]]++] = static_cast<uint32_t>(node);
    }
    return members;
}

}  // namespace

void lay_out(const Graph& graph, std::span<const uint32_t> heads, const uint32_t* cells, uint32_t* order,
             uint32_t* starts) {
    const auto head_count = static_cast<uint32_t>(heads.size());
    std::vector<uint32_t> waiting(cells, cells + graph.node_count);  // the cell of each node without a place yet
    for (const uint32_t head : heads) waiting[head] = kPlaced;
    const std::vector<uint32_t> members = gathered(waiting, head_count, starts);
    uint32_t* last = std::copy(heads.begin(), heads.end(), order);
    const auto place_neighbours = [&](uint32_t node, uint32_t cell) {
        for (const uint32_t neighbour : graph.neighbours(node)) {
            if (waiting[neighbour] != cell) continue;
            waiting[neighbour] = kPlaced;
            *last++ = neighbour;
        }
    };
    for (uint32_t cell = 0; cell < head_count; ++cell) {
        const uint32_t* next = last;
        place_neighbours(heads[cell], cell);
        for (uint32_t i = starts[cell]; i < starts[cell + 1]; ++i) {
            if (waiting[members[i]] == cell) {
                // No link of the cell leads there from what was placed.
                for (; next < last; ++next) place_neighbours(*next, cell);
            }
            if (waiting[members[i]] == cell) {
                waiting[members[i]] = kPlaced;
                *last++ = members[i];
            }
        }
        starts[cell] += head_count;
    }
    starts[head_count] += head_count;
}

}  // namespace elanus
