#include "algo/ivf_search.h"

#include <cmath>

#include "algo/query.h"

namespace elanus {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

int64_t row_stride(const ScanInput& scan) {
    const bool is_float = scan.base.type != ElementType::int8;
    return scan.base.width * (is_float ? 4 : 1);
}

ScanInput one_query(const ScanInput& scan, int64_t number) {
    ScanInput one = scan;
    one.queries = static_cast<const uint8_t*>(scan.queries) + number * row_stride(scan);
    one.query_count = 1;
    return one;
}

// `vector` brought to a length; a zero vector stays zero.
void set_length(const float* vector, int64_t dim, float length, float* out) {
    double sums[4] = {};
    int64_t i = 0;
    for (; i + 4 <= dim; i += 4) {
        for (int j = 0; j < 4; ++j) sums[j] += static_cast<double>(vector[i + j]) * vector[i + j];
    }
    for (; i < dim; ++i) sums[0] += static_cast<double>(vector[i]) * vector[i];
    const double found = std::sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
    const double scale = found > 0 ? length / found : 0;
    for (i = 0; i < dim; ++i) out[i] = static_cast<float>(vector[i] * scale);
}

// The rows found, in order of exact scores.
void score_again(const ScanInput& one, BestRows& found, BestRows& best) {
    std::vector<int64_t> rows(static_cast<size_t>(found.size()));
    std::vector<float> scores(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = found.row(static_cast<int64_t>(i));
    score_rows(one, rows.data(), found.size(), scores.data());
    const float sign = is_larger_nearer(one.metric) ? -1.0f : 1.0f;
    best.clear();
    for (size_t i = 0; i < rows.size(); ++i) best.offer(sign * scores[i], static_cast<uint32_t>(rows[i]));
}

void write_hits(const BestRows& best, bool larger_is_nearer, int64_t k, float* scores, int64_t* rows) {
    const float sign = larger_is_nearer ? -1.0f : 1.0f;
    for (int64_t i = 0; i < k; ++i) {
        const bool is_hit = i < best.size();
        scores[i] = is_hit ? sign * best.key(i) + 0.0f : sign * kInfinity;
        rows[i] = is_hit ? static_cast<int64_t>(best.row(i)) : -1;
    }
}

class FlatReader final : public ListReader {
public:
    explicit FlatReader(const IvfMembers& members) : members_(members) {}

    void begin(const ScanInput& one, const float* /*vector*/) override {
        one_ = one;
        prepared_ = std::make_unique<PreparedQueries>(one);
        score_ = find_score(*one.table, one.base.type, one.metric);
    }

    void read(const NearList& near, BestRows& best) override {
        int64_t count = 0;
        for (int64_t p = members_.offsets[near.list]; p < members_.offsets[near.list + 1]; ++p) {
            const auto row = static_cast<uint32_t>(members_.members[p]);
            rows_[count] = row;
            count += is_allowed(one_, row) ? 1 : 0;
            if (count == kListBlock) {
                score(count, best);
                count = 0;
            }
        }
        if (count > 0) score(count, best);
    }

    bool is_exact() const override { return true; }

private:
    void score(int64_t count, BestRows& best) {
        const ScoreTask task = {.queries = prepared_->data(),
                                .query_count = 1,
                                .facts = prepared_->facts(),
                                .base = one_.base.data,
                                .width = one_.base.width,
                                .rows = rows_,
                                .first = 0,
                                .count = count,
                                .scores = keys_,
                                .scores_stride = count};
        score_(&task);
        if (is_larger_nearer(one_.metric)) {
            for (int64_t i = 0; i < count; ++i) keys_[i] = -keys_[i];
        }
        for_each_at_most(*one_.table, keys_, count, best.bound(), [&](int64_t i) { best.offer(keys_[i], rows_[i]); });
    }

    const IvfMembers members_;
    ScanInput one_ = {};
    std::unique_ptr<PreparedQueries> prepared_;
    ScoreFunction score_ = nullptr;
    uint32_t rows_[kListBlock];
    float keys_[kListBlock];
};

class BytesReader final : public ListReader {
public:
    BytesReader(const IvfMembers& members, const IvfBytes& bytes, bool by_distance)
        : members_(members),
          bytes_(bytes),
          by_distance_(by_distance),
          query_(bytes.dim),
          scaled_(static_cast<size_t>(bytes.dim)) {}

    void begin(const ScanInput& one, const float* vector) override {
        one_ = one;
        for (size_t i = 0; i < scaled_.size(); ++i) scaled_[i] = (vector[i] - bytes_.origin[i]) * bytes_.scales[i];
        query_.set(scaled_.data());
        facts_ = query_.facts();
    }

    void read(const NearList& near, BestRows& best) override {
        const int64_t last = members_.offsets[near.list + 1];
        const float constant = by_distance_ ? near.distance : -near.product;
        for (int64_t first = members_.offsets[near.list]; first < last; first += kListBlock) {
            read_block(first, std::min(kListBlock, last - first), constant, best);
        }
    }

    bool is_exact() const override { return false; }

private:
    void read_block(int64_t first, int64_t count, float constant, BestRows& best) {
        const int32_t* rows = members_.members + first;
        ScoreTask task = {.queries = query_.code(),
                          .query_count = 1,
                          .facts = &facts_,
                          .base = bytes_.codes + first * bytes_.dim,
                          .width = bytes_.dim,
                          .rows = nullptr,
                          .first = 0,
                          .count = count,
                          .scores = products_,
                          .scores_stride = count};
        if (one_.allow != nullptr) {
            task.count = list_allowed(rows, count);
            if (task.count == 0) return;
            task.rows = positions_;
        }
        one_.table->int8_distance->ip_i8(&task);
        const float step = by_distance_ ? 2 * query_.step() : query_.step();
        const float* constants = bytes_.constants + first;
        for (int64_t i = 0; i < task.count; ++i) {
            const int64_t position = task.rows != nullptr ? positions_[i] : i;
            const float own = by_distance_ ? constants[position] : 0;
            products_[i] = constant + own - step * products_[i];
        }
        for_each_at_most(*one_.table, products_, task.count, best.bound(), [&](int64_t i) {
            const int64_t position = task.rows != nullptr ? positions_[i] : i;
            const auto row = static_cast<uint32_t>(rows[position]);
            if (task.rows != nullptr || is_allowed(one_, row)) best.offer(products_[i], row);
        });
    }

    int64_t list_allowed(const int32_t* rows, int64_t count) {
        int64_t allowed = 0;
        for (int64_t i = 0; i < count; ++i) {
            positions_[allowed] = static_cast<uint32_t>(i);
            allowed += is_allowed(one_, static_cast<uint32_t>(rows[i])) ? 1 : 0;
        }
        return allowed;
    }

    const IvfMembers members_;
    const IvfBytes bytes_;
    const bool by_distance_;
    ScanInput one_ = {};
    ByteQuery query_;
    QueryFacts facts_ = {};
    std::vector<float> scaled_;
    float products_[kListBlock];
    uint32_t positions_[kListBlock];
};

}  // namespace

std::unique_ptr<ListReader> make_flat_reader(const IvfMembers& members) {
    return std::make_unique<FlatReader>(members);
}

std::unique_ptr<ListReader> make_bytes_reader(const IvfMembers& members, const IvfBytes& bytes, bool by_distance) {
    return std::make_unique<BytesReader>(members, bytes, by_distance);
}

int64_t search_lists(const IvfSearch& search, ListReader& reader, float* scores, int64_t* rows) {
    CoarseSearch coarse(*search.scan.table, search.ranking, search.square_weight, search.centroids, search.nprobe,
                        search.scan.query_count);
    BestRows pool(search.pool);
    BestRows best(search.k);
    const int64_t dim = search.centroids.dim;
    std::vector<float> scaled(search.length > 0 ? static_cast<size_t>(CoarseSearch::kTogether * dim) : 0);
    const bool larger_is_nearer = is_larger_nearer(search.scan.metric);
    const float* vectors = nullptr;
    for (int64_t q = 0; q < search.scan.query_count; ++q) {
        const int64_t number = q % CoarseSearch::kTogether;
        if (number == 0) {
            const int64_t count = std::min(CoarseSearch::kTogether, search.scan.query_count - q);
            vectors = search.vectors + q * dim;
            if (search.length > 0) {
                for (int64_t i = 0; i < count; ++i) {
                    set_length(vectors + i * dim, dim, search.length, scaled.data() + i * dim);
                }
                vectors = scaled.data();
            }
            coarse.begin(vectors, count);
        }
        const float* vector = vectors + number * dim;
        const ScanInput one = one_query(search.scan, q);
        reader.begin(one, vector);
        pool.clear();
        for (const NearList& near : coarse.nearest(number)) {
            if (!search.members.has(near.list)) return near.list;
            reader.read(near, pool);
        }
        BestRows* hits = &pool;
        if (!reader.is_exact()) {
            score_again(one, pool, best);
            hits = &best;
        }
        hits->finish();
        write_hits(*hits, larger_is_nearer, search.row_stride, scores + q * search.row_stride,
                   rows + q * search.row_stride);
    }
    return -1;
}

}  // namespace elanus
