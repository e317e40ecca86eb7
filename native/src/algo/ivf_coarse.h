// Which inverted lists are nearest to a query: a scan of the centroids' bytes, then exact scores of the best of them.

#pragma once

#include <cstdint>
#include <vector>

#include "algo/ivf_best.h"
#include "elanus/kernels.h"

namespace elanus {

// Centroids of `list_count` lists and codes of them: code times scale is about centroid less origin.
struct IvfCentroids {
    int64_t list_count;
    int64_t dim;
    const float* matrix;   // list_count x dim
    const int8_t* codes;   // list_count x dim
    const float* scales;   // dim
    const float* origin;   // dim
    const float* squares;  // list_count: |c|^2, then list_count: |c - origin|^2
};

struct NearList {
    uint32_t list;
    float product;   // of query and centroid
    float distance;  // squared, at least 0
};

// A query as bytes: code times `step` is about what it was made of.
class ByteQuery {
public:
    explicit ByteQuery(int64_t size) : code_(static_cast<size_t>(size)) {}

    // Takes `size` finite floats.
    void set(const float* values);

    const int8_t* code() const { return code_.data(); }
    float step() const { return step_; }
    QueryFacts facts() const { return {.norm = 0, .square_sum = 0, .element_sum = element_sum_}; }

private:
    std::vector<int8_t> code_;
    float step_ = 0;
    int64_t element_sum_ = 0;
};

class CoarseSearch {
public:
    // `ranking` is L2 or IP, from whose products `square_weight` times |c|^2 is taken; `nprobe` is 1 to list_count;
    // there is room for as many queries together as there are, up to kTogether.
    CoarseSearch(const KernelTable& table, Metric ranking, float square_weight, const IvfCentroids& centroids,
                 int64_t nprobe, int64_t query_count);

    // Queries that are compared with the lists' bytes together, so that those are read once for all of them.
    static constexpr int64_t kTogether = 8;

    // Takes up to kTogether queries, one after the other, which must stay until others come.
    void begin(const float* queries, int64_t count);
    // The `nprobe` lists nearest to query `number` of those, nearest first, ties to the smaller list; valid until the
    // next call.
    const std::vector<NearList>& nearest(int64_t number);

private:
    struct Ranked {
        float key;
        uint32_t list;

        bool operator<(const Ranked& other) const { return key < other.key || (key == other.key && list < other.list); }
    };

    void shortlist(int64_t number);
    void rank_exactly(const float* query);

    const KernelTable& table_;
    const bool by_distance_;
    const float square_weight_;
    const IvfCentroids centroids_;
    const int64_t nprobe_;
    const int64_t shortlist_size_;
    BestRows best_;
    const float* queries_ = nullptr;
    ByteQuery coded_;
    std::vector<int8_t> codes_;  // of the queries
    std::vector<float> steps_;
    std::vector<QueryFacts> facts_;
    std::vector<float> scaled_;
    std::vector<float> products_;  // of the queries with all lists, by their bytes
    std::vector<float> scores_;
    std::vector<Ranked> ranked_;
    std::vector<uint32_t> chosen_;
    std::vector<NearList> nearest_;
};

}  // namespace elanus
