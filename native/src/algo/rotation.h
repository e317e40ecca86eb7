// A random rotation that costs n log n: what makes the elements of any vector alike, so that few bits can hold them.

#pragma once

#include <cstdint>
#include <vector>

#include "elanus/kernels.h"

namespace elanus {

// Flips of signs and Walsh-Hadamard transforms of the first and the last 2^n elements in turn, which Kac steps mix
// (Kac 1956; as in Gao et al. 2025). Orthogonal; the same dimension and seed give the same rotation everywhere.
class Rotation {
public:
    Rotation(int64_t dim, uint64_t seed);

    int64_t dim() const { return dim_; }
    // Elements of a rotated vector: `dim` rounded up to a multiple of 128.
    int64_t width() const { return width_; }

    // `rotated` has `width` elements.
    void apply(const KernelTable& table, const float* vector, float* rotated) const;

private:
    int64_t dim_, width_, block_;
    int round_count_;
    std::vector<float> signs_;  // `block_` of each round, scaled so that the transform keeps lengths
};

}  // namespace elanus
