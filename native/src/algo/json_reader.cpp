#include "algo/json_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace elanus {

namespace {

// Deeper texts are not written; whoever finds one anyway must not run out of stack.
constexpr int kDepthMax = 256;
// Python converts no longer ones (sys.int_info.default_max_str_digits).
constexpr int64_t kIntegerDigitsMax = 4300;
// Any integer of so many digits fits int64.
constexpr int64_t kShortDigits = 18;

bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

// Whether one of eight bytes is a quote, a backslash or a control character (the last for bytes below 128).
bool has_special(uint64_t word) {
    constexpr uint64_t kOnes = 0x0101010101010101u;
    constexpr uint64_t kHighs = 0x8080808080808080u;
    const uint64_t quote = word ^ (kOnes * '"');
    const uint64_t slash = word ^ (kOnes * '\\');
    const uint64_t found = ((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash) | ((word - kOnes * 0x20) & ~word);
    return (found & kHighs) != 0;
}

const uint8_t* find_special(const uint8_t* at, const uint8_t* end) {
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        std::memcpy(&word, at, sizeof word);
        if (has_special(word)) break;
    }
    while (at != end && *at != '"' && *at != '\\' && *at >= 0x20) ++at;
    return at;
}

void append_utf8(uint32_t code, std::string* out) {
    const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        put(0xe0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3f));
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    }
}

// Whether a decimal number that no finite double is near is too large, not too small. `start` to `end` is a JSON number
// without sign.
bool is_beyond(const char* start, const char* end) {
    int64_t whole_digits = 0, leading_zeros = 0, exponent = 0;
    bool point = false, nonzero = false;
    const char* at = start;
    for (; at != end && *at != 'e' && *at != 'E'; ++at) {
        if (*at == '.') {
            point = true;
            continue;
        }
        nonzero = nonzero || *at != '0';
        if (!point && nonzero) ++whole_digits;
        if (point && !nonzero) ++leading_zeros;
    }
    if (at != end) {
        ++at;
        const bool negative = *at == '-';
        if (*at == '-' || *at == '+') ++at;
        for (; at != end && exponent < 1'000'000'000; ++at) exponent = exponent * 10 + (*at - '0');
        if (negative) exponent = -exponent;
    }
    return nonzero && (whole_digits > 0 ? whole_digits : -leading_zeros) + exponent > 0;
}

double parse_real(const char* start, const char* end) {
    double value = 0;
    if (std::from_chars(start, end, value).ec == std::errc()) return value;
    const bool negative = *start == '-';
    const double size = is_beyond(start + negative, end) ? std::numeric_limits<double>::infinity() : 0.0;
    return negative ? -size : size;
}

}  // namespace

void JsonReader::skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

JsonKind JsonReader::peek() {
    skip_space();
    if (at_ == end_) return JsonKind::missing;
    switch (*at_) {
        case '{':
            return JsonKind::object;
        case '[':
            return JsonKind::array;
        case '"':
            return JsonKind::string;
        case 't':
        case 'f':
            return JsonKind::boolean;
        case 'n':
            return JsonKind::null;
        default:
            return *at_ == '-' || is_digit(*at_) ? JsonKind::integer : JsonKind::missing;
    }
}

bool JsonReader::read_scalar(JsonScalar* scalar) {
    scalar->bits = 0;
    switch (*at_) {
        case '"':
            scalar->kind = JsonKind::string;
            return read_string(&scalar->text);
        case 't':
            scalar->kind = JsonKind::boolean;
            scalar->bits = 1;
            return read_word("true");
        case 'f':
            scalar->kind = JsonKind::boolean;
            return read_word("false");
        case 'n':
            scalar->kind = JsonKind::null;
            return read_word("null");
        default:
            return read_number(scalar);
    }
}

bool JsonReader::skip(int depth) {
    const JsonKind kind = peek();
    if (kind == JsonKind::missing) return false;
    if (kind != JsonKind::array && kind != JsonKind::object) {
        JsonScalar scalar;
        return read_scalar(&scalar);
    }
    if (depth == kDepthMax) return false;
    enter();
    std::string_view key;
    for (bool is_first = true;; is_first = false) {
        const Step step = kind == JsonKind::array ? next_element(is_first) : next_key(is_first, &key);
        if (step != Step::item) return step == Step::end;
        if (!skip(depth + 1)) return false;
    }
}

JsonReader::Step JsonReader::next_key(bool is_first, std::string_view* key) {
    skip_space();
    if (at_ == end_) return Step::bad;
    if (*at_ == '}') {
        ++at_;
        return Step::end;
    }
    if (!is_first) {
        if (*at_ != ',') return Step::bad;
        ++at_;
        skip_space();
    }
    if (at_ == end_ || *at_ != '"' || !read_string(key)) return Step::bad;
    skip_space();
    if (at_ == end_ || *at_ != ':') return Step::bad;
    ++at_;
    return Step::item;
}

JsonReader::Step JsonReader::next_element(bool is_first) {
    skip_space();
    if (at_ == end_) return Step::bad;
    if (*at_ == ']') {
        ++at_;
        return Step::end;
    }
    if (is_first) return Step::item;
    if (*at_ != ',') return Step::bad;
    ++at_;
    return Step::item;
}

bool JsonReader::at_end() {
    skip_space();
    return at_ == end_;
}

bool JsonReader::read_string(std::string_view* text) {
    const uint8_t* start = ++at_;
    at_ = find_special(start, end_);
    if (at_ == end_ || *at_ < 0x20) return false;
    if (*at_ == '\\') return unescape(start, text);
    *text = {reinterpret_cast<const char*>(start), static_cast<size_t>(at_ - start)};
    ++at_;
    return true;
}

bool JsonReader::unescape(const uint8_t* start, std::string_view* text) {
    scratch_.clear();
    while (true) {
        scratch_.append(reinterpret_cast<const char*>(start), static_cast<size_t>(at_ - start));
        if (at_ == end_ || *at_ < 0x20) return false;
        if (*at_++ == '"') break;
        if (!read_escape()) return false;
        start = at_;
        at_ = find_special(start, end_);
    }
    *text = scratch_;
    return true;
}

bool JsonReader::read_escape() {
    if (at_ == end_) return false;
    const uint8_t letter = *at_++;
    static constexpr char kLetters[] = "\"\\/bfnrt";
    static constexpr char kMeant[] = "\"\\/\b\f\n\r\t";
    if (letter != 'u') {
        const char* found = letter == 0 ? nullptr : std::strchr(kLetters, letter);
        if (found == nullptr) return false;
        scratch_.push_back(kMeant[found - kLetters]);
        return true;
    }
    uint32_t unit = 0, low = 0;
    if (!read_hex4(&unit)) return false;
    if (unit >= 0xd800 && unit < 0xe000) {
        const bool is_pair = unit < 0xdc00 && end_ - at_ >= 2 && at_[0] == '\\' && at_[1] == 'u';
        if (!is_pair) return false;
        at_ += 2;
        if (!read_hex4(&low) || low < 0xdc00 || low >= 0xe000) return false;
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(unit, &scratch_);
    return true;
}

bool JsonReader::read_hex4(uint32_t* unit) {
    if (end_ - at_ < 4) return false;
    const char* start = reinterpret_cast<const char*>(at_);
    *unit = 0;
    at_ += 4;
    return std::from_chars(start, start + 4, *unit, 16).ptr == start + 4;
}

bool JsonReader::read_digits() {
    const uint8_t* start = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != start;
}

bool JsonReader::read_number(JsonScalar* scalar) {
    const auto* start = reinterpret_cast<const char*>(at_);
    const bool negative = *at_ == '-';
    if (negative) ++at_;
    const uint8_t* digits = at_;
    if (!read_digits()) return false;
    const int64_t digit_count = at_ - digits;
    if (*digits == '0' && digit_count > 1) return false;
    bool is_real = false;
    if (at_ != end_ && *at_ == '.') {
        is_real = true;
        ++at_;
        if (!read_digits()) return false;
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
        is_real = true;
        ++at_;
        if (at_ != end_ && (*at_ == '-' || *at_ == '+')) ++at_;
        if (!read_digits()) return false;
    }
    const auto* stop = reinterpret_cast<const char*>(at_);
    if (is_real) {
        const double value = parse_real(start, stop);
        scalar->kind = JsonKind::real;
        std::memcpy(&scalar->bits, &value, sizeof value);
        return true;
    }
    scalar->kind = JsonKind::integer;
    if (digit_count <= kShortDigits) {
        int64_t value = 0;
        for (; digits != at_; ++digits) value = value * 10 + (*digits - '0');
        scalar->bits = negative ? -value : value;
        return true;
    }
    if (std::from_chars(start, stop, scalar->bits).ec == std::errc()) return true;
    scalar->kind = JsonKind::big_integer;
    scalar->bits = 0;
    return digit_count <= kIntegerDigitsMax;
}

bool JsonReader::read_word(std::string_view word) {
    if (static_cast<size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) return false;
    at_ += word.size();
    return true;
}

}  // namespace elanus
