#include "algo/scan.h"

#include <algorithm>
#include <bit>
#include <memory>

#include "algo/query.h"

namespace elanus {

namespace {

// With several queries a block of rows should stay in the second-level cache until the last query has seen it.
constexpr int64_t kBlockBytes = 256 * 1024;

ScoreFunction find_float_score(const FloatDistanceKernels& kernels, ElementType type, Metric metric) {
    const ScoreFunction functions[3][3] = {
        {kernels.l2sq_f32, kernels.ip_f32, kernels.cosine_f32},
        {kernels.l2sq_f16, kernels.ip_f16, kernels.cosine_f16},
        {kernels.l2sq_bf16, kernels.ip_bf16, kernels.cosine_bf16},
    };
    return functions[static_cast<int>(type)][static_cast<int>(metric)];
}

// Set bits a word of `allow` needs for all its 64 rows to be scored in one go. Skipping a row saves its bytes, but rows
// that are not in sequence cost more each, the more so the smaller they are.
int dense_bits_min(int64_t row_bytes) { return row_bytes >= 2048 ? 34 : row_bytes >= 512 ? 24 : 10; }

class Scanner {
public:
    Scanner(const ScanInput& input, const PreparedQueries& queries, Collector* const* collectors)
        : score_(find_score(*input.table, input.base.type, input.metric)),
          allow_(input.allow),
          row_count_(input.base.row_count),
          block_rows_(block_rows(input)),
          dense_bits_min_(dense_bits_min(input.base.row_bytes())),
          collectors_(collectors),
          scores_(new float[static_cast<size_t>(input.query_count * block_rows_)]) {
        task_ = {.queries = queries.data(),
                 .query_count = input.query_count,
                 .facts = queries.facts(),
                 .base = input.base.data,
                 .width = input.base.width,
                 .rows = nullptr,
                 .first = 0,
                 .count = 0,
                 .scores = scores_.get(),
                 .scores_stride = block_rows_};
    }

    void scan_all() {
        for (int64_t first = 0; first < row_count_; first += block_rows_) {
            run_ = {first, std::min(block_rows_, row_count_ - first)};
            flush_run();
        }
    }

    void scan_allowed() {
        for (int64_t first = 0; first < row_count_; first += 64) {
            const int64_t count = std::min<int64_t>(64, row_count_ - first);
            const uint64_t inside = count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
            const uint64_t word = allow_[first / 64] & inside;
            if (word == 0) continue;
            if (std::popcount(word) >= dense_bits_min_) {
                add_to_run(first, count);
            } else {
                add_to_list(first, word);
            }
        }
        flush_run();
        flush_list();
    }

private:
    struct Run {
        int64_t first, count;
    };

    static int64_t block_rows(const ScanInput& input) {
        if (input.query_count == 1) return kBlockRowsMax;
        const int64_t fitting = kBlockBytes / std::max<int64_t>(1, input.base.row_bytes());
        return std::clamp<int64_t>(fitting / 64 * 64, 64, kBlockRowsMax);
    }

    // Collectors want ascending rows, so of the run and the list never more than one is waiting.
    void add_to_run(int64_t first, int64_t count) {
        flush_list();
        if (run_.first + run_.count != first || run_.count + count > block_rows_) flush_run();
        if (run_.count == 0) run_.first = first;
        run_.count += count;
    }

    void add_to_list(int64_t first, uint64_t word) {
        flush_run();
        if (list_count_ + 64 > block_rows_) flush_list();
        for (; word != 0; word &= word - 1) {
            list_[list_count_++] = static_cast<uint32_t>(first + std::countr_zero(word));
        }
    }

    void flush_run() {
        if (run_.count == 0) return;
        task_.rows = nullptr;
        task_.first = run_.first;
        task_.count = run_.count;
        score_(&task_);
        give(allow_ != nullptr ? allow_ + run_.first / 64 : nullptr);
        run_.count = 0;
    }

    void flush_list() {
        if (list_count_ == 0) return;
        task_.rows = list_;
        task_.first = 0;
        task_.count = list_count_;
        score_(&task_);
        give(nullptr);
        list_count_ = 0;
    }

    void give(const uint64_t* allow) {
        for (int64_t q = 0; q < task_.query_count; ++q) {
            collectors_[q]->take({task_.scores + q * task_.scores_stride, task_.count, task_.first, task_.rows, allow});
        }
    }

    const ScoreFunction score_;
    const uint64_t* const allow_;
    const int64_t row_count_;
    const int64_t block_rows_;
    const int dense_bits_min_;
    Collector* const* const collectors_;
    const std::unique_ptr<float[]> scores_;
    ScoreTask task_;
    Run run_ = {0, 0};
    int64_t list_count_ = 0;
    uint32_t list_[kBlockRowsMax];
};

}  // namespace

ScoreFunction find_score(const KernelTable& table, ElementType type, Metric metric) {
    if (type == ElementType::bits) {
        return metric == Metric::hamming ? table.bits_distance->hamming : table.bits_distance->jaccard;
    }
    if (type == ElementType::int8) {
        const Int8DistanceKernels& kernels = *table.int8_distance;
        return metric == Metric::l2 ? kernels.l2sq_i8 : metric == Metric::ip ? kernels.ip_i8 : kernels.cosine_i8;
    }
    return find_float_score(*table.float_distance, type, metric);
}

int64_t Vectors::row_bytes() const {
    switch (type) {
        case ElementType::float32:
            return 4 * width;
        case ElementType::float16:
        case ElementType::bfloat16:
            return 2 * width;
        case ElementType::int8:
        case ElementType::bits:
            return width;
    }
    return width;
}

bool is_supported(ElementType type, Metric metric) {
    const bool of_bits = metric == Metric::hamming || metric == Metric::jaccard;
    return of_bits == (type == ElementType::bits);
}

int64_t count_allowed(const KernelTable& table, const uint64_t* allow, int64_t row_count) {
    if (allow == nullptr) return row_count;
    const int64_t whole = row_count / 64;
    int64_t count = table.bits->bit_count(allow, whole);
    const int64_t left = row_count % 64;
    if (left != 0) count += std::popcount(allow[whole] & ((uint64_t{1} << left) - 1));
    return count;
}

void scan(const ScanInput& input, Collector* const* collectors) {
    const PreparedQueries queries(input);
    Scanner scanner(input, queries, collectors);
    if (input.allow == nullptr) {
        scanner.scan_all();
    } else {
        scanner.scan_allowed();
    }
}

int64_t score_rows(const ScanInput& input, const int64_t* rows, int64_t count, float* scores) {
    const PreparedQueries queries(input);
    const ScoreFunction score = find_score(*input.table, input.base.type, input.metric);
    uint32_t list[kBlockRowsMax];
    for (int64_t start = 0; start < count; start += kBlockRowsMax) {
        const int64_t left = std::min(kBlockRowsMax, count - start);
        for (int64_t i = 0; i < left; ++i) {
            const int64_t row = rows[start + i];
            if (row < 0 || row >= input.base.row_count) return start + i;
            list[i] = static_cast<uint32_t>(row);
        }
        const ScoreTask task = {.queries = queries.data(),
                                .query_count = 1,
                                .facts = queries.facts(),
                                .base = input.base.data,
                                .width = input.base.width,
                                .rows = list,
                                .first = 0,
                                .count = left,
                                .scores = scores + start,
                                .scores_stride = left};
        score(&task);
    }
    return -1;
}

}  // namespace elanus
