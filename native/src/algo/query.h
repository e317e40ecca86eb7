// A query made ready for the score kernels.

#pragma once

#include <vector>

#include "algo/scan.h"

namespace elanus {

// The queries of a scan and the facts about them; queries whose norm float32 cannot square are scaled copies when the
// metric does not mind.
class PreparedQueries {
public:
    explicit PreparedQueries(const ScanInput& input);

    const void* data() const { return data_; }
    const QueryFacts* facts() const { return facts_.data(); }

private:
    void prepare_cosine(const ScanInput& input);
    void prepare_int8(const ScanInput& input);

    const void* data_;
    std::vector<QueryFacts> facts_;
    std::vector<float> scaled_;
};

}  // namespace elanus
