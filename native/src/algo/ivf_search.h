// Searching inverted lists: the nearest lists are read by whatever stores their rows, and the best rows are scored
// exactly.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "algo/ivf_best.h"
#include "algo/ivf_coarse.h"
#include "algo/scan.h"

namespace elanus {

// Rows of list i are members[offsets[i]] to members[offsets[i + 1]] (exclusive). A place is a position in `members`.
struct IvfMembers {
    int64_t place_count;
    const int64_t* offsets;
    const int32_t* members;

    bool has(uint32_t list) const {
        return offsets[list] >= 0 && offsets[list] <= offsets[list + 1] && offsets[list + 1] <= place_count;
    }
};

// What stores the rows of lists. Keys of all readers: smaller is nearer.
class ListReader {
public:
    virtual ~ListReader() = default;
    // `one` is the scan of one query over the column; `vector` is that query as lists compare it.
    virtual void begin(const ScanInput& one, const float* vector) = 0;
    // Offers the allowed rows of a list.
    virtual void read(const NearList& near, BestRows& best) = 0;
    // Whether keys are exact scores (negated where larger is nearer) already.
    virtual bool is_exact() const = 0;
};

struct IvfSearch {
    ScanInput scan;        // all queries, the column and the allowed rows
    const float* vectors;  // the queries as floats: query_count x dim
    float length;          // lists compare them at this length; as they are when it is 0
    Metric ranking;        // of the lists: L2 or IP
    float square_weight;   // as `CoarseSearch` takes it
    IvfCentroids centroids;
    IvfMembers members;
    int64_t nprobe;
    int64_t k;
    int64_t pool;        // rows kept for exact scores, at least k
    int64_t row_stride;  // places of a query's hits in the result, at least k
};

// Writes query_count x row_stride scores and rows, best first; places after the hits get row -1 and the worst score.
// Returns the number of a list whose offsets are not within the members, or -1 when all that were read are.
int64_t search_lists(const IvfSearch& search, ListReader& reader, float* scores, int64_t* rows);

// Reads the rows of a list from the column itself.
std::unique_ptr<ListReader> make_flat_reader(const IvfMembers& members);

// Rows as bytes in the order of places: code times scale is about row less centroid.
struct IvfBytes {
    int64_t dim;
    const float* scales;     // dim
    const float* origin;     // dim; zeros unless distances are compared
    const int8_t* codes;     // place_count x dim
    const float* constants;  // place_count, for distances only
};

std::unique_ptr<ListReader> make_bytes_reader(const IvfMembers& members, const IvfBytes& bytes, bool by_distance);

// Whether the column has the row, which a damaged list may not know, and it is allowed.
inline bool is_allowed(const ScanInput& scan, uint32_t row) {
    if (row >= scan.base.row_count) return false;
    return scan.allow == nullptr || (scan.allow[row / 64] >> (row % 64) & 1) != 0;
}

}  // namespace elanus
