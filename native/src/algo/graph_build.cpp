#include "algo/graph_build.h"

#include <algorithm>
#include <limits>

namespace elanus {

namespace {

// Links beyond the degree that may gather before a node is trimmed: trimming one by one would cost most of a build.
constexpr double kSlack = 1.3;
constexpr int64_t kEntryCountMax = 64;
constexpr int64_t kNodesPerEntry = 64;
// Nodes of one batch do not see each other, so a batch is never more than joined before it, nor than this share of all.
constexpr int64_t kBatchShare = 50;
constexpr int64_t kBatchMin = 1024;

}  // namespace

// What one thread works with.
class GraphBuilder::Scratch {
public:
    explicit Scratch(int64_t node_count) : walk(node_count) { walk.prepare(true); }

    Walk walk;
    CodeQuery query, rival;
    std::vector<Candidate> candidates;
    std::vector<float> occlusion;
    std::vector<uint32_t> chosen, listed;
    std::vector<size_t> places;
    std::vector<int32_t> products;
};

// A scratch for as long as it lives.
class GraphBuilder::Lease {
public:
    explicit Lease(GraphBuilder& builder) : builder_(builder) {
        const std::lock_guard<std::mutex> lock(builder.mutex_);
        if (builder.idle_.empty()) {
            scratch_ = std::make_unique<Scratch>(builder.node_count_);
        } else {
            scratch_ = std::move(builder.idle_.back());
            builder.idle_.pop_back();
        }
    }
    ~Lease() {
        const std::lock_guard<std::mutex> lock(builder_.mutex_);
        builder_.idle_.push_back(std::move(scratch_));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    Scratch& operator*() const { return *scratch_; }

private:
    GraphBuilder& builder_;
    std::unique_ptr<Scratch> scratch_;
};

GraphBuilder::GraphBuilder(const CodeSpace& space, const uint8_t* codes, int64_t node_count, const uint32_t* order,
                           const GraphShape& shape)
    : space_(space),
      codes_(codes),
      node_count_(node_count),
      order_(order, order + node_count),
      shape_(shape),
      capacity_(static_cast<int64_t>(static_cast<double>(shape.degree) * kSlack) + 1),
      links_(static_cast<size_t>(node_count * capacity_), kNoNode) {
    entries_.push_back(order_[0]);
    joined_count_ = 1;
}

GraphBuilder::~GraphBuilder() = default;

Graph GraphBuilder::view() const {
    return {.space = &space_,
            .codes = codes_,
            .links = links_.data(),
            .degree = capacity_,
            .node_count = node_count_,
            .entries = entries_.data(),
            .entry_count = static_cast<int64_t>(entries_.size())};
}

int64_t GraphBuilder::link_count(uint32_t node) const {
    const uint32_t* links = list(node);
    return std::find(links, links + capacity_, kNoNode) - links;
}

// Products of the query with each of the nodes.
void GraphBuilder::multiply(const KernelTable& table, const CodeQuery& query, std::span<const uint32_t> nodes,
                            std::vector<int32_t>& products) const {
    products.resize(nodes.size());
    const CodeTask task = {.query = query.elements,
                           .width = space_.width(),
                           .codes = codes_,
                           .stride = space_.stride(),
                           .rows = nodes.data(),
                           .count = static_cast<int64_t>(nodes.size()),
                           .products = products.data()};
    space_.products(table)(&task);
}

void GraphBuilder::set_links(uint32_t node, const std::vector<uint32_t>& chosen) {
    uint32_t* links = list(node);
    std::fill(std::copy(chosen.begin(), chosen.end(), links), links + capacity_, kNoNode);
}

// Distances from `node`, whose query the scratch holds, to its candidates.
void GraphBuilder::measure(const KernelTable& table, Scratch& scratch, uint32_t node) const {
    std::vector<Candidate>& candidates = scratch.candidates;
    scratch.listed.clear();
    for (const Candidate& candidate : candidates) scratch.listed.push_back(candidate.node);
    multiply(table, scratch.query, scratch.listed, scratch.products);
    const Graph graph = view();
    for (size_t i = 0; i < candidates.size(); ++i) {
        const CodeTail& tail = space_.tail(graph.row(candidates[i].node));
        const float product = estimated_product(scratch.query, tail, scratch.products[i]);
        candidates[i].distance = std::max(0.0F, scratch.query.norm + tail.norm - 2 * product);
    }
    std::erase_if(candidates, [node](const Candidate& candidate) { return candidate.node == node; });
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
        return a.distance < b.distance || (a.distance == b.distance && a.node < b.node);
    });
}

// Of the candidates, nearest first, those that no chosen one is much nearer to; first by strict rule, then by alpha.
void GraphBuilder::choose(const KernelTable& table, Scratch& scratch) const {
    const std::vector<Candidate>& candidates = scratch.candidates;
    const Graph graph = view();
    const float alpha_square = shape_.alpha * shape_.alpha;
    const auto wanted = static_cast<size_t>(shape_.degree);
    constexpr float kChosen = std::numeric_limits<float>::infinity();
    scratch.chosen.clear();
    scratch.occlusion.assign(candidates.size(), 0);
    for (const float bound : {1.0F, alpha_square}) {
        for (size_t i = 0; i < candidates.size() && scratch.chosen.size() < wanted; ++i) {
            if (scratch.occlusion[i] > bound) continue;
            scratch.chosen.push_back(candidates[i].node);
            scratch.occlusion[i] = kChosen;
            scratch.listed.clear();
            scratch.places.clear();
            for (size_t j = i + 1; j < candidates.size(); ++j) {
                if (scratch.occlusion[j] > alpha_square) continue;
                scratch.listed.push_back(candidates[j].node);
                scratch.places.push_back(j);
            }
            space_.prepare_row(graph.row(candidates[i].node), scratch.rival);
            multiply(table, scratch.rival, scratch.listed, scratch.products);
            for (size_t m = 0; m < scratch.listed.size(); ++m) {
                const CodeTail& tail = space_.tail(graph.row(scratch.listed[m]));
                const float product = estimated_product(scratch.rival, tail, scratch.products[m]);
                const float between = scratch.rival.norm + tail.norm - 2 * product;
                const float own = candidates[scratch.places[m]].distance;
                const float ratio = between > 0 ? own / between : own > 0 ? kChosen : 0;
                float& occlusion = scratch.occlusion[scratch.places[m]];
                occlusion = std::max(occlusion, ratio);
            }
        }
    }
}

int64_t GraphBuilder::begin_batch(int64_t last_max) {
    const int64_t most = std::min(joined_count_, std::max(kBatchMin, node_count_ / kBatchShare));
    const int64_t size = std::clamp<int64_t>(last_max - joined_count_, 0, most);
    proposals_.assign(static_cast<size_t>(size), {});
    return joined_count_ + size;
}

void GraphBuilder::propose(const KernelTable& table, int64_t first, int64_t last) {
    const Lease lease(*this);
    Scratch& scratch = *lease;
    const Graph graph = view();
    for (int64_t place = first; place < last; ++place) {
        const uint32_t node = order_[static_cast<size_t>(place)];
        space_.prepare_row(graph.row(node), scratch.query);
        scratch.candidates.clear();
        scratch.walk.search(table, graph, scratch.query, shape_.breadth, &scratch.candidates);
        measure(table, scratch, node);
        choose(table, scratch);
        proposals_[static_cast<size_t>(place - joined_count_)] = scratch.chosen;
    }
}

void GraphBuilder::join(int64_t last) {
    back_links_.clear();
    for (int64_t place = joined_count_; place < last; ++place) {
        const uint32_t node = order_[static_cast<size_t>(place)];
        const std::vector<uint32_t>& chosen = proposals_[static_cast<size_t>(place - joined_count_)];
        set_links(node, chosen);
        for (const uint32_t target : chosen) back_links_.push_back(uint64_t{target} << 32 | node);
    }
    std::sort(back_links_.begin(), back_links_.end());
    joined_count_ = last;
    const int64_t entry_count = std::clamp<int64_t>(joined_count_ / kNodesPerEntry, 1, kEntryCountMax);
    while (static_cast<int64_t>(entries_.size()) < entry_count) entries_.push_back(order_[entries_.size()]);
}

void GraphBuilder::link_back(const KernelTable& table, int64_t part, int64_t part_count) {
    const Lease lease(*this);
    Scratch& scratch = *lease;
    const auto size = static_cast<int64_t>(back_links_.size());
    const auto boundary = [&](int64_t number) {
        auto place = static_cast<size_t>(size * number / part_count);
        while (place > 0 && place < back_links_.size() && back_links_[place] >> 32 == back_links_[place - 1] >> 32)
            ++place;
        return place;
    };
    const size_t end = boundary(part + 1);
    for (size_t i = boundary(part); i < end;) {
        const auto target = static_cast<uint32_t>(back_links_[i] >> 32);
        size_t next = i;
        while (next < end && back_links_[next] >> 32 == target) ++next;
        const int64_t had = link_count(target);
        uint32_t* links = list(target);
        if (had + static_cast<int64_t>(next - i) <= capacity_) {
            for (uint32_t* place = links + had; i < next; ++i) *place++ = static_cast<uint32_t>(back_links_[i]);
            continue;
        }
        scratch.candidates.clear();
        for (int64_t j = 0; j < had; ++j) scratch.candidates.push_back({0, links[j]});
        for (; i < next; ++i) scratch.candidates.push_back({0, static_cast<uint32_t>(back_links_[i])});
        space_.prepare_row(view().row(target), scratch.query);
        measure(table, scratch, target);
        choose(table, scratch);
        set_links(target, scratch.chosen);
    }
}

void GraphBuilder::trim(const KernelTable& table, int64_t first, int64_t last) {
    const Lease lease(*this);
    Scratch& scratch = *lease;
    for (int64_t i = first; i < last; ++i) {
        const auto node = static_cast<uint32_t>(i);
        const int64_t count = link_count(node);
        if (count <= shape_.degree) continue;
        scratch.candidates.clear();
        for (int64_t j = 0; j < count; ++j) scratch.candidates.push_back({0, list(node)[j]});
        space_.prepare_row(view().row(node), scratch.query);
        measure(table, scratch, node);
        choose(table, scratch);
        set_links(node, scratch.chosen);
    }
}

void GraphBuilder::nearest(const KernelTable& table, std::span<const uint32_t> heads, int64_t first, int64_t last,
                           uint32_t* places) {
    const Lease lease(*this);
    Scratch& scratch = *lease;
    const Graph graph = view();
    for (int64_t i = first; i < last; ++i) {
        space_.prepare_row(graph.row(static_cast<uint32_t>(i)), scratch.query);
        multiply(table, scratch.query, heads, scratch.products);
        size_t best = 0;
        float best_distance = std::numeric_limits<float>::infinity();
        for (size_t j = 0; j < heads.size(); ++j) {
            const CodeTail& tail = space_.tail(graph.row(heads[j]));
            const float distance = tail.norm - 2 * estimated_product(scratch.query, tail, scratch.products[j]);
            if (!(distance < best_distance)) continue;
            best_distance = distance;
            best = j;
        }
        places[i - first] = static_cast<uint32_t>(best);
    }
}

void GraphBuilder::reach(uint32_t start, std::vector<char>& reached) const {
    std::vector<uint32_t> waiting = {start};
    reached[start] = 1;
    const Graph graph = view();
    while (!waiting.empty()) {
        const uint32_t node = waiting.back();
        waiting.pop_back();
        for (const uint32_t neighbour : graph.neighbours(node)) {
            if (reached[neighbour] != 0) continue;
            reached[neighbour] = 1;
            waiting.push_back(neighbour);
        }
    }
}

// Gives a node a link from the nearest reachable one, in the place of its farthest link if it has no room; the node
// then leads on to where that link led.
void GraphBuilder::attach(const KernelTable& table, uint32_t node, Scratch& scratch, const std::vector<char>& reached) {
    const Graph graph = view();
    space_.prepare_row(graph.row(node), scratch.query);
    scratch.walk.search(table, graph, scratch.query, shape_.breadth);
    const Beam& found = scratch.walk.found();
    for (int64_t i = 0; i < found.size(); ++i) {
        const uint32_t near = found.at(i).node;
        const int64_t count = link_count(near);
        if (reached[near] == 0 || count >= shape_.degree) continue;
        list(near)[count] = node;
        return;
    }
    const uint32_t nearest = found.at(0).node;
    const int64_t last = link_count(nearest) - 1;
    const uint32_t displaced = list(nearest)[last];
    list(nearest)[last] = node;
    list(node)[std::min(link_count(node), shape_.degree - 1)] = displaced;
}

void GraphBuilder::connect(const KernelTable& table) {
    const Lease lease(*this);
    std::vector<char> reached(static_cast<size_t>(node_count_), 0);
    for (const uint32_t entry : entries_) {
        if (reached[entry] == 0) reach(entry, reached);
    }
    for (const uint32_t node : order_) {
        if (reached[node] != 0) continue;
        attach(table, node, *lease, reached);
        reach(node, reached);
    }
}

void GraphBuilder::copy_links(uint32_t* links) const {
    for (int64_t i = 0; i < node_count_; ++i) {
        const uint32_t* own = list(static_cast<uint32_t>(i));
        std::copy(own, own + shape_.degree, links + i * shape_.degree);
    }
}

}  // namespace elanus
