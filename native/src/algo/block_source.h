// Bytes that lie in a file, or in memory when there is no file, read in batches.

#pragma once

#include <cstdint>
#include <system_error>

namespace elanus {

struct BlockRead {
    int64_t offset, size;
    uint8_t* into;
};

// `size` bytes from `start` of the file on, or at `memory` where `descriptor` is negative. Holds neither.
struct BlockSource {
    int descriptor;
    int64_t start;
    const uint8_t* memory;
    int64_t size;

    // All reads lie within the source. Those the page cache holds are copied, the others wait for the disk together.
    // Throws std::system_error when the disk fails or the file is shorter than it was.
    void read(const BlockRead* reads, int64_t count) const;
};

}  // namespace elanus
