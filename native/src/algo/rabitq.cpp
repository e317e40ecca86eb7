#include "algo/rabitq.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "algo/query.h"

namespace elanus {

namespace {

constexpr float kEntryMax = 255;

// Blocks whose sums are computed at a time: what kListBlock places can lie in.
constexpr int64_t kBlockRows = 32;
constexpr int64_t kBlocksMax = kListBlock / kBlockRows + 1;

}  // namespace

void rotate(const KernelTable& table, const RabitqRotation& rotation, float* values, float* spare) {
    const int64_t size = rotation.padded_dim;
    const int64_t block = size & -size;
    const int64_t block_count = size / block;
    for (int64_t round = 0; round < kRotationRounds; ++round) {
        const float* signs = rotation.signs + round * size;
        for (int64_t i = 0; i < size; i += block) table.rabitq->hadamard(values + i, signs + i, block);
        if (block_count == 1) continue;
        for (int64_t b = 0; b < block_count; ++b) {
            for (int64_t i = 0; i < block; ++i) spare[i * block_count + b] = values[b * block + i];
        }
        std::copy_n(spare, size, values);
    }
    const float scale = 1 / (static_cast<float>(block) * std::sqrt(static_cast<float>(block)));
    for (int64_t i = 0; i < size; ++i) values[i] *= scale;
}

RabitqTables::RabitqTables(int64_t padded_dim) : tables_(static_cast<size_t>(4 * padded_dim)) {}

void RabitqTables::set(const KernelTable& table, const float* rotated) {
    float widest = 0, sum = 0, size = 0;
    for (int64_t i = 0; i < 4 * count(); i += 4) {
        const float* v = rotated + i;
        const float width = (std::fabs(v[0]) + std::fabs(v[1])) + (std::fabs(v[2]) + std::fabs(v[3]));
        widest = width > widest ? width : widest;
        size += width;
        sum += (v[0] + v[1]) + (v[2] + v[3]);
    }
    // What the negative values add up to.
    base_ = 0.5f * (sum - size);
    step_ = widest / kEntryMax;
    if (step_ < 0x1p-120f) {
        step_ = 0;
        std::fill(tables_.begin(), tables_.end(), uint8_t{0});
        return;
    }
    table.rabitq->query_tables(rotated, count(), kEntryMax / widest, tables_.data());
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
          spare_(rotated_.size()),
          tables_(codes.rotation.padded_dim),
          fine_query_(codes.rotation.padded_dim) {}

    void begin(const ScanInput& one, const float* vector) override {
        one_ = one;
        const int64_t dim = codes_.rotation.dim;
        for (int64_t i = 0; i < dim; ++i) rotated_[static_cast<size_t>(i)] = vector[i] - codes_.origin[i];
        std::fill(rotated_.begin() + dim, rotated_.end(), 0.0f);
        rotate(*one.table, codes_.rotation, rotated_.data(), spare_.data());
        total_ = 0;
        for (const float value : rotated_) total_ += value;
        tables_.set(*one.table, rotated_.data());
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
    // A row that may be among the best.
    struct Kept {
        float key;      // how small its key may well be
        float product;  // of the query with its bits
        uint32_t place, row;
    };

    // Rows refined before the bound is asked again.
    static constexpr size_t kBatch = 16;
    // Rows compared at a time while the bound still falls quickly.
    static constexpr int64_t kSeedRows = 64;

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
        if (best.bound() == std::numeric_limits<float>::infinity()) seed(first, count, best);
        kept_.clear();
        for_each_at_most(*one_.table, keys_, count, best.bound(), [&](int64_t i) { keep(first, i); });
        // The most promising rows first: what they turn out to be may rule out the others.
        if (kept_.size() > kBatch) {
            std::sort(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) { return a.key < b.key; });
        }
        refine_kept(best);
    }

    // While anything may be among the best, as many rows as are wanted are refined, those with the smallest keys.
    void seed(int64_t first, int64_t count, BestRows& best) {
        BestRows chosen(best.capacity());
        for (int64_t start = 0; start < count; start += kSeedRows) {
            for_each_at_most(*one_.table, keys_ + start, std::min(kSeedRows, count - start), chosen.bound(),
                             [&](int64_t i) {
                                 const int64_t position = start + i;
                                 const auto row = static_cast<uint32_t>(members_.members[first + position]);
                                 if (keys_[position] <= chosen.bound() && is_allowed(one_, row)) {
                                     chosen.offer(keys_[position], static_cast<uint32_t>(position));
                                 }
                             });
        }
        kept_.clear();
        for (int64_t i = 0; i < chosen.size(); ++i) {
            keep(first, chosen.row(i));
            // Compares as false with any bound, so that the row is not refined twice.
            keys_[chosen.row(i)] = std::numeric_limits<float>::quiet_NaN();
        }
        refine_kept(best);
    }

    void keep(int64_t first, int64_t position) {
        const auto row = static_cast<uint32_t>(members_.members[first + position]);
        if (!is_allowed(one_, row)) return;
        kept_.push_back({keys_[position], products_[position], static_cast<uint32_t>(first + position), row});
    }

    void refine_kept(BestRows& best) {
        for (size_t start = 0; start < kept_.size(); start += kBatch) {
            refine(start, std::min<size_t>(kBatch, kept_.size() - start), best);
        }
    }

    void refine(size_t start, size_t size, BestRows& best) {
        int64_t count = 0;
        for (size_t i = start; i < start + size; ++i) {
            if (!(kept_[i].key <= best.bound())) continue;
            places_[count] = kept_[i].place;
            listed_[count] = kept_[i].row;
            refined_products_[count++] = kept_[i].product;
        }
        if (count == 0) return;
        if (stage_ == RabitqStage::fine) {
            estimate_again(count);
        } else {
            score(count);
        }
        for (int64_t i = 0; i < count; ++i) best.offer(refined_keys_[i], listed_[i]);
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
            const float product = high * refined_products_[i] + low - middle;
            refined_keys_[i] = near_key_ + constants[0] + constants[codes_.place_count] * product;
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
                                .scores = refined_keys_,
                                .scores_stride = count};
        score_(&task);
        if (is_larger_nearer(one_.metric)) {
            for (int64_t i = 0; i < count; ++i) refined_keys_[i] = -refined_keys_[i];
        }
    }

    const IvfMembers members_;
    const RabitqCodes codes_;
    const RabitqStage stage_;
    const bool by_distance_;
    ScanInput one_ = {};
    std::unique_ptr<PreparedQueries> prepared_;
    ScoreFunction score_ = nullptr;
    std::vector<float> rotated_, spare_;
    RabitqTables tables_;
    ByteQuery fine_query_;
    float total_ = 0, near_key_ = 0, near_root_ = 0;
    uint32_t sums_[kBlocksMax * kBlockRows];
    float products_[kListBlock], keys_[kListBlock];
    std::vector<Kept> kept_;
    uint32_t places_[kBatch], listed_[kBatch];
    float refined_keys_[kBatch], refined_products_[kBatch];
    int32_t fine_products_[kBatch];
};

}  // namespace

std::unique_ptr<ListReader> make_rabitq_reader(const IvfMembers& members, const RabitqCodes& codes, RabitqStage stage,
                                               bool by_distance) {
    return std::make_unique<RabitqReader>(members, codes, stage, by_distance);
}

}  // namespace elanus
