// RaBitQ: a random rotation, the query's tables for codes of one bit, and the reader of lists of such codes.
//
// Gao and Long, "RaBitQ", SIGMOD 2024; Gao et al., "Practical and asymptotically optimal quantization", SIGMOD 2025
// (codes of more bits). With c the centroid of row x, P the rotation, s the signs of P(x - c) as -1 and 1:
//
//   <x - c, q - c> is about f <s, P(q - c)>, f = |x - c|^2 / <s, P(x - c)>
//
// which is unbiased over rotations. What does not depend on the query is kept as two factors a row, so that the query
// is rotated once for all lists; a third one is how far the key may be off at a distance of 1 from the centroid.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "algo/ivf_search.h"
#include "elanus/kernels.h"

namespace elanus {

constexpr int64_t kRotationRounds = 3;

// Rounds of random signs, a Hadamard transform of each block of 2^n values, where 2^n is the largest power that divides
// the dimension, and a transposition that deals every block's values out to all blocks: orthogonal, in time
// dim log dim, for any multiple of 64.
struct RabitqRotation {
    int64_t dim;         // of what is rotated
    int64_t padded_dim;  // of the result: a multiple of 64, at least dim
    const float* signs;  // kRotationRounds x padded_dim of -1 and 1
};

// Turns `values` in place: `padded_dim` floats, those after `dim` zero. `spare` is room for as many.
void rotate(const KernelTable& table, const RabitqRotation& rotation, float* values, float* spare);

enum class RabitqStage : int64_t {
    estimates,  // the best estimates are the candidates
    fine,       // rows that may be among the best are estimated again by finer codes
    column,     // rows that may be among the best are scored exactly
};

struct RabitqCodes {
    RabitqRotation rotation;
    int64_t place_count;
    const float* origin;        // dim; taken from queries before they are rotated
    const uint8_t* blocks;      // RabitqKernels::block_sums, in the order of places
    const float* factors;       // 3 x place_count: constant, factor, error
    int64_t fine_bits;          // bits a dimension of both codes together, 1 to 8; 1 is no finer code
    const uint8_t* fine;        // RabitqFineTask, in the order of places
    const float* fine_factors;  // 2 x place_count: constant, factor
};

// A query's 16 sums over each 4 dimensions, as bytes.
class RabitqTables {
public:
    explicit RabitqTables(int64_t padded_dim);

    void set(const KernelTable& table, const float* rotated);

    const uint8_t* data() const { return tables_.data(); }
    int64_t count() const { return static_cast<int64_t>(tables_.size()) / 16; }
    // The sum of the query's values where a code is 1 is about `step * block sum + base`.
    float step() const { return step_; }
    float base() const { return base_; }

private:
    std::vector<uint8_t> tables_;
    float step_ = 0;
    float base_ = 0;
};

std::unique_ptr<ListReader> make_rabitq_reader(const IvfMembers& members, const RabitqCodes& codes, RabitqStage stage,
                                               bool by_distance);

}  // namespace elanus
