#include "algo/graph.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "algo/graph_build.h"
#include "algo/graph_layout.h"
#include "algo/graph_query.h"
#include "arrays.h"
#include "coding.h"
#include "dense.h"
#include "elanus/dispatch.h"

namespace elanus {

namespace {

// How vectors of one index become codes.
class CodeSpaceObject {
public:
    CodeSpaceObject(nb::handle center, int bits, uint64_t seed) {
        ArrayArgument argument(center, "center", 1);
        space_ = make_space(argument, bits, seed);
    }

    int64_t stride() const { return space_->stride(); }

    nb::object encode(nb::handle vectors, nb::handle lifts) const {
        ArrayArgument rows(vectors, "vectors", 2);
        ArrayArgument lift(lifts, "lifts", 1);
        rows.expect(Dtype::float32);
        lift.expect(Dtype::float32);
        if (rows.size(1) != space_->dim()) {
            raise_value_error("vectors have " + std::to_string(rows.size(1)) + " elements, expected " +
                              std::to_string(space_->dim()));
        }
        if (lift.size() != rows.size(0)) raise_value_error("lifts must be as many as vectors");
        ResultArray codes(Dtype::uint8, rows.size(0) * space_->stride());
        const auto* vector = rows.data<float>();
        const auto* lifted = lift.data<float>();
        {
            const nb::gil_scoped_release release;
            const KernelTable& table = active_table();
            for (int64_t i = 0; i < rows.size(0); ++i) {
                space_->encode(table, vector + i * space_->dim(), lifted[i],
                               codes.data<uint8_t>() + i * space_->stride());
            }
        }
        return codes.object();
    }

private:
    std::unique_ptr<CodeSpace> space_;
};

// A graph while it is built.
class GraphBuilderObject {
public:
    GraphBuilderObject(nb::handle codes, nb::handle center, int bits, uint64_t seed, nb::handle order, int64_t degree,
                       int64_t breadth, double alpha)
        : codes_(codes, "codes", 1) {
        ArrayArgument center_argument(center, "center", 1);
        space_ = make_space(center_argument, bits, seed);
        node_count_ = check_codes(codes_, *space_);
        ArrayArgument nodes(order, "order", 1);
        nodes.expect(Dtype::uint32);
        if (nodes.size() != node_count_) raise_value_error("order must hold every node once");
        check_below(nodes.data<uint32_t>(), node_count_, node_count_, "order");
        if (degree < 2 || breadth < 1) raise_value_error("degree must be 2 or more and breadth 1 or more");
        builder_ = std::make_unique<GraphBuilder>(*space_, bytes(), node_count_, nodes.data<uint32_t>(),
                                                  GraphShape{degree, breadth, static_cast<float>(alpha)});
        degree_ = degree;
    }

    int64_t begin_batch(int64_t last_max) {
        batch_end_ = builder_->begin_batch(std::min(last_max, node_count_));
        return batch_end_;
    }
    int64_t joined_count() const { return builder_->joined_count(); }

    void propose(int64_t first, int64_t last) {
        if (first < builder_->joined_count() || last > batch_end_) raise_value_error("places outside the batch");
        const nb::gil_scoped_release release;
        builder_->propose(active_table(), first, last);
    }
    void join(int64_t last) {
        if (last != batch_end_) raise_value_error("last is not the end of the batch");
        const nb::gil_scoped_release release;
        builder_->join(last);
    }
    void link_back(int64_t part, int64_t part_count) {
        if (part < 0 || part >= part_count) raise_value_error("part must be from 0 to part_count (exclusive)");
        const nb::gil_scoped_release release;
        builder_->link_back(active_table(), part, part_count);
    }
    void trim(int64_t first, int64_t last) {
        if (first < 0 || last > node_count_) raise_value_error("nodes outside the graph");
        const nb::gil_scoped_release release;
        builder_->trim(active_table(), first, last);
    }
    nb::object nearest(nb::handle heads, int64_t first, int64_t last) {
        ArrayArgument nodes(heads, "heads", 1);
        nodes.expect(Dtype::uint32);
        if (nodes.size() < 1) raise_value_error("heads is empty");
        check_below(nodes.data<uint32_t>(), nodes.size(), node_count_, "heads");
        if (first < 0 || last < first || last > node_count_) raise_value_error("nodes outside the graph");
        ResultArray places(Dtype::uint32, last - first);
        const std::span<const uint32_t> among(nodes.data<uint32_t>(), static_cast<size_t>(nodes.size()));
        auto* found = places.data<uint32_t>();
        {
            const nb::gil_scoped_release release;
            builder_->nearest(active_table(), among, first, last, found);
        }
        return places.object();
    }
    void connect() {
        const nb::gil_scoped_release release;
        builder_->connect(active_table());
    }

    nb::object links() const {
        ResultArray links(Dtype::uint32, node_count_, degree_);
        builder_->copy_links(links.data<uint32_t>());
        return links.object();
    }
    nb::object entries() const {
        const std::vector<uint32_t>& found = builder_->entries();
        ResultArray entries(Dtype::uint32, static_cast<int64_t>(found.size()));
        std::copy(found.begin(), found.end(), entries.data<uint32_t>());
        return entries.object();
    }

private:
    const uint8_t* bytes() { return reinterpret_cast<const uint8_t*>(codes_.data<float>()); }

    ArrayArgument codes_;
    std::unique_ptr<CodeSpace> space_;
    std::unique_ptr<GraphBuilder> builder_;
    int64_t node_count_ = 0;
    int64_t degree_ = 0;
    int64_t batch_end_ = 1;  // the first node has joined
};

// A graph to be searched, over arrays it holds.
class GraphObject {
public:
    GraphObject(nb::handle links, nb::handle codes, nb::handle entries, nb::handle center, int bits, uint64_t seed,
                nb::handle numbering)
        : links_(links, "links", 2), codes_(codes, "codes", 1), entries_(entries, "entries", 1) {
        ArrayArgument center_argument(center, "center", 1);
        space_ = make_space(center_argument, bits, seed);
        const int64_t node_count = check_codes(codes_, *space_);
        links_.expect(Dtype::uint32);
        entries_.expect(Dtype::uint32);
        if (links_.size(0) != node_count || links_.size(1) < 1) {
            raise_value_error("links has " + std::to_string(links_.size(0)) + " rows, expected " +
                              std::to_string(node_count) + " as codes");
        }
        if (entries_.size() < 1) raise_value_error("entries is empty");
        check_below(entries_.data<uint32_t>(), entries_.size(), node_count, "entries");
        nb::object rows = nb::none(), nodes = nb::none(), cell_starts = nb::none();
        if (!numbering.is_none()) {
            const auto arrays = nb::cast<nb::tuple>(numbering);
            if (arrays.size() != 3) raise_value_error("numbering must be rows, nodes and cell_starts");
            rows = arrays[0];
            nodes = arrays[1];
            cell_starts = arrays[2];
        }
        take_rows(rows, nodes, node_count);
        graph_ = {.space = space_.get(),
                  .codes = reinterpret_cast<const uint8_t*>(codes_.data<float>()),
                  .links = links_.data<uint32_t>(),
                  .degree = links_.size(1),
                  .node_count = node_count,
                  .entries = entries_.data<uint32_t>(),
                  .entry_count = entries_.size()};
        if (!cell_starts.is_none()) take_cells(cell_starts);
        usual_deviation_ = graph_.usual_deviation();
    }

    nb::object search(const char* metric, nb::handle queries, nb::handle base, int64_t k, int64_t breadth,
                      nb::handle allow, int64_t walk_compared_max, int64_t patience) {
        check_k(k);
        if (k < 1 || breadth < k) raise_value_error("k must be 1 or more and breadth k or more");
        if (patience > 0 && graph_.cells.count == 0) raise_value_error("patience needs cells");
        const DenseArguments dense(metric, queries, 2, base);
        const AllowArgument allowed(allow, dense.row_count());
        const ScanInput input = dense.input(nullptr);
        check_base(input);
        const int64_t query_count = dense.query_count();
        ResultArray scores(Dtype::float32, query_count, k);
        ResultArray rows(Dtype::int64, query_count, k);
        ResultArray compared(Dtype::int64, query_count);
        {
            const nb::gil_scoped_release release;
            const PreparedQueries prepared(input);
            const GraphTarget target = {&graph_, input.base, input.metric, node_rows_, usual_deviation_};
            std::unique_ptr<GraphQuery> query = lend(target);
            const GraphRequest request = {k, breadth, walk_compared_max, patience, allowed.words()};
            for (int64_t i = 0; i < query_count; ++i) {
                compared.data<int64_t>()[i] = query->search(*input.table, input, prepared, i, request,
                                                            scores.data<float>() + i * k, rows.data<int64_t>() + i * k);
            }
            take_back(std::move(query));
        }
        return nb::make_tuple(scores.object(), rows.object(), compared.object());
    }

private:
    void take_rows(nb::handle rows, nb::handle nodes, int64_t node_count) {
        if (rows.is_none()) {
            node_rows_.row_count = node_count;
            return;
        }
        rows_ = std::make_unique<ArrayArgument>(rows, "rows", 1);
        rows_->expect(Dtype::uint32);
        if (rows_->size() != node_count) raise_value_error("rows must be as many as codes");
        node_rows_.rows = rows_->data<uint32_t>();
        node_rows_.row_count = int64_t{1} + *std::max_element(node_rows_.rows, node_rows_.rows + node_count);
        if (nodes.is_none()) return;
        nodes_ = std::make_unique<ArrayArgument>(nodes, "nodes", 1);
        nodes_->expect(Dtype::uint32);
        if (nodes_->size() < node_rows_.row_count) raise_value_error("nodes must be as many as rows of the column");
        node_rows_.nodes = nodes_->data<uint32_t>();
        node_rows_.row_count = nodes_->size();
    }

    void take_cells(nb::handle cell_starts) {
        cell_starts_ = std::make_unique<ArrayArgument>(cell_starts, "cell_starts", 1);
        cell_starts_->expect(Dtype::uint32);
        const int64_t count = cell_starts_->size() - 1;
        const auto* starts = cell_starts_->data<uint32_t>();
        if (count < 1 || starts[0] != count || starts[count] != graph_.node_count ||
            !std::is_sorted(starts, starts + count + 1)) {
            raise_value_error("cell_starts must ascend from the number of cells, at least one, to that of nodes");
        }
        graph_.cells = {starts, count};
    }

    void check_base(const ScanInput& input) {
        if (input.base.width != space_->dim() || input.base.type == ElementType::bits) {
            raise_value_error("base has vectors of " + std::to_string(input.base.width) + " elements, expected " +
                              std::to_string(space_->dim()) + " numbers as in center");
        }
        const bool is_known = node_rows_.has_nodes();
        const int64_t row_count = input.base.row_count;
        if (is_known ? row_count != node_rows_.row_count : row_count < node_rows_.row_count) {
            raise_value_error("base does not have the rows of the graph");
        }
    }

    std::unique_ptr<GraphQuery> lend(const GraphTarget& target) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (idle_.empty()) return std::make_unique<GraphQuery>(target);
        std::unique_ptr<GraphQuery> query = std::move(idle_.back());
        idle_.pop_back();
        query->aim(target);
        return query;
    }
    void take_back(std::unique_ptr<GraphQuery> query) {
        const std::lock_guard<std::mutex> lock(mutex_);
        idle_.push_back(std::move(query));
    }

    ArrayArgument links_, codes_, entries_;
    std::unique_ptr<ArrayArgument> rows_, nodes_, cell_starts_;
    NodeRows node_rows_;
    std::unique_ptr<CodeSpace> space_;
    Graph graph_;
    float usual_deviation_ = 0;
    std::mutex mutex_;
    std::vector<std::unique_ptr<GraphQuery>> idle_;
};

nb::object lay_out_graph(nb::handle links, nb::handle heads, nb::handle cells) {
    ArrayArgument lists(links, "links", 2), first(heads, "heads", 1), places(cells, "cells", 1);
    lists.expect(Dtype::uint32);
    first.expect(Dtype::uint32);
    places.expect(Dtype::uint32);
    const int64_t node_count = lists.size(0);
    if (first.size() < 1) raise_value_error("heads is empty");
    check_below(first.data<uint32_t>(), first.size(), node_count, "heads");
    if (places.size() != node_count) raise_value_error("cells must be as many as links");
    check_below(places.data<uint32_t>(), node_count, first.size(), "cells");
    const std::span<const uint32_t> nodes(first.data<uint32_t>(), static_cast<size_t>(first.size()));
    if (std::set<uint32_t>(nodes.begin(), nodes.end()).size() != nodes.size()) raise_value_error("heads has one twice");
    ResultArray order(Dtype::uint32, node_count);
    ResultArray starts(Dtype::uint32, first.size() + 1);
    {
        const nb::gil_scoped_release release;
        const Graph graph = {.links = lists.data<uint32_t>(), .degree = lists.size(1), .node_count = node_count};
        lay_out(graph, nodes, places.data<uint32_t>(), order.data<uint32_t>(), starts.data<uint32_t>());
    }
    return nb::make_tuple(order.object(), starts.object());
}

}  // namespace

void bind_graph(nb::module_& module) {
    module.def("lay_out_graph", &lay_out_graph, nb::arg("links"), nb::arg("heads"), nb::arg("cells"));
    nb::class_<CodeSpaceObject>(module, "CodeSpace")
        .def(nb::init<nb::handle, int, uint64_t>(), nb::arg("center"), nb::arg("bits"), nb::arg("seed"))
        .def_prop_ro("stride", &CodeSpaceObject::stride)
        .def("encode", &CodeSpaceObject::encode, nb::arg("vectors"), nb::arg("lifts"));
    nb::class_<GraphBuilderObject>(module, "GraphBuilder")
        .def(nb::init<nb::handle, nb::handle, int, uint64_t, nb::handle, int64_t, int64_t, double>(), nb::arg("codes"),
             nb::arg("center"), nb::arg("bits"), nb::arg("seed"), nb::arg("order"), nb::arg("degree"),
             nb::arg("breadth"), nb::arg("alpha"))
        .def("begin_batch", &GraphBuilderObject::begin_batch, nb::arg("last_max"))
        .def_prop_ro("joined_count", &GraphBuilderObject::joined_count)
        .def("propose", &GraphBuilderObject::propose, nb::arg("first"), nb::arg("last"))
        .def("join", &GraphBuilderObject::join, nb::arg("last"))
        .def("link_back", &GraphBuilderObject::link_back, nb::arg("part"), nb::arg("part_count"))
        .def("trim", &GraphBuilderObject::trim, nb::arg("first"), nb::arg("last"))
        .def("nearest", &GraphBuilderObject::nearest, nb::arg("heads"), nb::arg("first"), nb::arg("last"))
        .def("connect", &GraphBuilderObject::connect)
        .def("links", &GraphBuilderObject::links)
        .def("entries", &GraphBuilderObject::entries);
    nb::class_<GraphObject>(module, "Graph")
        .def(nb::init<nb::handle, nb::handle, nb::handle, nb::handle, int, uint64_t, nb::handle>(), nb::arg("links"),
             nb::arg("codes"), nb::arg("entries"), nb::arg("center"), nb::arg("bits"), nb::arg("seed"),
             nb::arg("numbering").none())
        .def("search", &GraphObject::search, nb::arg("metric"), nb::arg("queries"), nb::arg("base"), nb::arg("k"),
             nb::arg("breadth"), nb::arg("allow").none(), nb::arg("walk_compared_max"), nb::arg("patience"));
}

}  // namespace elanus
