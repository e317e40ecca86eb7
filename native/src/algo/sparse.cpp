#include "algo/sparse.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace elanus {

namespace {

constexpr int64_t kChunkElements = 256;

// The query's terms by index: a filter of one byte a hash value that turns most elements away without a branch, and an
// open-addressing table that decides about the rest.
class TermTable {
public:
    explicit TermTable(const SparseQuery& query)
        : filter_shift_(32 - filter_bits(query.count)),
          filter_(size_t{1} << (32 - filter_shift_), 0),
          slot_shift_(32 - slot_bits(query.count)),
          slot_mask_((uint32_t{1} << (32 - slot_shift_)) - 1),
          slots_(size_t{slot_mask_} + 1, Slot{0, false, 0}) {
        for (int64_t i = 0; i < query.count; ++i) {
            const uint32_t hash = hash_of(query.indices[i]);
            filter_[hash >> filter_shift_] = 1;
            uint32_t place = hash >> slot_shift_;
            while (slots_[place].used) place = (place + 1) & slot_mask_;
            slots_[place] = {query.indices[i], true, query.values[i]};
        }
    }

    // Whether some product was added to `sum` for elements start to stop (exclusive).
    bool add_products(const SparseVectors& base, int64_t start, int64_t stop, double& sum) const {
        bool any = false;
        uint32_t passed[kChunkElements];
        const uint8_t* const filter = filter_.data();
        const int shift = filter_shift_;
        for (; start < stop; start += kChunkElements) {
            const int64_t count = std::min(kChunkElements, stop - start);
            const uint32_t* indices = base.indices + start;
            int64_t passed_count = 0;
            for (int64_t i = 0; i < count; ++i) {
                passed[passed_count] = static_cast<uint32_t>(i);
                passed_count += filter[hash_of(indices[i]) >> shift];
            }
            for (int64_t p = 0; p < passed_count; ++p) {
                const Slot* slot = find(indices[passed[p]]);
                if (slot == nullptr) continue;
                sum += static_cast<double>(slot->value) * static_cast<double>(base.values[start + passed[p]]);
                any = true;
            }
        }
        return any;
    }

private:
    struct Slot {
        uint32_t index;
        bool used;
        float value;
    };

    // Sixty-four filter bytes a term let one in sixty-four foreign elements through; 32 KiB stay in the first-level
    // cache.
    static int filter_bits(int64_t term_count) {
        const int wanted = std::bit_width(static_cast<uint64_t>(term_count)) + 6;
        return std::clamp(wanted, 8, 15);
    }

    // At most half of the slots are taken.
    static int slot_bits(int64_t term_count) { return std::bit_width(static_cast<uint64_t>(term_count)) + 2; }

    // Fibonacci hashing: the upper bits of the product are the well mixed ones.
    static uint32_t hash_of(uint32_t index) { return index * 0x9e3779b1u; }

    const Slot* find(uint32_t index) const {
        for (uint32_t place = hash_of(index) >> slot_shift_; slots_[place].used; place = (place + 1) & slot_mask_) {
            if (slots_[place].index == index) return &slots_[place];
        }
        return nullptr;
    }

    const int filter_shift_;
    std::vector<uint8_t> filter_;
    const int slot_shift_;
    const uint32_t slot_mask_;
    std::vector<Slot> slots_;
};

}  // namespace

int64_t scan_sparse(const KernelTable& table, const SparseQuery& query, const SparseVectors& base,
                    const uint64_t* allow, Collector& collector) {
    if (base.offsets[0] < 0) return 0;
    const TermTable terms(query);
    float scores[kBlockRowsMax];
    for (int64_t first = 0; first < base.row_count; first += kBlockRowsMax) {
        const int64_t count = std::min(kBlockRowsMax, base.row_count - first);
        const int32_t* offsets = base.offsets + first;
        const int64_t descent = table.text->first_descent(offsets, count);
        if (descent >= 0) return first + descent;
        if (offsets[count] > base.element_count) return first + count - 1;
        uint64_t hits[kBlockRowsMax / 64] = {};
        for (int64_t i = 0; i < count; ++i) {
            const int64_t row = first + i;
            scores[i] = 0;
            if (allow != nullptr && ((allow[row / 64] >> (row % 64)) & 1) == 0) continue;
            double sum = 0;
            const uint64_t hit = terms.add_products(base, offsets[i], offsets[i + 1], sum) ? 1 : 0;
            hits[i / 64] |= hit << (i % 64);
            scores[i] = static_cast<float>(sum);
        }
        collector.take({scores, count, first, nullptr, hits});
    }
    return -1;
}

}  // namespace elanus
