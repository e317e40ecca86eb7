#include <nmmintrin.h>

#include "body/crc32c_tables.h"
#include "elanus/kernels.h"

namespace elanus {
namespace {

// The instruction takes three cycles but starts every cycle, so three stretches are summed at once and joined by
// multiplying with powers of x, by table. Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32
// Instruction" (Intel). Longer stretches would save joins, but make three streams of what memory delivers best as one.
constexpr int64_t kStretchBytes = 256;

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

constexpr ShiftTable kShift = make_shift(kStretchBytes);

inline uint64_t append_zeros(uint64_t crc) {
    return kShift.entry[0][crc & 0xff] ^ kShift.entry[1][(crc >> 8) & 0xff] ^ kShift.entry[2][(crc >> 16) & 0xff] ^
           kShift.entry[3][(crc >> 24) & 0xff];
}

inline uint64_t read_word(const uint8_t* p) {
    uint64_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return word;
}

uint32_t crc32c(uint32_t initial, const uint8_t* data, int64_t size) {
    uint64_t crc = ~initial;
    for (; size >= 3 * kStretchBytes; data += 3 * kStretchBytes, size -= 3 * kStretchBytes) {
        uint64_t second = 0, third = 0;
        for (int64_t i = 0; i < kStretchBytes; i += 8) {
            crc = _mm_crc32_u64(crc, read_word(data + i));
            second = _mm_crc32_u64(second, read_word(data + kStretchBytes + i));
            third = _mm_crc32_u64(third, read_word(data + 2 * kStretchBytes + i));
        }
        crc = append_zeros(crc) ^ second;
        crc = append_zeros(crc) ^ third;
    }
    for (; size >= 8; data += 8, size -= 8) crc = _mm_crc32_u64(crc, read_word(data));
    for (; size > 0; ++data, --size) crc = _mm_crc32_u8(static_cast<uint32_t>(crc), *data);
    return ~static_cast<uint32_t>(crc);
}

}  // namespace

extern const ChecksumKernels avx2_checksum = {crc32c};

}  // namespace elanus
