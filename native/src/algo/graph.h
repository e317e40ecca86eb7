// A proximity graph over coded vectors, and the walk through it towards a query.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algo/codes.h"
#include "elanus/kernels.h"

namespace elanus {

constexpr uint32_t kNoNode = ~uint32_t{0};

// Nodes by the one of a few heads that is nearest to each: a search under a filter looks into near cells first. Node c
// is the head of cell c, which also has the nodes from `starts[c]` to `starts[c + 1]` (exclusive).
struct Cells {
    const uint32_t* starts;
    int64_t count;  // 0 where there are none
};

// Nodes are numbered from 0; those of `links` that are no node (`kNoNode`) end a node's list.
struct Graph {
    const CodeSpace* space = nullptr;
    const uint8_t* codes = nullptr;
    const uint32_t* links = nullptr;  // `degree` a node
    int64_t degree = 0;
    int64_t node_count = 0;
    const uint32_t* entries = nullptr;  // where walks begin; at least one, each a node
    int64_t entry_count = 0;
    Cells cells = {};

    std::span<const uint32_t> neighbours(uint32_t node) const;
    // What codes usually lose, as `CodeTail::deviation` says of the entries.
    float usual_deviation() const;
    const uint8_t* row(uint32_t node) const { return codes + static_cast<int64_t>(node) * space->stride(); }
};

// Which nodes stand for which rows of a column.
struct NodeRows {
    const uint32_t* rows = nullptr;   // of each node; null where nodes are rows
    const uint32_t* nodes = nullptr;  // of each row, some number that is no node for a row without; null if not known
    int64_t row_count = 0;

    uint32_t row(uint32_t node) const { return rows == nullptr ? node : rows[node]; }
    // Whether nodes of rows can be told.
    bool has_nodes() const { return rows == nullptr || nodes != nullptr; }
    uint32_t node(int64_t row) const { return rows == nullptr ? static_cast<uint32_t>(row) : nodes[row]; }
};

// The column rows a walk may return.
struct Allowed {
    const uint64_t* words;
    NodeRows node_rows;

    bool has(uint32_t node) const {
        const uint32_t r = node_rows.row(node);
        return (words[r / 64] >> (r % 64) & 1) != 0;
    }
};

// Squared distance to the query, less what is the same for every node; smaller is nearer.
struct Candidate {
    float distance;
    uint32_t node;
};

// Candidates kept beside the nearest ones: those that are farther than the `count`-th nearest by less than `slack`.
// Under a filter many rows may be about as far from the query, and only their vectors tell which are nearest.
struct Margin {
    int64_t count = 1;
    float slack = 0;
};

// The best candidates so far, ascending by distance, and how far they have been expanded.
class Beam {
public:
    // `margin.count` is at most `breadth`.
    void reset(int64_t breadth, const Margin& margin) {
        breadth_ = breadth;
        margin_ = margin;
        entries_.clear();
        next_ = 0;
    }

    // What a candidate must be below to be taken.
    float limit() const;
    // Whether it is among the `breadth` nearest now.
    bool add(float distance, uint32_t node);
    // The nearest node not expanded yet, which it then is; kNoNode if there is none.
    uint32_t expand();
    // The node `expand` will give if nothing nearer comes; kNoNode if there is none.
    uint32_t peek() const;

    int64_t size() const { return static_cast<int64_t>(entries_.size()); }
    Candidate at(int64_t i) const;

private:
    static constexpr uint32_t kExpanded = uint32_t{1} << 31;

    std::vector<Candidate> entries_;
    int64_t breadth_ = 0;
    Margin margin_;
    size_t next_ = 0;
};

// The state of one walk, kept to be used again. Node numbers stay below 2^31.
class Walk {
public:
    explicit Walk(int64_t node_count) : marks_(static_cast<size_t>(node_count), 0) {}

    // Whether norms count: they do for distances, not for inner products.
    void prepare(bool with_norms) { norm_weight_ = with_norms ? 1.0F : 0.0F; }

    // The `breadth` nodes nearest to the query that a beam of that breadth meets. With `expanded`, also every node
    // whose links were followed, in that order.
    void search(const KernelTable& table, const Graph& graph, const CodeQuery& query, int64_t breadth,
                std::vector<Candidate>* expanded = nullptr);
    // The `breadth` nearest allowed nodes, and those within the margin: every node is walked over, allowed ones are
    // kept. False, with nothing found, if more than `compared_max` nodes would be compared: where few are allowed near
    // the query, a scan is cheaper.
    bool search_through(const KernelTable& table, const Graph& graph, const CodeQuery& query, int64_t breadth,
                        const Margin& margin, const Allowed& allowed, int64_t compared_max);
    // The nearest allowed nodes of all, by their codes; every node when `allowed` is null.
    void scan(const KernelTable& table, const Graph& graph, const CodeQuery& query, int64_t breadth,
              const Margin& margin, const Allowed* allowed);
    // The same of the nearest cells only. Cells that had allowed nodes, but none among the `breadth` nearest so far,
    // are idle; when `patience` cells in a row are, and half of all seen, the rest are left out.
    void search_cells(const KernelTable& table, const Graph& graph, const CodeQuery& query, int64_t breadth,
                      const Margin& margin, const Allowed* allowed, int64_t patience);

    // What was found, nearest first.
    const Beam& found() const { return found_; }
    // Nodes compared with the query by the last search.
    int64_t compared_count() const { return compared_count_; }

private:
    void begin(int64_t breadth, const Margin& margin);
    bool mark(uint32_t node);
    void compare(const KernelTable& table, const Graph& graph, const CodeQuery& query);
    bool add_listed(const KernelTable& table, const Graph& graph, const CodeQuery& query);
    void list_cell(const Graph& graph, uint32_t cell, const Allowed* allowed);
    void start_from_entries(const KernelTable& table, const Graph& graph, const CodeQuery& query);
    void prefetch_links(const Graph& graph, uint32_t node) const;

    std::vector<uint8_t> marks_;
    uint8_t mark_ = 0;
    float norm_weight_ = 1;
    Beam found_;
    std::vector<Candidate> frontier_;  // a heap, the nearest first; of nodes or of cells
    std::vector<uint32_t> listed_;
    std::vector<int32_t> products_;
    std::vector<float> distances_;
    int64_t compared_count_ = 0;
};

}  // namespace elanus
