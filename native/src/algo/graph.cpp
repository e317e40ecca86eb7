#include "algo/graph.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>

namespace elanus {

namespace {

constexpr int64_t kScanBlock = 256;
constexpr int64_t kLine = 64;
// Candidates within a margin cost a place each time a nearer one comes.
constexpr int64_t kKeptMax = 8192;
// A search by cells goes on while more of the cells it saw gave something than not, however many: rows that are about
// equally far come by chance.
constexpr int64_t kSeenPerIdle = 2;

// Orders a heap so that the nearest is first.
bool is_farther(const Candidate& a, const Candidate& b) {
    return a.distance > b.distance || (a.distance == b.distance && a.node > b.node);
}

}  // namespace

std::span<const uint32_t> Graph::neighbours(uint32_t node) const {
    const uint32_t* first = links + static_cast<int64_t>(node) * degree;
    int64_t count = 0;
    while (count < degree && first[count] < node_count) ++count;
    return {first, static_cast<size_t>(count)};
}

float Graph::usual_deviation() const {
    float sum = 0;
    for (int64_t i = 0; i < entry_count; ++i) sum += space->tail(row(entries[i])).deviation;
    return sum / static_cast<float>(entry_count);
}

float Beam::limit() const {
    if (size() < breadth_) return std::numeric_limits<float>::infinity();
    if (margin_.slack <= 0 || size() == kKeptMax) return entries_.back().distance;
    const float breadth = entries_[static_cast<size_t>(breadth_ - 1)].distance;
    return std::max(breadth, entries_[static_cast<size_t>(margin_.count - 1)].distance + margin_.slack);
}

bool Beam::add(float distance, uint32_t node) {
    if (!(distance < limit())) return false;
    const auto place = std::upper_bound(entries_.begin(), entries_.end(), distance,
                                        [](float d, const Candidate& other) { return d < other.distance; });
    const auto index = static_cast<size_t>(place - entries_.begin());
    entries_.insert(place, {distance, node});
    while (size() > breadth_ && (size() > kKeptMax || !(entries_.back().distance < limit()))) entries_.pop_back();
    next_ = std::min(next_, index);
    return static_cast<int64_t>(index) < breadth_;
}

uint32_t Beam::peek() const {
    for (size_t i = next_; i < entries_.size(); ++i) {
        if ((entries_[i].node & kExpanded) == 0) return entries_[i].node;
    }
    return kNoNode;
}

uint32_t Beam::expand() {
    for (; next_ < entries_.size(); ++next_) {
        const uint32_t node = entries_[next_].node;
        if ((node & kExpanded) != 0) continue;
        entries_[next_++].node = node | kExpanded;
        return node;
    }
    return kNoNode;
}

Candidate Beam::at(int64_t i) const {
    const Candidate& entry = entries_[static_cast<size_t>(i)];
    return {entry.distance, entry.node & ~kExpanded};
}

void Walk::begin(int64_t breadth, const Margin& margin) {
    if (++mark_ == 0) {
        std::fill(marks_.begin(), marks_.end(), uint8_t{0});
        mark_ = 1;
    }
    found_.reset(breadth, margin);
    listed_.clear();
    compared_count_ = 0;
}

// False when the walk was there before.
bool Walk::mark(uint32_t node) {
    uint8_t& marked = marks_[node];
    if (marked == mark_) return false;
    marked = mark_;
    return true;
}

void Walk::prefetch_links(const Graph& graph, uint32_t node) const {
    if (node == kNoNode) return;
    const auto* first = reinterpret_cast<const uint8_t*>(graph.links + static_cast<int64_t>(node) * graph.degree);
    for (int64_t offset = 0; offset < graph.degree * 4; offset += kLine) __builtin_prefetch(first + offset, 0, 3);
}

// Distances of the listed nodes.
void Walk::compare(const KernelTable& table, const Graph& graph, const CodeQuery& query) {
    products_.resize(listed_.size());
    distances_.resize(listed_.size());
    const CodeTask task = {.query = query.elements,
                           .width = graph.space->width(),
                           .codes = graph.codes,
                           .stride = graph.space->stride(),
                           .rows = listed_.data(),
                           .count = static_cast<int64_t>(listed_.size()),
                           .products = products_.data()};
    graph.space->products(table)(&task);
    for (size_t i = 0; i < listed_.size(); ++i) {
        const CodeTail& tail = graph.space->tail(graph.row(listed_[i]));
        distances_[i] = norm_weight_ * tail.norm - 2 * estimated_product(query, tail, products_[i]);
    }
    compared_count_ += static_cast<int64_t>(listed_.size());
}

// The nearest entry is where the walk begins: the others only tell where that is.
void Walk::start_from_entries(const KernelTable& table, const Graph& graph, const CodeQuery& query) {
    listed_.assign(graph.entries, graph.entries + graph.entry_count);
    compare(table, graph, query);
    const auto nearest = std::min_element(distances_.begin(), distances_.end()) - distances_.begin();
    const uint32_t node = listed_[static_cast<size_t>(nearest)];
    mark(node);
    found_.add(distances_[static_cast<size_t>(nearest)], node);
    if (found_.size() == 0) found_.add(std::numeric_limits<float>::max(), node);
}

void Walk::search(const KernelTable& table, const Graph& graph, const CodeQuery& query, int64_t breadth,
                  std::vector<Candidate>* expanded) {
    begin(breadth, {});
    start_from_entries(table, graph, query);
    for (;;) {
        const uint32_t node = found_.expand();
        if (node == kNoNode) return;
        if (expanded != nullptr) expanded->push_back({0, node});
        listed_.clear();
        for (const uint32_t neighbour : graph.neighbours(node)) {
            if (mark(neighbour)) listed_.push_back(neighbour);
        }
        prefetch_links(graph, found_.peek());
        add_listed(table, graph, query);
    }
}

bool Walk::search_through(const KernelTable& table, const Graph& graph, const CodeQuery& query, int64_t breadth,
                          const Margin& margin, const Allowed& allowed, int64_t compared_max) {
    begin(breadth, margin);
    start_from_entries(table, graph, query);
    frontier_.assign(1, found_.at(0));
    found_.reset(breadth, margin);
    if (allowed.has(frontier_[0].node)) found_.add(frontier_[0].distance, frontier_[0].node);
    while (!frontier_.empty() && frontier_.front().distance <= found_.limit()) {
        if (compared_count_ > compared_max) {
            found_.reset(breadth, margin);
            return false;
        }
        const uint32_t node = frontier_.front().node;
        std::pop_heap(frontier_.begin(), frontier_.end(), is_farther);
        frontier_.pop_back();
        listed_.clear();
        for (const uint32_t neighbour : graph.neighbours(node)) {
            if (mark(neighbour)) listed_.push_back(neighbour);
        }
        if (!frontier_.empty()) prefetch_links(graph, frontier_.front().node);
        compare(table, graph, query);
        for (size_t i = 0; i < listed_.size(); ++i) {
            if (!(distances_[i] < found_.limit())) continue;
            frontier_.push_back({distances_[i], listed_[i]});
            std::push_heap(frontier_.begin(), frontier_.end(), is_farther);
            if (allowed.has(listed_[i])) found_.add(distances_[i], listed_[i]);
        }
    }
    return true;
}

// Whether any of the listed nodes was taken.
bool Walk::add_listed(const KernelTable& table, const Graph& graph, const CodeQuery& query) {
    compare(table, graph, query);
    bool is_taken = false;
    for (size_t i = 0; i < listed_.size(); ++i) is_taken |= found_.add(distances_[i], listed_[i]);
    return is_taken;
}

void Walk::list_cell(const Graph& graph, uint32_t cell, const Allowed* allowed) {
    const uint32_t first = graph.cells.starts[cell], last = graph.cells.starts[cell + 1];
    listed_.resize(size_t{1} + last - first);
    size_t count = 0;
    const auto list = [&](uint32_t node) {
        listed_[count] = node;
        count += allowed == nullptr || allowed->has(node) ? 1 : 0;
    };
    list(cell);
    for (uint32_t node = first; node < last; ++node) list(node);
    listed_.resize(count);
}

void Walk::search_cells(const KernelTable& table, const Graph& graph, const CodeQuery& query, int64_t breadth,
                        const Margin& margin, const Allowed* allowed, int64_t patience) {
    begin(breadth, margin);
    listed_.resize(static_cast<size_t>(graph.cells.count));
    std::iota(listed_.begin(), listed_.end(), uint32_t{0});
    compare(table, graph, query);
    frontier_.resize(distances_.size());
    for (size_t i = 0; i < distances_.size(); ++i) frontier_[i] = {distances_[i], static_cast<uint32_t>(i)};
    std::make_heap(frontier_.begin(), frontier_.end(), is_farther);
    int64_t seen = 0;
    for (int64_t idle = 0; (idle < patience || kSeenPerIdle * idle < seen) && !frontier_.empty();) {
        list_cell(graph, frontier_.front().node, allowed);
        std::pop_heap(frontier_.begin(), frontier_.end(), is_farther);
        frontier_.pop_back();
        if (listed_.empty()) continue;
        ++seen;
        idle = add_listed(table, graph, query) ? 0 : idle + 1;
    }
}

void Walk::scan(const KernelTable& table, const Graph& graph, const CodeQuery& query, int64_t breadth,
                const Margin& margin, const Allowed* allowed) {
    begin(breadth, margin);
    const auto flush = [&] {
        add_listed(table, graph, query);
        listed_.clear();
    };
    const auto take = [&](uint32_t node) {
        listed_.push_back(node);
        if (static_cast<int64_t>(listed_.size()) == kScanBlock) flush();
    };
    const auto node_count = static_cast<uint32_t>(graph.node_count);
    if (allowed == nullptr || !allowed->node_rows.has_nodes()) {
        for (uint32_t node = 0; node < node_count; ++node) {
            if (allowed == nullptr || allowed->has(node)) take(node);
        }
    } else {
        for (int64_t first = 0; first < allowed->node_rows.row_count; first += 64) {
            for (uint64_t word = allowed->words[first / 64]; word != 0; word &= word - 1) {
                const uint32_t node = allowed->node_rows.node(first + std::countr_zero(word));
                if (node < node_count) take(node);
            }
        }
    }
    flush();
}

}  // namespace elanus
