// The nodes of a graph as they lie on disk, in blocks, and reading them.

#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "algo/block_source.h"
#include "elanus/kernels.h"

namespace elanus {

// A block is whole records of nodes in sequence, zeros, and the CRC-32C of what is before it. A record is the node's
// codes if `code_bytes` is not 0, its row, `degree` links, and the codes of the first `inline_count` neighbours.
struct BlockLayout {
    int64_t node_count, degree, inline_count, block_bytes;
    int64_t code_bytes;       // of a node
    int64_t neighbour_bytes;  // of a neighbour's codes

    static constexpr int64_t kChecksumBytes = 4;

    int64_t record_bytes() const { return code_bytes + 4 + 4 * degree + inline_count * neighbour_bytes; }
    int64_t records_per_block() const { return (block_bytes - kChecksumBytes) / record_bytes(); }
    int64_t block_count() const { return (node_count + records_per_block() - 1) / records_per_block(); }
};

// A node on disk.
struct NodeRecord {
    const uint8_t* codes;
    uint32_t row;
    std::span<const uint32_t> links;  // those that are nodes
    const uint8_t* neighbours;        // codes of the first `inline_count` links
};

class DamagedBlock : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct DiskBlocks {
    BlockLayout layout;
    BlockSource source;
    const uint8_t* held;  // the first `held_count` blocks, checked
    int64_t held_count;
};

// Blocks of one thread's searches, the last ones read.
class BlockReader {
public:
    explicit BlockReader(const DiskBlocks& blocks) : blocks_(blocks) {}
    ~BlockReader() { end(); }
    BlockReader(const BlockReader&) = delete;
    BlockReader& operator=(const BlockReader&) = delete;

    // Room for so many blocks besides those held; forgets what it has.
    void begin(int64_t capacity);
    // Gives the memory back.
    void end();

    // Reads the blocks of all the nodes, no more nodes than the capacity; they stay until the next load.
    void load(const KernelTable& table, std::span<const uint32_t> nodes);
    // A node of the last load.
    NodeRecord record(uint32_t node) const;

    int64_t capacity() const { return static_cast<int64_t>(capacity_); }
    int64_t read_count() const { return read_count_; }
    void forget_count() { read_count_ = 0; }

private:
    uint8_t* slot(size_t place) const { return arena_ + static_cast<int64_t>(place) * blocks_.layout.block_bytes; }
    size_t arena_bytes() const { return capacity_ * static_cast<size_t>(blocks_.layout.block_bytes); }
    size_t free_place();

    const DiskBlocks& blocks_;
    uint8_t* arena_ = nullptr;  // of its own pages, so that they can be given back
    std::unordered_map<uint32_t, uint32_t> places_;
    std::vector<uint32_t> block_at_;
    std::vector<uint64_t> loads_;  // the load that last used a place
    std::vector<BlockRead> reads_;
    size_t hand_ = 0, capacity_ = 0;
    uint64_t load_ = 0;
    int64_t read_count_ = 0;
};

// Throws DamagedBlock unless the block's checksum is right.
void check_block(const KernelTable& table, const BlockLayout& layout, const uint8_t* block, int64_t number);

}  // namespace elanus
