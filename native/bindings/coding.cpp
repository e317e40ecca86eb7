#include "coding.h"

#include <string>

namespace elanus {

std::unique_ptr<CodeSpace> make_space(ArrayArgument& center, int bits, uint64_t seed) {
    center.expect(Dtype::float32);
    if (bits != 4 && bits != 7) raise_value_error("bits is " + std::to_string(bits) + ", expected 4 or 7");
    if (center.size() < 1 || center.size() > 32768) {
        raise_value_error("center has " + std::to_string(center.size()) + " elements, expected 1 to 32768");
    }
    return std::make_unique<CodeSpace>(center.size(), bits, seed, center.data<float>());
}

int64_t check_codes(const ArrayArgument& codes, const CodeSpace& space) {
    codes.expect(Dtype::uint8);
    if (codes.size() % space.stride() != 0) {
        raise_value_error("codes has " + std::to_string(codes.size()) + " bytes, expected whole rows of " +
                          std::to_string(space.stride()));
    }
    const int64_t count = codes.size() / space.stride();
    if (count < 1 || count >= int64_t{1} << 31) {
        raise_value_error("codes has " + std::to_string(count) + " rows, expected 1 to 2^31 - 1");
    }
    return count;
}

void check_below(const uint32_t* numbers, int64_t count, int64_t end, const char* name) {
    for (int64_t i = 0; i < count; ++i) {
        if (numbers[i] < end) continue;
        raise_value_error(std::string(name) + "[" + std::to_string(i) + "] is " + std::to_string(numbers[i]) +
                          ", expected less than " + std::to_string(end));
    }
}

}  // namespace elanus
