#include "algo/membership.h"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <vector>

namespace elanus {

namespace {

// Up to so many values are compared one after the other in registers.
constexpr int64_t kShortListSize = 16;
// A table of bits over the list's range is used up to 64 KiB while it has at most so many bits a value, and up to 32
// MiB while it is smaller than the hash table would be.
constexpr uint64_t kRangeBitsMax = 512 * 1024;
constexpr uint64_t kRangeBitsPerValueMax = 1024;
constexpr uint64_t kLargeRangeBitsMax = 256 * 1024 * 1024;
constexpr uint64_t kLargeRangeBitsPerValueMax = 128;

void in_short_list(const CompareKernels& k, const int8_t* v, int64_t n, const int8_t* l, int64_t m, uint64_t* w) {
    k.in_list_i8(v, n, l, m, w);
}
void in_short_list(const CompareKernels& k, const int16_t* v, int64_t n, const int16_t* l, int64_t m, uint64_t* w) {
    k.in_list_i16(v, n, l, m, w);
}
void in_short_list(const CompareKernels& k, const int32_t* v, int64_t n, const int32_t* l, int64_t m, uint64_t* w) {
    k.in_list_i32(v, n, l, m, w);
}
void in_short_list(const CompareKernels& k, const int64_t* v, int64_t n, const int64_t* l, int64_t m, uint64_t* w) {
    k.in_list_i64(v, n, l, m, w);
}
void in_short_list(const CompareKernels& k, const uint64_t* v, int64_t n, const uint64_t* l, int64_t m, uint64_t* w) {
    k.in_list_i64(reinterpret_cast<const int64_t*>(v), n, reinterpret_cast<const int64_t*>(l), m, w);
}
void in_short_list(const CompareKernels& k, const float* v, int64_t n, const float* l, int64_t m, uint64_t* w) {
    k.in_list_f32(v, n, l, m, w);
}
void in_short_list(const CompareKernels& k, const double* v, int64_t n, const double* l, int64_t m, uint64_t* w) {
    k.in_list_f64(v, n, l, m, w);
}

template <class T, class Contains>
void for_each_value(const T* values, int64_t count, uint64_t* words, const Contains& contains) {
    for (int64_t start = 0; start < count; start += 64) {
        const int64_t left = count - start < 64 ? count - start : 64;
        uint64_t word = 0;
        for (int64_t i = 0; i < left; ++i) word |= static_cast<uint64_t>(contains(values[start + i])) << i;
        *words++ = word;
    }
}

// One bit a number of the list's range, and one after it that stays clear.
template <class T>
void in_bit_table(const T* values, int64_t count, const T* list, int64_t list_size, uint64_t* words) {
    const auto lowest = static_cast<uint64_t>(list[0]);
    const uint64_t beyond = static_cast<uint64_t>(list[list_size - 1]) - lowest + 1;
    std::vector<uint64_t> bits(beyond / 64 + 1, 0);
    for (int64_t j = 0; j < list_size; ++j) {
        const uint64_t place = static_cast<uint64_t>(list[j]) - lowest;
        bits[place / 64] |= uint64_t{1} << (place % 64);
    }
    for_each_value(values, count, words, [&](T value) {
        const uint64_t distance = static_cast<uint64_t>(value) - lowest;
        const uint64_t place = distance < beyond ? distance : beyond;
        return (bits[place / 64] >> (place % 64)) & 1;
    });
}

// Values as 64-bit keys that are equal exactly when the values are; NaN has keys of its own, which no list holds.
template <class T>
uint64_t key_of(T value) {
    if constexpr (std::is_floating_point_v<T>) {
        return std::bit_cast<uint64_t>(static_cast<double>(value) + 0.0);
    } else {
        return static_cast<uint64_t>(value);
    }
}

// Open addressing with at least half of the places free, behind a filter of one byte a hash value.
class KeySet {
public:
    explicit KeySet(int64_t size)
        : shift_(64 - bits_for(size, 1)),
          filter_shift_(64 - bits_for(size, 4)),
          keys_(size_t{1} << (64 - shift_)),
          used_(keys_.size()),
          filter_(size_t{1} << (64 - filter_shift_)) {}

    void add(uint64_t key) {
        const uint64_t hash = hash_of(key);
        uint64_t place = hash >> shift_;
        while (used_[place] != 0) place = next(place);
        keys_[place] = key;
        used_[place] = 1;
        filter_[hash >> filter_shift_] = 1;
    }

    // False for most keys that are not in the set, without a branch.
    bool may_contain(uint64_t key) const { return filter_[hash_of(key) >> filter_shift_] != 0; }

    bool contains(uint64_t key) const {
        for (uint64_t place = hash_of(key) >> shift_; used_[place] != 0; place = next(place)) {
            if (keys_[place] == key) return true;
        }
        return false;
    }

private:
    static int bits_for(int64_t size, int spare) {
        return std::min(static_cast<int>(std::bit_width(static_cast<uint64_t>(size))) + spare, 40);
    }

    // Keys that differ in their upper bits only, as doubles do, must differ in the lower ones before the product.
    static uint64_t hash_of(uint64_t key) { return (key ^ (key >> 32)) * 0x9e3779b97f4a7c15u; }

    uint64_t next(uint64_t place) const { return (place + 1) & (keys_.size() - 1); }

    const int shift_, filter_shift_;
    std::vector<uint64_t> keys_;
    std::vector<uint8_t> used_;
    std::vector<uint8_t> filter_;
};

template <class T>
void in_key_set(const T* values, int64_t count, const T* list, int64_t list_size, uint64_t* words) {
    KeySet set(list_size);
    for (int64_t j = 0; j < list_size; ++j) set.add(key_of(list[j]));
    for_each_value(values, count, words, [&](T value) { return set.may_contain(key_of(value)); });
    for (int64_t start = 0; start < count; start += 64) {
        uint64_t& word = words[start / 64];
        for (uint64_t left = word; left != 0; left &= left - 1) {
            if (!set.contains(key_of(values[start + std::countr_zero(left)]))) word &= ~(left & -left);
        }
    }
}

template <class T>
bool fits_bit_table(const T* list, int64_t list_size) {
    if constexpr (std::is_floating_point_v<T>) {
        return false;
    } else {
        const uint64_t range = static_cast<uint64_t>(list[list_size - 1]) - static_cast<uint64_t>(list[0]);
        const auto size = static_cast<uint64_t>(list_size);
        return (range < kRangeBitsMax && range / kRangeBitsPerValueMax <= size) ||
               (range < kLargeRangeBitsMax && range / kLargeRangeBitsPerValueMax <= size);
    }
}

}  // namespace

template <class T>
void is_in(const KernelTable& table, const T* values, int64_t count, const T* list, int64_t list_size,
           uint64_t* words) {
    if (list_size <= kShortListSize) {
        in_short_list(*table.compare, values, count, list, list_size, words);
    } else if (fits_bit_table(list, list_size)) {
        in_bit_table(values, count, list, list_size, words);
    } else {
        in_key_set(values, count, list, list_size, words);
    }
}

template void is_in(const KernelTable&, const int8_t*, int64_t, const int8_t*, int64_t, uint64_t*);
template void is_in(const KernelTable&, const int16_t*, int64_t, const int16_t*, int64_t, uint64_t*);
template void is_in(const KernelTable&, const int32_t*, int64_t, const int32_t*, int64_t, uint64_t*);
template void is_in(const KernelTable&, const int64_t*, int64_t, const int64_t*, int64_t, uint64_t*);
template void is_in(const KernelTable&, const uint64_t*, int64_t, const uint64_t*, int64_t, uint64_t*);
template void is_in(const KernelTable&, const float*, int64_t, const float*, int64_t, uint64_t*);
template void is_in(const KernelTable&, const double*, int64_t, const double*, int64_t, uint64_t*);

}  // namespace elanus
