// Reads one JSON text (RFC 8259, UTF-8) from front to back without making a tree of it.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace elanus {

// What a value is; the numbers are those of `elanus.columns.json_values`. A real is a number with a point or exponent,
// a big integer one without that does not fit int64.
enum class JsonKind : uint8_t { missing, null, boolean, integer, real, big_integer, string, array, object };

constexpr int kJsonKindCount = 9;

struct JsonScalar {
    JsonKind kind = JsonKind::missing;
    // An integer, 0 or 1 of a boolean, or the bits of a double.
    int64_t bits = 0;
    // Of a string; valid until the next call of the reader.
    std::string_view text;
};

// A reader that has met something wrong says so once, by its result, and is of no use after that.
class JsonReader {
public:
    enum class Step { item, end, bad };

    JsonReader(const uint8_t* begin, const uint8_t* end) : at_(begin), end_(end) {}

    // Skips space. The kind of the value that begins here, `integer` for every number, `missing` if none can.
    JsonKind peek();
    // A value that `peek` took for neither array nor object. Half a surrogate pair is refused, and so is an integer so
    // long that Python would not convert it.
    bool read_scalar(JsonScalar* scalar);
    // Any value, checked.
    bool skip(int depth = 0);

    // Steps over the bracket that `peek` has seen.
    void enter() { ++at_; }
    // The next key of an object, up to and with its colon; `is_first` right after `enter`.
    Step next_key(bool is_first, std::string_view* key);
    // Up to the next element of an array.
    Step next_element(bool is_first);
    // Whether only space is left.
    bool at_end();

private:
    void skip_space();
    bool read_string(std::string_view* text);
    bool unescape(const uint8_t* start, std::string_view* text);
    bool read_escape();
    bool read_hex4(uint32_t* unit);
    bool read_number(JsonScalar* scalar);
    bool read_word(std::string_view word);
    bool read_digits();

    const uint8_t* at_;
    const uint8_t* end_;
    std::string scratch_;
};

}  // namespace elanus
