"""The artefacts of a graph on disk: making them within bounded memory, and opening them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from elanus.index.artefacts import (
    array_bytes,
    artefact_array,
    check_agrees,
    description_bytes,
    mapped_bytes,
    read_description,
)
from elanus.index.calibration import Calibration
from elanus.index.disk.construction import PlacedGraph, block_parts, code_parts, placed
from elanus.index.disk.layout import NodeSizes, block_bytes_for, held_block_count, nodes_per_block, reads_per_node
from elanus.index.disk.search import DiskIndex, SearchEffort, reading
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.floats import FloatRows
from elanus.index.graph.coding import Coding, plan_coding, written_codes
from elanus.index.graph.construction import GraphConstruction
from elanus.index.graph.description import GraphDescription, coded_column
from elanus.index.graph.measuring import measured
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, VectorColumn, VectorIndex
from elanus.kernels import disk
from elanus.kernels.placement import CodesInMemory, DiskCoding, DiskEntries, DiskLayout
from elanus.objectstore.mapped_file import file_behind, release_pages
from elanus.runtime.pool import WorkerPool
from elanus.schema.types import Metric

__all__ = ["DiskBuild", "build_artefacts", "open_artefacts"]

_FORMAT_VERSION: Final = 2
_DESCRIPTION: Final = "graph.json"
_NODES: Final = "nodes"
_CODES: Final = "codes"
_ROWS: Final = "rows"
_ENTRIES: Final = "entries"
_ENTRY_CODES: Final = "entry_codes"
_CENTER: Final = "center"

Built = dict[str, bytes | memoryview | npt.NDArray[np.uint8]]


class _Description(GraphDescription, frozen=True, kw_only=True):
    """That of a graph on disk."""

    inline_count: int = 0
    block_bytes: int = 0
    has_codes: bool = False
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class DiskBuild:
    """What is to be built.

    Attributes:
        degree: links of a node.
        breadth: candidates kept while a node's place is searched.
        has_codes: whether blocks hold the nodes' codes, not a file that is in memory when searched.
        inline_count_of: from the sizes, how many neighbours' codes are beside the links.
        entry_count: nodes where walks begin, at most; at least one is taken.
        is_rearranged: whether linked nodes are put into the same block.
    """

    degree: int
    breadth: int
    has_codes: bool
    inline_count_of: Callable[[NodeSizes], int]
    entry_count: int
    is_rearranged: bool


class _EffortIn(Protocol):
    """What a search's parameters mean for a layout."""

    def __call__(self, params: Mapping[str, Any], layout: DiskLayout, /) -> SearchEffort: ...


def build_artefacts(column: VectorColumn, metric: Metric, wanted: DiskBuild, context: BuildContext) -> Built:
    """The artefacts; what is large goes to the context's store if it has one. Nothing when every row is null.

    Memory holds codes, links and one part of the blocks for each thread; never the vectors, never all blocks. Only a
    description with no bits when numbers are beyond what codes hold: the column is scanned then.
    """
    vectors = FloatRows.of(column, metric)
    if len(vectors) == 0:
        return {}
    coding = plan_coding(vectors, metric, context.seed)
    if coding is None:
        uncoded = _Description(version=_FORMAT_VERSION, **coded_column(vectors, metric, None))
        return {_DESCRIPTION: description_bytes(uncoded)}
    pool = WorkerPool(thread_count=context.thread_count, name="elanus-graph")
    try:
        graph, layout, calibration = _built_graph(column, metric, vectors, coding, wanted, pool, context)
        stored = DiskCoding(coding.center, coding.bits, coding.seed)
        parts = block_parts(graph, layout, stored, with_norms=metric is not Metric.IP, pool=pool, context=context)
        large = {_NODES: _given(_NODES, parts, context)}
        if not wanted.has_codes:
            large[_CODES] = _given(_CODES, code_parts(graph), context)
    finally:
        pool.close()
    description = _Description(
        version=_FORMAT_VERSION,
        **coded_column(vectors, metric, coding),
        degree=layout.degree,
        inline_count=layout.inline_count,
        block_bytes=layout.block_bytes,
        has_codes=layout.has_codes,
        calibration=calibration,
    )
    return {
        _DESCRIPTION: description_bytes(description),
        **{name: content for name, content in large.items() if content is not None},
        **({} if wanted.has_codes else {_ROWS: array_bytes(graph.rows)}),
        _ENTRIES: array_bytes(graph.entries),
        _ENTRY_CODES: array_bytes(graph.codes[graph.order[graph.entries]]),
        _CENTER: array_bytes(coding.center),
    }


def _given(name: str, parts: Iterable[npt.NDArray[np.uint8]], context: BuildContext) -> npt.NDArray[np.uint8] | None:
    """None when the context's store has taken the artefact, else the whole of it."""
    if context.store_artefact is None:
        return np.concatenate(list(parts))
    context.store_artefact(name, parts)
    return None


def _built_graph(
    column: VectorColumn,
    metric: Metric,
    vectors: FloatRows,
    coding: Coding,
    wanted: DiskBuild,
    pool: WorkerPool,
    context: BuildContext,
) -> tuple[PlacedGraph, DiskLayout, Calibration | None]:
    """The graph, how it lies on disk, and what recall costs where a walk compares the codes that it was built on."""
    degree = max(2, min(wanted.degree, len(vectors) - 1))
    flat = written_codes(vectors, coding, pool, context)
    construction = GraphConstruction(flat, coding, degree=degree, breadth=wanted.breadth, pool=pool, context=context)
    calibration = None
    if not wanted.has_codes:
        calibration = measured(construction, column, vectors, metric, codes=flat, coding=coding)
    construction.join(len(vectors))
    built = construction.links()
    codes = flat.reshape(len(vectors), -1)
    neighbour_bytes = disk.neighbour_code_bytes(len(coding.center))
    sizes = NodeSizes(codes.shape[1] if wanted.has_codes else 0, neighbour_bytes, degree)
    inline_count = wanted.inline_count_of(sizes)
    record_bytes = sizes.record_bytes(inline_count)
    order = np.arange(len(vectors), dtype=np.uint32)
    if wanted.is_rearranged:
        order = disk.block_order(built.links, built.entries, block_nodes=nodes_per_block(record_bytes))
    entries = _entries(built.entries, len(vectors), wanted.entry_count, context.seed)
    graph = placed(codes, built.links, entries, order=order, rows=vectors.row_numbers())
    layout = DiskLayout(
        node_count=len(vectors),
        row_count=len(vectors.matrix),
        degree=degree,
        inline_count=inline_count,
        block_bytes=block_bytes_for(record_bytes),
        has_codes=wanted.has_codes,
    )
    return graph, layout, calibration


def _entries(connected: npt.NDArray[np.uint32], node_count: int, entry_count: int, seed: int) -> npt.NDArray[np.uint32]:
    """Those from which the builder made every node reachable, as far as they may be kept, and more at random."""
    kept = connected[:entry_count]
    rng = np.random.default_rng([seed, len(connected)])
    others = np.setdiff1d(np.arange(node_count, dtype=np.uint32), kept)
    more = rng.choice(others, min(len(others), entry_count - len(kept)), replace=False)
    return np.unique(np.concatenate([kept, more]))


def open_artefacts(
    column: VectorColumn,
    metric: Metric,
    artefacts: Artefacts,
    *,
    has_codes: bool,
    effort_of: _EffortIn,
    budget: tuple[float, int],
) -> VectorIndex:
    """A search over the blocks where they lie; a scan of the column when nothing was coded.

    `budget` is for nodes to be held in memory: a share of the vectors' bytes, and bytes.

    Raises:
        DataCorrupt: artefacts that do not belong together or to the column.
        Unavailable: the blocks cannot be read.
    """
    scan = ExactScan.over(column, metric)
    if scan.present_count == 0:
        return FlatIndex(scan)
    description = read_description(artefacts, _DESCRIPTION, _Description)
    description.check(scan, newest=_FORMAT_VERSION)
    if description.bits == 0:
        return FlatIndex(scan)
    check_agrees("codes in blocks", description.has_codes, has_codes)
    count, dim = description.present_count, description.dim
    center = artefact_array(artefacts, _CENTER, np.float32, dim).copy()
    entries = DiskEntries(
        artefact_array(artefacts, _ENTRIES, np.uint32).copy(), artefact_array(artefacts, _ENTRY_CODES, np.uint8).copy()
    )
    memory = None
    if not has_codes:
        codes = artefact_array(artefacts, _CODES, np.uint8)
        memory = CodesInMemory(codes, artefact_array(artefacts, _ROWS, np.uint32, count))
    vector_bytes = scan.matrix.nbytes // max(1, scan.row_count)
    nodes = artefact_array(artefacts, _NODES, np.uint8)
    coding = DiskCoding(center, description.bits, description.seed)
    layout = _layout(
        description,
        budget,
        vector_bytes=vector_bytes,
        entries_stride=len(entries.codes) // max(1, len(entries.nodes)),
    )
    file = file_behind(nodes)
    graph = reading(
        partial(
            disk.disk_graph,
            layout,
            nodes,
            coding,
            entries,
            file=None if file is None else file.part,
            memory=memory,
        )
    )
    if file is not None:
        # The checksum was computed over all of it, which is not to stay in memory; what was copied is not needed twice.
        for name in (_NODES, _ENTRIES, _ENTRY_CODES, _CENTER):
            release_pages(artefacts[name])
    held_bytes = layout.held_block_count * layout.block_bytes + entries.nodes.nbytes + entries.codes.nbytes
    return DiskIndex(
        scan=scan,
        graph=graph,
        files=(file, file_behind(scan.matrix)),
        block_bytes=layout.block_bytes,
        has_codes=memory is not None,
        reads_per_node=1 if memory is not None else reads_per_node(layout),
        effort_of=lambda params: effort_of(params, layout),
        calibration=description.calibration,
        bytes_used=IndexSize(mapped_bytes(artefacts), held_bytes + 2 * center.nbytes),
    )


def _layout(
    description: _Description, budget: tuple[float, int], *, vector_bytes: int, entries_stride: int
) -> DiskLayout:
    share, budget_bytes = budget
    code_bytes = entries_stride if description.has_codes else 0
    sizes = NodeSizes(code_bytes, disk.neighbour_code_bytes(description.dim), description.degree)
    held = held_block_count(
        budget_bytes=share * vector_bytes * description.present_count,
        node_count=description.present_count,
        vector_bytes=vector_bytes,
        sizes=sizes,
        inline_count=description.inline_count,
    )
    return DiskLayout(
        node_count=description.present_count,
        row_count=description.row_count,
        degree=description.degree,
        inline_count=description.inline_count,
        block_bytes=description.block_bytes,
        has_codes=description.has_codes,
        held_block_count=held + budget_bytes // max(1, description.block_bytes),
    )
