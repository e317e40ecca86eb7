// Blocks of memory for bytes on their way; idle connections hold none.

#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace elanus::relay {

// Large enough that a message of megabytes costs few calls; two of them are all that a stalled connection holds.
inline constexpr size_t kBlockBytes = 128 * 1024;

using Block = std::unique_ptr<unsigned char[]>;

// Free blocks for reuse; one thread.
class BlockPool {
public:
    Block take() {
        if (free_.empty()) return Block(new unsigned char[kBlockBytes]);
        Block block = std::move(free_.back());
        free_.pop_back();
        return block;
    }

    void give(Block block) {
        if (free_.size() < kKeptMax) free_.push_back(std::move(block));
    }

private:
    static constexpr size_t kKeptMax = 64;
    std::vector<Block> free_;
};

}  // namespace elanus::relay
