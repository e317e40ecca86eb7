#include "algo/strings.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "algo/hash.h"

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

void invert(uint64_t* words, int64_t count) {
    for (int64_t i = 0; i < word_count(count); ++i) words[i] = ~words[i];
    if (count % 64 != 0) words[count / 64] &= (uint64_t{1} << (count % 64)) - 1;
}

// The first eight bytes, the earliest one highest, shorter strings padded with zeros: different numbers order the
// strings as they are ordered, equal ones leave it open. `end` is where readable memory ends.
uint64_t leading_bytes(std::string_view string, const char* end) {
    uint64_t bytes = 0;
    if (string.size() >= 8) {
        std::memcpy(&bytes, string.data(), 8);
        return __builtin_bswap64(bytes);
    }
    if (string.empty()) return 0;
    if (end - string.data() >= 8) {
        std::memcpy(&bytes, string.data(), 8);
        return __builtin_bswap64(bytes) & (~uint64_t{0} << (64 - 8 * string.size()));
    }
    std::memcpy(&bytes, string.data(), string.size());
    return __builtin_bswap64(bytes);
}

// Equality with a literal of as many bytes as it has, without a call for literals of up to 16 bytes.
class EqualBytes {
  public:
    EqualBytes(std::string_view literal, const Strings& strings)
        : literal_(literal),
          end_(reinterpret_cast<const char*>(strings.data) + strings.data_size),
          leading_(leading_bytes(literal, literal.data() + literal.size())) {
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
    for (int64_t w = 0; w < word_count(strings.count); ++w) {
        for (uint64_t word = words[w]; word != 0; word &= word - 1) {
            const int64_t row = 64 * w + std::countr_zero(word);
            if (!equal(strings[row].data())) words[w] &= ~(word & -word);
        }
    }
}

bool is_less(std::string_view a, std::string_view b) {
    const size_t common = std::min(a.size(), b.size());
    const int order = std::memcmp(a.data(), b.data(), common);
    return order < 0 || (order == 0 && a.size() < b.size());
}

template <bool OrEqual>
void strings_below(const Strings& strings, std::string_view literal, uint64_t* words) {
    const char* end = reinterpret_cast<const char*>(strings.data) + strings.data_size;
    const uint64_t leading = leading_bytes(literal, literal.data() + literal.size());
    for_each_string(strings, words, [&](std::string_view string) {
        const uint64_t bytes = leading_bytes(string, end);
        if (bytes != leading) return bytes < leading;
        return OrEqual ? !is_less(literal, string) : is_less(string, literal);
    });
}

// Literals by hash. A string is hashed only when some literal has its length.
class LiteralSet {
  public:
    explicit LiteralSet(const std::vector<std::string_view>& list)
        : mask_(std::bit_ceil(list.size() * 2 + 1) - 1), slots_(mask_ + 1) {
        for (const std::string_view literal : list) {
            lengths_ |= length_bit(literal);
            const uint64_t hash = hash_of(literal);
            size_t place = hash & mask_;
            while (slots_[place].used) place = (place + 1) & mask_;
            slots_[place] = {literal, hash, true};
        }
    }

    bool contains(std::string_view string) const {
        if ((lengths_ & length_bit(string)) == 0) return false;
        const uint64_t hash = hash_of(string);
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

    static uint64_t length_bit(std::string_view string) {
        return uint64_t{1} << std::min<size_t>(63, string.size());
    }
    static uint64_t hash_of(std::string_view string) {
        return hash_bytes(reinterpret_cast<const uint8_t*>(string.data()), static_cast<int64_t>(string.size()), 0);
    }

    const size_t mask_;
    std::vector<Slot> slots_;
    uint64_t lengths_ = 0;
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
    for_each_string(strings, words, [&](std::string_view string) { return set.contains(string); });
}

void strings_prefix(const Strings& strings, std::string_view literal, uint64_t* words) {
    const EqualBytes equal(literal, strings);
    for_each_string(strings, words, [&](std::string_view string) {
        return string.size() >= literal.size() && equal(string.data());
    });
}

void strings_suffix(const Strings& strings, std::string_view literal, uint64_t* words) {
    const EqualBytes equal(literal, strings);
    for_each_string(strings, words, [&](std::string_view string) {
        return string.size() >= literal.size() && equal(string.data() + string.size() - literal.size());
    });
}

namespace {

// The row, not before `from`, whose bytes include the position: doubling steps, then halving ones.
int64_t row_at(const Strings& strings, int64_t from, int64_t position) {
    const int32_t* offsets = strings.offsets;
    int64_t step = 1;
    while (from + step < strings.count && offsets[from + step] <= position) {
        from += step;
        step *= 2;
    }
    const int64_t stop = std::min(from + step, strings.count);
    return std::upper_bound(offsets + from, offsets + stop, position) - offsets - 1;
}

}  // namespace

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
        row = row_at(strings, row, position);
        if (position + needle_size <= offsets[row + 1]) {
            words[row / 64] |= uint64_t{1} << (row % 64);
            position = offsets[row + 1];
        } else {
            ++position;
        }
    }
}

void hash_strings(const Strings& strings, uint64_t seed, uint64_t* hashes) {
    for (int64_t i = 0; i < strings.count; ++i) {
        const std::string_view string = strings[i];
        hashes[i] = hash_bytes(reinterpret_cast<const uint8_t*>(string.data()), static_cast<int64_t>(string.size()),
                               seed);
    }
}

}  // namespace elanus
