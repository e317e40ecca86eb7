// Building a graph: rows join in batches, each found its place by a walk through those before it (Subramanya et al.
// 2019; in deterministic batches as Dobson et al. 2023). Distances are those of the codes.

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "algo/graph.h"

namespace elanus {

struct GraphShape {
    int64_t degree;   // links a node may have
    int64_t breadth;  // of the walk that finds a node's place
    float alpha;      // a link is left out when another's node is nearer to its end by this factor
};

// Every step may be called by several threads at once on parts that do not overlap, one step after the other.
// The result depends on the order, the batches and the shape alone.
class GraphBuilder {
public:
    // `codes` are complete; `order` holds every node once.
    GraphBuilder(const CodeSpace& space, const uint8_t* codes, int64_t node_count, const uint32_t* order,
                 const GraphShape& shape);
    ~GraphBuilder();

    // The place in the order where the next batch ends (exclusive), at most `last_max`.
    int64_t begin_batch(int64_t last_max);
    int64_t joined_count() const { return joined_count_; }
    // Chooses links for places `first` to `last` (exclusive) of the order, all of the next batch, among nodes joined.
    void propose(const KernelTable& table, int64_t first, int64_t last);
    // Joins the batch that ends before place `last`, and sorts the links back to it. One thread.
    void join(int64_t last);
    // Links back to the batch, part `part` of `part_count`.
    void link_back(const KernelTable& table, int64_t part, int64_t part_count);
    // Brings nodes `first` to `last` (exclusive) down to the degree.
    void trim(const KernelTable& table, int64_t first, int64_t last);
    // The place in `heads` of the one nearest to each of nodes `first` to `last` (exclusive).
    void nearest(const KernelTable& table, std::span<const uint32_t> heads, int64_t first, int64_t last,
                 uint32_t* places);
    // Makes every node reachable from the entries. One thread.
    void connect(const KernelTable& table);

    // `degree` a node, `kNoNode` behind the last.
    void copy_links(uint32_t* links) const;
    const std::vector<uint32_t>& entries() const { return entries_; }

private:
    class Scratch;
    class Lease;

    Graph view() const;
    uint32_t* list(uint32_t node) { return links_.data() + static_cast<size_t>(node) * static_cast<size_t>(capacity_); }
    const uint32_t* list(uint32_t node) const {
        return links_.data() + static_cast<size_t>(node) * static_cast<size_t>(capacity_);
    }
    int64_t link_count(uint32_t node) const;
    void multiply(const KernelTable& table, const CodeQuery& query, std::span<const uint32_t> nodes,
                  std::vector<int32_t>& products) const;
    void set_links(uint32_t node, const std::vector<uint32_t>& chosen);
    void choose(const KernelTable& table, Scratch& scratch) const;
    void measure(const KernelTable& table, Scratch& scratch, uint32_t node) const;
    void reach(uint32_t start, std::vector<char>& reached) const;
    void attach(const KernelTable& table, uint32_t node, Scratch& scratch, const std::vector<char>& reached);

    const CodeSpace& space_;
    const uint8_t* codes_;
    int64_t node_count_;
    std::vector<uint32_t> order_;
    GraphShape shape_;
    int64_t capacity_;  // links kept before a node is brought down to the degree
    std::vector<uint32_t> links_;
    std::vector<uint32_t> entries_;
    int64_t joined_count_ = 0;
    std::vector<std::vector<uint32_t>> proposals_;
    std::vector<uint64_t> back_links_;  // target above source, ascending
    std::mutex mutex_;
    std::vector<std::unique_ptr<Scratch>> idle_;
};

}  // namespace elanus
