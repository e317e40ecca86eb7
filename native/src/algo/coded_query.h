// A query of a metric among codes: what a walk is asked, and how exact scores compare with the walk's distances.

#pragma once

#include <cstdint>
#include <vector>

#include "algo/codes.h"
#include "algo/query.h"
#include "algo/scan.h"

namespace elanus {

class CodedQuery {
public:
    // Query `number` of the input, as it was prepared.
    void prepare(const CodeSpace& space, const ScanInput& input, const PreparedQueries& prepared, int64_t number);

    const CodeQuery& codes() const { return codes_; }
    // Whether float32 holds its distances; where not, what a walk finds is not what is near.
    bool can_be_compared() const;
    // Whether norms count, as for `Walk::prepare`.
    bool has_norms() const { return metric_ != Metric::ip; }
    // What the distance of a row of that deviation is off by, usually: as much in two of three.
    float error_of(float deviation) const { return 2 * root_ * deviation; }
    // Whether a row at a distance by its code, which is off by some of its `deviation`, may have that key or a smaller
    // one. A key is a score, negated where larger is nearer.
    bool may_reach(float distance, float deviation, float key) const;

private:
    float distance_of(float key) const;

    Metric metric_ = Metric::l2;
    CodeQuery codes_;
    float root_ = 0;  // length of the query among the codes
    float center_product_ = 0;
    std::vector<float> floats_;
};

}  // namespace elanus
