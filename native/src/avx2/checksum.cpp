#include <nmmintrin.h>

#include "body/crc32c_tables.h"
#include "elanus/kernels.h"

namespace elanus {
namespace {

// The instruction takes three cycles but starts every cycle, so three stretches are summed at once and joined by
// multiplying with powers of x, by table. Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32
// Instruction" (Intel).
constexpr int64_t kLongBytes = 4096;
constexpr int64_t kShortBytes = 256;

struct ShiftTable {
    uint32_t entry[4][256];
};

constexpr ShiftTable make_shift(int64_t bytes) {
    ShiftTable table = {};
    const uint32_t factor = zero_bytes_factor(static_cast<uint64_t>(bytes));
    for (int k = 0; k < 4; ++k) {
        for (uint32_t byte = 0; byte < 256; ++byte) table.entry[k][byte] = multiply(factor, byte << (8 * k));
    }
    return table;
}

constexpr ShiftTable kLongShift = make_shift(kLongBytes);
constexpr ShiftTable kShortShift = make_shift(kShortBytes);

inline uint64_t append_zeros(const ShiftTable& table, uint64_t crc) {
    return table.entry[0][crc & 0xff] ^ table.entry[1][(crc >> 8) & 0xff] ^ table.entry[2][(crc >> 16) & 0xff] ^
           table.entry[3][(crc >> 24) & 0xff];
}

inline uint64_t read_word(const uint8_t* p) {
    uint64_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return word;
}

// Takes three stretches of `Bytes` while there are enough; moves `data` and `size` on.
template <int64_t Bytes>
inline uint64_t take_stretches(uint64_t crc, const uint8_t*& data, int64_t& size, const ShiftTable& shift) {
    for (; size >= 3 * Bytes; data += 3 * Bytes, size -= 3 * Bytes) {
        uint64_t second = 0, third = 0;
        for (int64_t i = 0; i < Bytes; i += 8) {
            crc = _mm_crc32_u64(crc, read_word(data + i));
            second = _mm_crc32_u64(second, read_word(data + Bytes + i));
            third = _mm_crc32_u64(third, read_word(data + 2 * Bytes + i));
        }
        crc = append_zeros(shift, crc) ^ second;
        crc = append_zeros(shift, crc) ^ third;
    }
    return crc;
}

uint32_t crc32c(uint32_t initial, const uint8_t* data, int64_t size) {
    uint64_t crc = ~initial;
    crc = take_stretches<kLongBytes>(crc, data, size, kLongShift);
    crc = take_stretches<kShortBytes>(crc, data, size, kShortShift);
    for (; size >= 8; data += 8, size -= 8) crc = _mm_crc32_u64(crc, read_word(data));
    for (; size > 0; ++data, --size) crc = _mm_crc32_u8(static_cast<uint32_t>(crc), *data);
    return ~static_cast<uint32_t>(crc);
}

}  // namespace

extern const ChecksumKernels avx2_checksum = {crc32c};

}  // namespace elanus
