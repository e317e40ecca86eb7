#include "algo/disk_blocks.h"

#include <sys/mman.h>

#include <cstring>
#include <new>
#include <string>

namespace elanus {

void check_block(const KernelTable& table, const BlockLayout& layout, const uint8_t* block, int64_t number) {
    const int64_t size = layout.block_bytes - BlockLayout::kChecksumBytes;
    uint32_t expected;
    std::memcpy(&expected, block + size, sizeof(expected));
    if (table.checksum->crc32c(0, block, size) == expected) return;
    throw DamagedBlock("block " + std::to_string(number) + " of the graph is damaged: its checksum is wrong");
}

void BlockReader::begin(int64_t capacity) {
    end();
    capacity_ = static_cast<size_t>(capacity);
    void* pages = mmap(nullptr, arena_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    arena_ = static_cast<uint8_t*>(pages);
}

void BlockReader::end() {
    if (arena_ != nullptr) munmap(arena_, arena_bytes());
    arena_ = nullptr;
    places_.clear();
    block_at_.clear();
    loads_.clear();
    capacity_ = hand_ = 0;
}

// A new place, or that of a block this load does not need; taken in turn.
size_t BlockReader::free_place() {
    if (block_at_.size() < capacity_) {
        block_at_.push_back(0);
        loads_.push_back(0);
        return block_at_.size() - 1;
    }
    while (loads_[hand_] == load_) hand_ = (hand_ + 1) % capacity_;
    places_.erase(block_at_[hand_]);
    const size_t place = hand_;
    hand_ = (hand_ + 1) % capacity_;
    return place;
}

void BlockReader::load(const KernelTable& table, std::span<const uint32_t> nodes) {
    ++load_;
    reads_.clear();
    const BlockLayout& layout = blocks_.layout;
    const auto block_of = [&layout](uint32_t node) { return static_cast<uint32_t>(node / layout.records_per_block()); };
    // What is there is marked first, so that none of it makes room for the rest.
    for (const uint32_t node : nodes) {
        if (const auto found = places_.find(block_of(node)); found != places_.end()) loads_[found->second] = load_;
    }
    for (const uint32_t node : nodes) {
        const uint32_t block = block_of(node);
        if (block < blocks_.held_count || places_.contains(block)) continue;
        const size_t place = free_place();
        block_at_[place] = block;
        loads_[place] = load_;
        places_.emplace(block, static_cast<uint32_t>(place));
        reads_.push_back({block * layout.block_bytes, layout.block_bytes, slot(place)});
    }
    if (reads_.empty()) return;
    read_count_ += static_cast<int64_t>(reads_.size());
    try {
        blocks_.source.read(reads_.data(), static_cast<int64_t>(reads_.size()));
        for (const BlockRead& read : reads_) check_block(table, layout, read.into, read.offset / layout.block_bytes);
    } catch (...) {
        end();
        throw;
    }
}

NodeRecord BlockReader::record(uint32_t node) const {
    const BlockLayout& layout = blocks_.layout;
    const int64_t block = node / layout.records_per_block();
    const uint8_t* first = block < blocks_.held_count ? blocks_.held + block * layout.block_bytes
                                                      : slot(places_.at(static_cast<uint32_t>(block)));
    const uint8_t* at = first + node % layout.records_per_block() * layout.record_bytes();
    NodeRecord found;
    found.codes = at;
    std::memcpy(&found.row, at + layout.code_bytes, sizeof(found.row));
    // Blocks and records begin at multiples of 4.
    const auto* links = reinterpret_cast<const uint32_t*>(at + layout.code_bytes + 4);
    int64_t count = 0;
    while (count < layout.degree && links[count] < layout.node_count) ++count;
    found.links = {links, static_cast<size_t>(count)};
    found.neighbours = at + layout.code_bytes + 4 + 4 * layout.degree;
    return found;
}

}  // namespace elanus
