#include "algo/hash.h"

#include <cstring>

namespace elanus {

namespace {

// The fractions of the golden ratio and of the square roots of 2, 3 and 5, the last bit set: odd, and half of the bits
// are ones.
constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;
constexpr uint64_t kRoot2 = 0x6a09e667f3bcc909u;
constexpr uint64_t kRoot3 = 0xbb67ae8584caa73bu;
constexpr uint64_t kRoot5 = 0x3c6ef372fe94f82bu;

constexpr int64_t kBlockBytes = 16;

uint64_t read_64(const uint8_t* p) {
    uint64_t value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

// A mask of the first `count` bytes of a little-endian word; -8 to 16, those below 0 are none and above 8 all.
uint64_t first_bytes(int64_t count) {
    static constexpr uint64_t kMasks[25] = {0,           0,          0,     0,      0,        0,          0,
                                            0,           0,          0xff,  0xffff, 0xffffff, 0xffffffff, ~0ull >> 24,
                                            ~0ull >> 16, ~0ull >> 8, ~0ull, ~0ull,  ~0ull,    ~0ull,      ~0ull,
                                            ~0ull,       ~0ull,      ~0ull, ~0ull};
    return kMasks[count + 8];
}

uint64_t mix(uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return (a ^ static_cast<uint64_t>(product)) ^ (b ^ static_cast<uint64_t>(product >> 64));
}

uint64_t start(uint64_t seed) { return seed ^ mix(seed ^ kGolden, kRoot2); }

uint64_t finish(uint64_t state, uint64_t a, uint64_t b, uint64_t size) {
    return mix(mix(a ^ kRoot3, b ^ state) ^ kRoot5, kRoot2 ^ size);
}

}  // namespace

uint64_t hash_bytes(const uint8_t* data, int64_t size, uint64_t seed, const uint8_t* end) {
    uint64_t state = start(seed);
    const uint8_t* p = data;
    int64_t left = size;
    for (; left > kBlockBytes; p += kBlockBytes, left -= kBlockBytes) {
        state = mix(read_64(p) ^ kRoot3, read_64(p + 8) ^ state);
    }
    uint64_t a = 0, b = 0;
    if (end - p >= kBlockBytes) {
        a = read_64(p) & first_bytes(left);
        b = read_64(p + 8) & first_bytes(left - 8);
    } else {
        uint8_t padded[kBlockBytes] = {};
        std::memcpy(padded, p, static_cast<size_t>(left));
        a = read_64(padded);
        b = read_64(padded + 8);
    }
    return finish(state, a, b, static_cast<uint64_t>(size));
}

void hash_int64(const int64_t* values, int64_t count, uint64_t seed, uint64_t* hashes) {
    const uint64_t state = start(seed);
    for (int64_t i = 0; i < count; ++i) {
        const auto value = static_cast<uint64_t>(values[i]);
        hashes[i] = finish(state, value, 0, 8);
    }
}

}  // namespace elanus
