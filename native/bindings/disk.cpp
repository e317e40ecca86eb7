#include <algorithm>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <vector>

#include "algo/block_order.h"
#include "algo/disk_query.h"
#include "arrays.h"
#include "coding.h"
#include "dense.h"
#include "elanus/dispatch.h"

namespace elanus {

namespace {

int64_t number_of(nb::handle object, const char* name) { return nb::cast<int64_t>(object.attr(name)); }

// A file's bytes from an offset on, (descriptor, offset), or those in memory for None.
BlockSource make_source(nb::handle file, const ArrayArgument& memory, int64_t size) {
    if (file.is_none()) return {-1, 0, static_cast<const uint8_t*>(memory.bytes()), size};
    const auto pair = nb::cast<nb::tuple>(file);
    return {nb::cast<int>(pair[0]), nb::cast<int64_t>(pair[1]), nullptr, size};
}

[[noreturn]] void raise_os_error(int error) {
    errno = error;
    PyErr_SetFromErrno(PyExc_OSError);
    throw nb::python_error();
}

// Runs `task` without the GIL; what the disk does wrong becomes OSError, what lies on it wrong ValueError.
template <class Task>
void run_released(const Task& task) {
    int error = 0;
    std::string damage;
    {
        const nb::gil_scoped_release release;
        try {
            task();
        } catch (const std::system_error& failure) {
            error = failure.code().value();
        } catch (const DamagedBlock& failure) {
            damage = failure.what();
        }
    }
    if (error != 0) raise_os_error(error);
    if (!damage.empty()) raise_value_error(damage);
}

nb::object order_of_blocks(nb::handle links, nb::handle entries, int64_t block_nodes) {
    ArrayArgument list(links, "links", 2);
    ArrayArgument first(entries, "entries", 1);
    list.expect(Dtype::uint32);
    first.expect(Dtype::uint32);
    if (block_nodes < 1) raise_value_error("block_nodes must be 1 or more");
    const int64_t count = list.size(0);
    check_below(first.data<uint32_t>(), first.size(), count, "entries");
    ResultArray order(Dtype::uint32, count);
    const std::vector<uint32_t> seeds(first.data<uint32_t>(), first.data<uint32_t>() + first.size());
    {
        const nb::gil_scoped_release release;
        const std::vector<uint32_t> found = block_order(list.data<uint32_t>(), list.size(1), count, seeds, block_nodes);
        std::copy(found.begin(), found.end(), order.data<uint32_t>());
    }
    return order.object();
}

// Codes of the neighbours of `nodes`: (node, neighbour, bytes), zeros where a link is no node.
nb::object neighbour_codes(nb::handle codes, nb::handle nodes, nb::handle links, const CodeSpace& space,
                           bool with_norms) {
    ArrayArgument rows(codes, "codes", 1);
    ArrayArgument from(nodes, "nodes", 1);
    ArrayArgument to(links, "links", 2);
    from.expect(Dtype::uint32);
    to.expect(Dtype::uint32);
    const int64_t node_count = check_codes(rows, space);
    if (to.size(0) != from.size()) raise_value_error("links must be as many as nodes");
    check_below(from.data<uint32_t>(), from.size(), node_count, "nodes");
    const int64_t degree = to.size(1), bytes = neighbour_code_bytes(space);
    ResultArray result(Dtype::uint8, from.size(), degree * bytes);
    const auto* own = from.data<uint32_t>();
    const auto* linked = to.data<uint32_t>();
    auto* out = result.data<uint8_t>();
    {
        const nb::gil_scoped_release release;
        std::fill(out, out + from.size() * degree * bytes, uint8_t{0});
        NeighbourCoder coder(space, with_norms);
        for (int64_t i = 0; i < from.size(); ++i) {
            coder.stand_at(code_bytes(rows) + own[i] * space.stride());
            for (int64_t j = 0; j < degree && linked[i * degree + j] < node_count; ++j) {
                coder.encode(code_bytes(rows) + linked[i * degree + j] * space.stride(),
                             out + (i * degree + j) * bytes);
            }
        }
    }
    return result.object();
}

class NeighbourCoderObject {
public:
    NeighbourCoderObject(nb::handle center, int bits, uint64_t seed, bool with_norms) : with_norms_(with_norms) {
        ArrayArgument argument(center, "center", 1);
        space_ = make_space(argument, bits, seed);
    }

    int64_t bytes() const { return neighbour_code_bytes(*space_); }
    nb::object encode(nb::handle codes, nb::handle nodes, nb::handle links) const {
        return neighbour_codes(codes, nodes, links, *space_, with_norms_);
    }

private:
    bool with_norms_;
    std::unique_ptr<CodeSpace> space_;
};

// A graph to be searched where it lies, over arrays it holds.
class DiskGraphObject {
public:
    DiskGraphObject(nb::handle layout, nb::handle blocks, nb::handle file, nb::handle memory, nb::handle entries,
                    nb::handle coding)
        : blocks_(blocks, "blocks", 1),
          entry_nodes_(entries.attr("nodes"), "entries.nodes", 1),
          entry_codes_(entries.attr("codes"), "entries.codes", 1) {
        ArrayArgument center(coding.attr("center"), "center", 1);
        space_ =
            make_space(center, static_cast<int>(number_of(coding, "bits")), nb::cast<uint64_t>(coding.attr("seed")));
        const bool has_codes = nb::cast<bool>(layout.attr("has_codes"));
        graph_ = {};
        graph_.space = space_.get();
        graph_.blocks.layout = {.node_count = number_of(layout, "node_count"),
                                .degree = number_of(layout, "degree"),
                                .inline_count = number_of(layout, "inline_count"),
                                .block_bytes = number_of(layout, "block_bytes"),
                                .code_bytes = has_codes ? space_->stride() : 0,
                                .neighbour_bytes = neighbour_code_bytes(*space_)};
        graph_.row_count = number_of(layout, "row_count");
        take_entries();
        if (!has_codes) take_memory(memory);
        take_blocks(file, number_of(layout, "held_block_count"));
    }

    nb::object search(const char* metric, nb::handle queries, nb::handle base, nb::handle base_file, nb::handle plan,
                      nb::handle allow) {
        const DenseArguments dense(metric, queries, 2, base);
        const ArrayArgument vectors(base, "base", 2);
        const AllowArgument allowed(allow, dense.row_count());
        const ScanInput input = dense.input(nullptr);
        if (input.base.width != space_->dim() || input.base.type == ElementType::bits) {
            raise_value_error("base has vectors of " + std::to_string(input.base.width) + " elements, expected " +
                              std::to_string(space_->dim()) + " numbers as in center");
        }
        if (input.base.row_count != graph_.row_count) raise_value_error("base does not have the rows of the graph");
        const DiskRequest request = request_of(plan, allowed.words());
        const BlockSource source = make_source(base_file, vectors, input.base.row_count * input.base.row_bytes());
        const int64_t query_count = dense.query_count(), k = request.k;
        ResultArray scores(Dtype::float32, query_count, k);
        ResultArray rows(Dtype::int64, query_count, k);
        ResultArray counts(Dtype::int64, query_count, 3);
        run_released([&] {
            const PreparedQueries prepared(input);
            std::unique_ptr<DiskQuery> query = lend();
            query->begin(request);
            for (int64_t i = 0; i < query_count; ++i) {
                const DiskCounts one = query->search(input, source, prepared, i, request, scores.data<float>() + i * k,
                                                     rows.data<int64_t>() + i * k);
                int64_t* const count = counts.data<int64_t>() + i * 3;
                count[0] = one.compared;
                count[1] = one.blocks_read;
                count[2] = one.vectors_read;
            }
            query->end();
            take_back(std::move(query));
        });
        return nb::make_tuple(scores.object(), rows.object(), counts.object());
    }

private:
    void take_entries() {
        entry_nodes_.expect(Dtype::uint32);
        const BlockLayout& layout = graph_.blocks.layout;
        if (check_codes(entry_codes_, *space_) != entry_nodes_.size()) {
            raise_value_error("entries must have as many codes as nodes");
        }
        check_below(entry_nodes_.data<uint32_t>(), entry_nodes_.size(), layout.node_count, "entries.nodes");
        graph_.entries = entry_nodes_.data<uint32_t>();
        graph_.entry_codes = code_bytes(entry_codes_);
        graph_.entry_count = entry_nodes_.size();
    }

    void take_memory(nb::handle memory) {
        codes_ = std::make_unique<ArrayArgument>(memory.attr("codes"), "memory.codes", 1);
        rows_ = std::make_unique<ArrayArgument>(memory.attr("rows"), "memory.rows", 1);
        rows_->expect(Dtype::uint32);
        const int64_t node_count = graph_.blocks.layout.node_count;
        if (check_codes(*codes_, *space_) != node_count || rows_->size() != node_count) {
            raise_value_error("memory must have codes and a row for every node");
        }
        check_below(rows_->data<uint32_t>(), node_count, graph_.row_count, "memory.rows");
        graph_.codes = code_bytes(*codes_);
        graph_.rows = rows_->data<uint32_t>();
    }

    void take_blocks(nb::handle file, int64_t held_count) {
        blocks_.expect(Dtype::uint8);
        DiskBlocks& blocks = graph_.blocks;
        const BlockLayout& layout = blocks.layout;
        const bool is_sound = layout.node_count >= 1 && layout.node_count < int64_t{1} << 31 && layout.degree >= 1 &&
                              layout.inline_count >= 0 && layout.inline_count <= layout.degree &&
                              layout.block_bytes % 512 == 0 && layout.records_per_block() >= 1;
        if (!is_sound || blocks_.size() != layout.block_count() * layout.block_bytes) {
            raise_value_error("blocks has " + std::to_string(blocks_.size()) + " bytes, which the layout does not fit");
        }
        blocks.source = make_source(file, blocks_, blocks_.size());
        held_.resize(
            static_cast<size_t>(std::clamp<int64_t>(held_count, 0, layout.block_count()) * layout.block_bytes));
        blocks.held = held_.data();
        blocks.held_count = static_cast<int64_t>(held_.size()) / layout.block_bytes;
        run_released([&] {
            const BlockRead all = {0, static_cast<int64_t>(held_.size()), held_.data()};
            if (all.size > 0) blocks.source.read(&all, 1);
            for (int64_t i = 0; i < blocks.held_count; ++i) {
                check_block(active_table(), layout, held_.data() + i * layout.block_bytes, i);
            }
        });
    }

    DiskRequest request_of(nb::handle plan, const uint64_t* allow) {
        const DiskRequest request = {.k = number_of(plan, "k"),
                                     .breadth = number_of(plan, "breadth"),
                                     .beam = number_of(plan, "beam_width"),
                                     .vector_batch = number_of(plan, "vector_batch"),
                                     .expanded_max = number_of(plan, "expanded_max"),
                                     .scan_kept_max = number_of(plan, "scan_kept_max"),
                                     .reader_capacity = number_of(plan, "block_capacity"),
                                     .allow = allow};
        if (request.k < 1 || request.breadth < request.k)
            raise_value_error("k must be 1 or more and breadth k or more");
        if (request.beam < 1 || request.vector_batch < 1 || request.reader_capacity < request.beam) {
            raise_value_error("beam_width and vector_batch must be 1 or more and block_capacity beam_width or more");
        }
        return request;
    }

    std::unique_ptr<DiskQuery> lend() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (idle_.empty()) return std::make_unique<DiskQuery>(graph_);
        std::unique_ptr<DiskQuery> query = std::move(idle_.back());
        idle_.pop_back();
        return query;
    }
    void take_back(std::unique_ptr<DiskQuery> query) {
        const std::lock_guard<std::mutex> lock(mutex_);
        idle_.push_back(std::move(query));
    }

    ArrayArgument blocks_, entry_nodes_, entry_codes_;
    std::unique_ptr<ArrayArgument> codes_, rows_;
    std::unique_ptr<CodeSpace> space_;
    std::vector<uint8_t> held_;
    DiskGraph graph_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<DiskQuery>> idle_;
};

}  // namespace

void bind_disk(nb::module_& module) {
    module.def("block_order", &order_of_blocks, nb::arg("links"), nb::arg("entries"), nb::arg("block_nodes"));
    nb::class_<NeighbourCoderObject>(module, "NeighbourCoder")
        .def(nb::init<nb::handle, int, uint64_t, bool>(), nb::arg("center"), nb::arg("bits"), nb::arg("seed"),
             nb::arg("with_norms"))
        .def_prop_ro("code_bytes", &NeighbourCoderObject::bytes)
        .def("encode", &NeighbourCoderObject::encode, nb::arg("codes"), nb::arg("nodes"), nb::arg("links"));
    nb::class_<DiskGraphObject>(module, "DiskGraph")
        .def(nb::init<nb::handle, nb::handle, nb::handle, nb::handle, nb::handle, nb::handle>(), nb::arg("layout"),
             nb::arg("blocks"), nb::arg("file").none(), nb::arg("memory").none(), nb::arg("entries"), nb::arg("coding"))
        .def("search", &DiskGraphObject::search, nb::arg("metric"), nb::arg("queries"), nb::arg("base"),
             nb::arg("base_file").none(), nb::arg("plan"), nb::arg("allow").none());
}

}  // namespace elanus
