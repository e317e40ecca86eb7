// The codes of a node's neighbours that lie beside its links: one bit an element, of the way from the node to the
// neighbour (Gao and Long 2024, with the node as the center as in Gou et al. 2025). They are the better the nearer the
// query is to the node, which is where a walk needs them.

#pragma once

#include <cstdint>
#include <vector>

#include "algo/codes.h"

namespace elanus {

// In front of a neighbour's bits. Its distance is that of the node, plus `offset`, less 2 `step` <query, signs>, where
// bit i of the bits, from the lowest of the first byte on, says that element i of the signs is 1 and not -1.
struct NeighbourHead {
    float step, offset;
};

inline int64_t neighbour_code_bytes(const CodeSpace& space) {
    return space.width() / 8 + static_cast<int64_t>(sizeof(NeighbourHead));
}

// How much an estimate counts beside others: the inverse of its variance, but for a factor. `way` is the squared
// distance between the query and the node.
float neighbour_weight(const uint8_t* code, float way);

// Writes codes of neighbours of nodes; `with_norms` as for `Walk::prepare`.
class NeighbourCoder {
public:
    NeighbourCoder(const CodeSpace& space, bool with_norms);

    // What follows is seen from this row.
    void stand_at(const uint8_t* row);
    void encode(const uint8_t* row, uint8_t* code);

private:
    void decode(const uint8_t* row, std::vector<float>& values) const;

    const CodeSpace& space_;
    float norm_weight_;
    std::vector<float> own_, other_;
    float own_norm_ = 0;
};

// Sums of a query's elements by the bytes of a code.
class NeighbourTable {
public:
    void prepare(const CodeSpace& space, const CodeQuery& query);

    // Of a neighbour, from the node's own.
    float distance(const CodeQuery& query, float node_distance, const uint8_t* code) const;

private:
    std::vector<int16_t> sums_;  // 256 a byte
};

}  // namespace elanus
