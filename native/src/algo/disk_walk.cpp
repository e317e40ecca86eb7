#include "algo/disk_walk.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

namespace elanus {

namespace {

bool is_farther(const Candidate& a, const Candidate& b) {
    return a.distance > b.distance || (a.distance == b.distance && a.node > b.node);
}

// The places `codes` of a few rows are compared at, in order.
void count_up(std::vector<uint32_t>& places, size_t count) {
    places.resize(count);
    std::iota(places.begin(), places.end(), 0U);
}

}  // namespace

float DiskWalk::limit() const {
    return static_cast<int64_t>(nearest_.size()) < breadth_ ? std::numeric_limits<float>::infinity() : nearest_.front();
}

void DiskWalk::offer(float distance, uint32_t node) {
    if (!(distance < limit())) return;
    frontier_.push_back({distance, node});
    std::push_heap(frontier_.begin(), frontier_.end(), is_farther);
}

void DiskWalk::meet(const MetRow& one, std::vector<MetRow>& met) {
    met.push_back(one);
    if (static_cast<int64_t>(nearest_.size()) < breadth_) {
        nearest_.push_back(one.distance);
        std::push_heap(nearest_.begin(), nearest_.end());
    } else if (one.distance < nearest_.front()) {
        std::pop_heap(nearest_.begin(), nearest_.end());
        nearest_.back() = one.distance;
        std::push_heap(nearest_.begin(), nearest_.end());
    }
}

// Offers the listed nodes, whose codes are the rows of `codes` that `places_` names.
void DiskWalk::compare_listed(const KernelTable& table, const CodedQuery& query, const uint8_t* codes) {
    const CodeSpace& space = *graph_.space;
    products_.resize(listed_.size());
    const CodeTask task = {.query = query.codes().elements,
                           .width = space.width(),
                           .codes = codes,
                           .stride = space.stride(),
                           .rows = places_.data(),
                           .count = static_cast<int64_t>(listed_.size()),
                           .products = products_.data()};
    space.products(table)(&task);
    for (size_t i = 0; i < listed_.size(); ++i) {
        const CodeTail& tail = space.tail(codes + static_cast<int64_t>(places_[i]) * space.stride());
        offer(norm_weight_ * tail.norm - 2 * estimated_product(query.codes(), tail, products_[i]), listed_[i]);
    }
    compared_count_ += static_cast<int64_t>(listed_.size());
}

float DiskWalk::code_distance(const KernelTable& table, const CodedQuery& query, const uint8_t* codes) {
    const uint32_t first = 0;
    int32_t product = 0;
    const CodeTask task = {.query = query.codes().elements,
                           .width = graph_.space->width(),
                           .codes = codes,
                           .stride = graph_.space->stride(),
                           .rows = &first,
                           .count = 1,
                           .products = &product};
    graph_.space->products(table)(&task);
    const CodeTail& tail = graph_.space->tail(codes);
    return norm_weight_ * tail.norm - 2 * estimated_product(query.codes(), tail, product);
}

void DiskWalk::begin(const KernelTable& table, const CodedQuery& query, const DiskRequest& request) {
    breadth_ = request.breadth;
    norm_weight_ = query.has_norms() ? 1.0F : 0.0F;
    seen_.clear();
    followed_.clear();
    estimates_.clear();
    frontier_.clear();
    nearest_.clear();
    compared_count_ = 0;
    if (graph_.blocks.layout.inline_count > 0) table_.prepare(*graph_.space, query.codes());
    listed_.assign(graph_.entries, graph_.entries + graph_.entry_count);
    for (const uint32_t node : listed_) seen_.add(node);
    count_up(places_, listed_.size());
    compare_listed(table, query, graph_.entry_codes);
}

void DiskWalk::take_batch(int64_t beam) {
    batch_.clear();
    batch_nodes_.clear();
    while (static_cast<int64_t>(batch_.size()) < beam && !frontier_.empty() && frontier_.front().distance <= limit()) {
        const Candidate nearest = frontier_.front();
        std::pop_heap(frontier_.begin(), frontier_.end(), is_farther);
        frontier_.pop_back();
        const bool is_old = !seen_.has(nearest.node) && estimates_.has_moved(nearest.node, nearest.distance);
        if (is_old || !followed_.add(nearest.node)) continue;
        batch_.push_back(nearest);
        batch_nodes_.push_back(nearest.node);
    }
}

// Meets the node's row and offers its neighbours; those whose codes are not at hand are put on the far list.
void DiskWalk::follow(const KernelTable& table, const CodedQuery& query, const Candidate& candidate,
                      const DiskRequest& request, std::vector<MetRow>& met) {
    const NodeRecord record = reader_.record(candidate.node);
    const BlockLayout& layout = graph_.blocks.layout;
    const uint8_t* own = graph_.codes != nullptr
                             ? graph_.codes + static_cast<int64_t>(candidate.node) * graph_.space->stride()
                             : record.codes;
    const float distance = graph_.codes != nullptr ? candidate.distance : code_distance(table, query, own);
    if (record.row >= graph_.row_count) throw DamagedBlock("a node of the graph stands for a row beyond the column");
    if (request.allow == nullptr || (request.allow[record.row / 64] >> (record.row % 64) & 1) != 0) {
        meet({distance, graph_.space->tail(own).deviation, record.row}, met);
    }
    listed_.clear();
    const float way = query.codes().norm + (1 - norm_weight_) * graph_.space->tail(own).norm + distance;
    for (size_t i = 0; i < record.links.size(); ++i) {
        const uint32_t neighbour = record.links[i];
        if (static_cast<int64_t>(i) < layout.inline_count) {
            // Each node it is a neighbour of has another estimate, a bad one from far away. Codes are better than all.
            if (followed_.has(neighbour) || seen_.has(neighbour)) continue;
            const uint8_t* code = record.neighbours + static_cast<int64_t>(i) * layout.neighbour_bytes;
            const float estimate = table_.distance(query.codes(), distance, code);
            offer(estimates_.add(neighbour, estimate, neighbour_weight(code, way)), neighbour);
            ++compared_count_;
        } else if (seen_.add(neighbour)) {
            (graph_.codes != nullptr ? listed_ : far_).push_back(neighbour);
        }
    }
    if (listed_.empty()) return;
    places_ = listed_;
    compare_listed(table, query, graph_.codes);
}

// Compares nodes whose codes lie in blocks of their own.
void DiskWalk::compare_far(const KernelTable& table, const CodedQuery& query) {
    const auto stride = static_cast<size_t>(graph_.space->stride());
    const std::vector<uint32_t> far = std::move(far_);
    far_.clear();
    const auto most = static_cast<size_t>(reader_.capacity());
    for (size_t first = 0; first < far.size(); first += most) {
        listed_.assign(far.begin() + static_cast<int64_t>(first),
                       far.begin() + static_cast<int64_t>(std::min(far.size(), first + most)));
        reader_.load(table, listed_);
        gathered_.resize(listed_.size() * stride);
        for (size_t i = 0; i < listed_.size(); ++i) {
            std::memcpy(gathered_.data() + i * stride, reader_.record(listed_[i]).codes, stride);
        }
        count_up(places_, listed_.size());
        compare_listed(table, query, gathered_.data());
    }
}

bool DiskWalk::search(const KernelTable& table, const CodedQuery& query, const DiskRequest& request,
                      std::vector<MetRow>& met) {
    begin(table, query, request);
    int64_t expanded_count = 0;
    for (;;) {
        take_batch(request.beam);
        if (batch_.empty()) return true;
        expanded_count += static_cast<int64_t>(batch_.size());
        if (request.allow != nullptr && expanded_count > request.expanded_max) return false;
        reader_.load(table, batch_nodes_);
        far_.clear();
        for (const Candidate& candidate : batch_) follow(table, query, candidate, request, met);
        if (!far_.empty()) compare_far(table, query);
    }
}

}  // namespace elanus
