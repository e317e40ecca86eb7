#include "algo/block_order.h"

#include <algorithm>
#include <deque>

namespace elanus {

std::vector<uint32_t> block_order(const uint32_t* links, int64_t degree, int64_t node_count,
                                  const std::vector<uint32_t>& entries, int64_t block_nodes) {
    std::vector<uint32_t> order;
    order.reserve(static_cast<size_t>(node_count));
    std::vector<char> placed(static_cast<size_t>(node_count), 0);
    std::deque<uint32_t> waiting(entries.begin(), entries.end());
    uint32_t next = 0;
    const auto place = [&](uint32_t node) {
        placed[node] = 1;
        order.push_back(node);
    };
    const auto count = [&] { return static_cast<int64_t>(order.size()); };
    const auto seed = [&] {
        for (; !waiting.empty(); waiting.pop_front()) {
            if (placed[waiting.front()] == 0) return waiting.front();
        }
        while (placed[next] != 0) ++next;
        return next;
    };
    while (count() < node_count) {
        const int64_t first = count(), last = std::min(node_count, first + block_nodes);
        for (int64_t from = first; count() < last; ++from) {
            if (from == count()) place(seed());
            const uint32_t* own = links + static_cast<int64_t>(order[static_cast<size_t>(from)]) * degree;
            for (int64_t i = 0; i < degree && own[i] < node_count && count() < last; ++i) {
                if (placed[own[i]] == 0) place(own[i]);
            }
        }
        for (int64_t from = first; from < last; ++from) {
            const uint32_t* own = links + static_cast<int64_t>(order[static_cast<size_t>(from)]) * degree;
            for (int64_t i = 0; i < degree && own[i] < node_count; ++i) {
                if (placed[own[i]] == 0) waiting.push_back(own[i]);
            }
        }
    }
    return order;
}

}  // namespace elanus
