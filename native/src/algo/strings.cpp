#include "algo/strings.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "algo/hash.h"
#include "algo/runs.h"

namespace elanus {

namespace {

int64_t word_count(int64_t count) { return (count + 63) / 64; }

template <class Matches>
void for_each_string(const Strings& strings, uint64_t* words, const Matches& matches) {
    for (int64_t start = 0; start < strings.count; start += 64) {
        const int64_t left = std::min<int64_t>(64, strings.count - start);
        uint64_t word = 0;
        for (int64_t i = 0; i < left; ++i) word |= static_cast<uint64_t>(matches(strings[start + i])) << i;
        *words++ = word;
    }
}

// Clears the bits of strings that do not match; the others are not looked at.
template <class Matches>
void clear_others(uint64_t* words, const Strings& strings, const Matches& matches) {
    for (int64_t w = 0; w < word_count(strings.count); ++w) {
        for (uint64_t left = words[w]; left != 0; left &= left - 1) {
            if (!matches(strings[64 * w + std::countr_zero(left)])) words[w] &= ~(left & -left);
        }
    }
}

void invert(uint64_t* words, int64_t count) {
    for (int64_t i = 0; i < word_count(count); ++i) words[i] = ~words[i];
    if (count % 64 != 0) words[count / 64] &= (uint64_t{1} << (count % 64)) - 1;
}

// The first eight bytes, the earliest one highest, shorter strings padded with zeros: different numbers order the
// strings as they are ordered, equal ones leave it open. Bytes up to `end` may be read, but do not count.
uint64_t leading_bytes(std::string_view string, const char* end) {
    static constexpr uint64_t kMasks[9] = {0,           ~0ull << 56, ~0ull << 48, ~0ull << 40, ~0ull << 32,
                                           ~0ull << 24, ~0ull << 16, ~0ull << 8,  ~0ull};
    const size_t size = std::min<size_t>(8, string.size());
    uint64_t bytes = 0;
    std::memcpy(&bytes, string.data(), end - string.data() >= 8 ? 8 : size);
    return __builtin_bswap64(bytes) & kMasks[size];
}

// Equality with a literal of as many bytes as it has, without a call for literals of up to 16 bytes.
class EqualBytes {
public:
    EqualBytes(std::string_view literal, const Strings& strings)
        : literal_(literal), end_(strings.end()), leading_(leading_bytes(literal, literal.data() + literal.size())) {
        if (literal.size() > 8) std::memcpy(&back_, literal.data() + literal.size() - 8, 8);
    }

    bool operator()(const char* bytes) const {
        const size_t size = literal_.size();
        if (leading_bytes({bytes, size}, end_) != leading_) return false;
        if (size <= 8) return true;
        uint64_t back = 0;
        std::memcpy(&back, bytes + size - 8, 8);
        return back == back_ && (size <= 16 || std::memcmp(bytes + 8, literal_.data() + 8, size - 16) == 0);
    }

private:
    const std::string_view literal_;
    const char* const end_;
    const uint64_t leading_;
    uint64_t back_ = 0;
};

void strings_equal(const KernelTable& table, const Strings& strings, std::string_view literal, uint64_t* words) {
    if (literal.size() > static_cast<size_t>(INT32_MAX)) {
        std::fill_n(words, word_count(strings.count), uint64_t{0});
        return;
    }
    table.text->length_equals(strings.offsets, strings.count, static_cast<int32_t>(literal.size()), words);
    const EqualBytes equal(literal, strings);
    clear_others(words, strings, [&](std::string_view string) { return equal(string.data()); });
}

bool is_less(std::string_view a, std::string_view b) {
    const size_t common = std::min(a.size(), b.size());
    const int order = std::memcmp(a.data(), b.data(), common);
    return order < 0 || (order == 0 && a.size() < b.size());
}

template <bool OrEqual>
void strings_below(const Strings& strings, std::string_view literal, uint64_t* words) {
    const char* end = strings.end();
    const uint64_t leading = leading_bytes(literal, literal.data() + literal.size());
    for_each_string(strings, words, [&](std::string_view string) {
        const uint64_t bytes = leading_bytes(string, end);
        if (bytes != leading) return bytes < leading;
        return OrEqual ? !is_less(literal, string) : is_less(string, literal);
    });
}

// Literals by hash, behind a filter over their length and first and last bytes that needs no branch.
class LiteralSet {
public:
    explicit LiteralSet(const std::vector<std::string_view>& list)
        : filter_shift_(64 - (std::bit_width(list.size()) + 5)),
          filter_(size_t{1} << (64 - filter_shift_)),
          mask_(std::bit_ceil(list.size() * 2 + 1) - 1),
          slots_(mask_ + 1) {
        for (const std::string_view literal : list) {
            const char* end = literal.data() + literal.size();
            filter_[filter_place(literal, end)] = 1;
            const uint64_t hash = hash_of(literal, end);
            size_t place = hash & mask_;
            while (slots_[place].used) place = (place + 1) & mask_;
            slots_[place] = {literal, hash, true};
        }
    }

    // False for most strings that are not in the set.
    bool may_contain(std::string_view string, const char* end) const { return filter_[filter_place(string, end)] != 0; }

    bool contains(std::string_view string, const char* end) const {
        const uint64_t hash = hash_of(string, end);
        for (size_t place = hash & mask_; slots_[place].used; place = (place + 1) & mask_) {
            if (slots_[place].hash == hash && slots_[place].literal == string) return true;
        }
        return false;
    }

private:
    struct Slot {
        std::string_view literal;
        uint64_t hash = 0;
        bool used = false;
    };

    size_t filter_place(std::string_view string, const char* end) const {
        const size_t skipped = string.size() < 8 ? 0 : string.size() - 8;
        const uint64_t ends = leading_bytes(string, end) ^ std::rotl(leading_bytes(string.substr(skipped), end), 29);
        return ((ends ^ (ends >> 32) ^ string.size()) * 0x9e3779b97f4a7c15u) >> filter_shift_;
    }

    static uint64_t hash_of(std::string_view string, const char* end) {
        return hash_bytes(reinterpret_cast<const uint8_t*>(string.data()), static_cast<int64_t>(string.size()), 0,
                          reinterpret_cast<const uint8_t*>(end));
    }

    const int filter_shift_;
    std::vector<uint8_t> filter_;
    const size_t mask_;
    std::vector<Slot> slots_;
};

}  // namespace

int64_t find_bad_offset(const KernelTable& table, const Strings& strings) {
    if (strings.offsets[0] < 0) return 0;
    const int64_t descent = table.text->first_descent(strings.offsets, strings.count);
    if (descent >= 0) return descent;
    if (strings.offsets[strings.count] <= strings.data_size) return -1;
    const int32_t* offsets = strings.offsets;
    return std::upper_bound(offsets, offsets + strings.count + 1, strings.data_size) - offsets - 1;
}

void strings_compare(const KernelTable& table, const Strings& strings, Comparison op, std::string_view literal,
                     uint64_t* words) {
    switch (op) {
        case Comparison::equal:
        case Comparison::not_equal:
            strings_equal(table, strings, literal, words);
            break;
        case Comparison::less:
        case Comparison::greater_equal:
            strings_below<false>(strings, literal, words);
            break;
        case Comparison::less_equal:
        case Comparison::greater:
            strings_below<true>(strings, literal, words);
            break;
    }
    if (op == Comparison::not_equal || op == Comparison::greater || op == Comparison::greater_equal) {
        invert(words, strings.count);
    }
}

void strings_in(const KernelTable& table, const Strings& strings, const std::vector<std::string_view>& list,
                uint64_t* words) {
    if (list.size() == 1) {
        strings_equal(table, strings, list[0], words);
        return;
    }
    const LiteralSet set(list);
    const char* end = strings.end();
    for_each_string(strings, words, [&](std::string_view string) { return set.may_contain(string, end); });
    clear_others(words, strings, [&](std::string_view string) { return set.contains(string, end); });
}

void strings_prefix(const Strings& strings, std::string_view literal, uint64_t* words) {
    const EqualBytes equal(literal, strings);
    for_each_string(strings, words,
                    [&](std::string_view string) { return string.size() >= literal.size() && equal(string.data()); });
}

void strings_suffix(const Strings& strings, std::string_view literal, uint64_t* words) {
    const EqualBytes equal(literal, strings);
    for_each_string(strings, words, [&](std::string_view string) {
        return string.size() >= literal.size() && equal(string.data() + string.size() - literal.size());
    });
}

// Searches the bytes of all rows at once; what is found counts when it ends in the row it starts in.
void strings_contain(const KernelTable& table, const Strings& strings, std::string_view literal, uint64_t* words) {
    std::fill_n(words, word_count(strings.count), uint64_t{0});
    if (literal.empty()) {
        invert(words, strings.count);
        return;
    }
    const auto* needle = reinterpret_cast<const uint8_t*>(literal.data());
    const auto needle_size = static_cast<int64_t>(literal.size());
    const int32_t* offsets = strings.offsets;
    const int64_t end = offsets[strings.count];
    int64_t position = offsets[0];
    int64_t row = 0;
    while (position + needle_size <= end) {
        const int64_t found = table.text->find(strings.data + position, end - position, needle, needle_size);
        if (found < 0) break;
        position += found;
        row = run_at(offsets, strings.count, row, position);
        if (position + needle_size <= offsets[row + 1]) {
            words[row / 64] |= uint64_t{1} << (row % 64);
            position = offsets[row + 1];
        } else {
            ++position;
        }
    }
}

void hash_strings(const Strings& strings, uint64_t seed, uint64_t* hashes) {
    const uint8_t* end = strings.data + strings.data_size;
    for (int64_t i = 0; i < strings.count; ++i) {
        const int64_t start = strings.offsets[i];
        hashes[i] = hash_bytes(strings.data + start, strings.offsets[i + 1] - start, seed, end);
    }
}

}  // namespace elanus
