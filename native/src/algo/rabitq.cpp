#include "algo/rabitq.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "algo/query.h"

namespace elanus {

namespace {

constexpr float kEntryMax = 255;
constexpr float kRounding = 0x1.8p23f;
constexpr float kHalfRoot = 0.70710678118654752f;

// Blocks whose sums are computed at a time: what kListBlock places can lie in.
constexpr int64_t kBlockRows = 32;
constexpr int64_t kBlocksMax = kListBlock / kBlockRows + 1;

// The two halves turned against each other by an eighth of a circle.
void turn_halves(float* values, int64_t size) {
    float* __restrict low = values;
    float* __restrict high = values + size / 2;
    for (int64_t i = 0; i < size / 2; ++i) {
        const float a = low[i], b = high[i];
        low[i] = (a + b) * kHalfRoot;
        high[i] = (a - b) * kHalfRoot;
    }
}

// Sums of the subsets of four values: entry v adds value i where bit i of v is set.
void subset_sums(const float* values, float* sums) {
    const float low[4] = {0, values[0], values[1], values[0] + values[1]};
    const float high[4] = {0, values[2], values[3], values[2] + values[3]};
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) sums[4 * i + j] = high[i] + low[j];
    }
}

}  // namespace

void rotate(const KernelTable& table, const RabitqRotation& rotation, float* values) {
    const int64_t size = rotation.padded_dim;
    const auto part = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(size)));
    const float scale = 1.0f / std::sqrt(static_cast<float>(part));
    for (int64_t round = 0; round < kRotationRounds; ++round) {
        const float* signs = rotation.signs + round * size;
        for (int64_t i = 0; i < size; ++i) values[i] *= signs[i];
        float* transformed = round % 2 == 0 ? values : values + size - part;
        table.rabitq->hadamard(transformed, part);
        for (int64_t i = 0; i < part; ++i) transformed[i] *= scale;
        if (part != size) turn_halves(values, size);
    }
}

RabitqTables::RabitqTables(int64_t padded_dim) : tables_(static_cast<size_t>(4 * padded_dim)) {}

void RabitqTables::set(const float* rotated) {
    float widest = 0;
    base_ = 0;
    for (int64_t t = 0; t < count(); ++t) {
        float width = 0;
        for (int64_t i = 4 * t; i < 4 * t + 4; ++i) {
            width += std::fabs(rotated[i]);
            base_ += std::min(0.0f, rotated[i]);
        }
        widest = std::max(widest, width);
    }
    step_ = widest / kEntryMax;
    if (step_ < 0x1p-120f) {
        step_ = 0;
        std::fill(tables_.begin(), tables_.end(), uint8_t{0});
        return;
    }
    const float inverse = kEntryMax / widest;
    for (int64_t t = 0; t < count(); ++t) {
        const float* values = rotated + 4 * t;
        float sums[16];
        subset_sums(values, sums);
        float least = 0;
        for (int i = 0; i < 4; ++i) least += std::min(0.0f, values[i]);
        uint8_t* table = tables_.data() + 16 * t;
        for (int v = 0; v < 16; ++v) {
            table[v] = static_cast<uint8_t>(std::bit_cast<uint32_t>((sums[v] - least) * inverse + kRounding) & 0xff);
        }
    }
}

namespace {

class RabitqReader final : public ListReader {
public:
    RabitqReader(const IvfMembers& members, const RabitqCodes& codes, RabitqStage stage, bool by_distance)
        : members_(members),
          codes_(codes),
          stage_(stage),
          by_distance_(by_distance),
          rotated_(static_cast<size_t>(codes.rotation.padded_dim)),
          tables_(codes.rotation.padded_dim),
          fine_query_(codes.rotation.padded_dim) {}

    void begin(const ScanInput& one, const float* vector) override {
        one_ = one;
        const int64_t dim = codes_.rotation.dim;
        for (int64_t i = 0; i < dim; ++i) rotated_[static_cast<size_t>(i)] = vector[i] - codes_.origin[i];
        std::fill(rotated_.begin() + dim, rotated_.end(), 0.0f);
        rotate(*one.table, codes_.rotation, rotated_.data());
        total_ = 0;
        for (const float value : rotated_) total_ += value;
        tables_.set(rotated_.data());
        if (stage_ == RabitqStage::fine) fine_query_.set(rotated_.data());
        if (stage_ == RabitqStage::column) {
            prepared_ = std::make_unique<PreparedQueries>(one);
            score_ = find_score(*one.table, one.base.type, one.metric);
        }
    }

    void read(const NearList& near, BestRows& best) override {
        near_key_ = by_distance_ ? near.distance : -near.product;
        near_root_ = std::sqrt(near.distance);
        const int64_t last = members_.offsets[near.list + 1];
        for (int64_t first = members_.offsets[near.list]; first < last; first += kListBlock) {
            read_places(first, std::min(kListBlock, last - first), best);
        }
    }

    bool is_exact() const override { return stage_ == RabitqStage::column; }

private:
    void read_places(int64_t first, int64_t count, BestRows& best) {
        const int64_t first_block = first / kBlockRows;
        const int64_t block_count = (first + count - 1) / kBlockRows - first_block + 1;
        const uint8_t* blocks = codes_.blocks + first_block * 16 * tables_.count();
        one_.table->rabitq->block_sums(blocks, block_count, tables_.data(), tables_.count(), sums_);
        estimate(first, count, sums_ + (first - first_block * kBlockRows));
        const int32_t* rows = members_.members + first;
        if (stage_ == RabitqStage::estimates) {
            for_each_at_most(*one_.table, keys_, count, best.bound(), [&](int64_t i) {
                const auto row = static_cast<uint32_t>(rows[i]);
                if (is_allowed(one_, row)) best.offer(keys_[i], row);
            });
            return;
        }
        int64_t kept = 0;
        for_each_at_most(*one_.table, keys_, count, best.bound(), [&](int64_t i) {
            if (is_allowed(one_, static_cast<uint32_t>(rows[i]))) {
                places_[kept] = static_cast<uint32_t>(first + i);
                listed_[kept] = static_cast<uint32_t>(rows[i]);
                kept_products_[kept++] = products_[i];
            }
        });
        if (kept == 0) return;
        if (stage_ == RabitqStage::fine) {
            estimate_again(kept);
        } else {
            score(kept);
        }
        for (int64_t i = 0; i < kept; ++i) {
            if (keys_[i] <= best.bound()) best.offer(keys_[i], listed_[i]);
        }
    }

    // Keys of places from the sums over their codes: estimates, or how small the key may well be.
    void estimate(int64_t first, int64_t count, const uint32_t* sums) {
        const float* constants = codes_.factors + first;
        const float* factors = constants + codes_.place_count;
        const float* errors = factors + codes_.place_count;
        const float step = tables_.step(), base = tables_.base();
        const float total = total_, near_key = near_key_;
        const float reach = stage_ == RabitqStage::estimates ? 0 : near_root_;
        for (int64_t i = 0; i < count; ++i) {
            const float product = step * static_cast<float>(static_cast<int32_t>(sums[i])) + base;
            products_[i] = product;
            keys_[i] = near_key + constants[i] + factors[i] * (2 * product - total) - reach * errors[i];
        }
    }

    // The products of the first code's bits are known: they are the highest bit of the whole code.
    void estimate_again(int64_t count) {
        const int64_t bits = codes_.fine_bits;
        const RabitqFineTask task = {.codes = codes_.fine,
                                     .segment = codes_.rotation.padded_dim / 8,
                                     .query = fine_query_.code(),
                                     .places = places_,
                                     .count = count,
                                     .products = fine_products_};
        one_.table->rabitq->fine_products[bits - 2](&task);
        const auto high = static_cast<float>(1 << (bits - 1));
        const float middle = static_cast<float>((1 << bits) - 1) / 2 * total_;
        for (int64_t i = 0; i < count; ++i) {
            const float* constants = codes_.fine_factors + places_[i];
            const float low = fine_query_.step() * static_cast<float>(fine_products_[i]);
            const float product = high * kept_products_[i] + low - middle;
            keys_[i] = near_key_ + constants[0] + constants[codes_.place_count] * product;
        }
    }

    void score(int64_t count) {
        const ScoreTask task = {.queries = prepared_->data(),
                                .query_count = 1,
                                .facts = prepared_->facts(),
                                .base = one_.base.data,
                                .width = one_.base.width,
                                .rows = listed_,
                                .first = 0,
                                .count = count,
                                .scores = keys_,
                                .scores_stride = count};
        score_(&task);
        if (is_larger_nearer(one_.metric)) {
            for (int64_t i = 0; i < count; ++i) keys_[i] = -keys_[i];
        }
    }

    const IvfMembers members_;
    const RabitqCodes codes_;
    const RabitqStage stage_;
    const bool by_distance_;
    ScanInput one_ = {};
    std::unique_ptr<PreparedQueries> prepared_;
    ScoreFunction score_ = nullptr;
    std::vector<float> rotated_;
    RabitqTables tables_;
    ByteQuery fine_query_;
    float total_ = 0, near_key_ = 0, near_root_ = 0;
    uint32_t sums_[kBlocksMax * kBlockRows];
    float products_[kListBlock], kept_products_[kListBlock], keys_[kListBlock];
    uint32_t places_[kListBlock], listed_[kListBlock];
    int32_t fine_products_[kListBlock];
};

}  // namespace

std::unique_ptr<ListReader> make_rabitq_reader(const IvfMembers& members, const RabitqCodes& codes, RabitqStage stage,
                                               bool by_distance) {
    return std::make_unique<RabitqReader>(members, codes, stage, by_distance);
}

}  // namespace elanus
