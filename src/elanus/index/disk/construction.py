"""Building a graph on disk: codes and links in memory, then blocks of nodes made and given away one after the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.index.artefacts import array_bytes
from elanus.index.disk.layout import CHECKSUM_BYTES
from elanus.index.protocol import BuildContext
from elanus.kernels import checksum, disk
from elanus.kernels.graph import NO_NODE
from elanus.kernels.placement import DiskCoding, DiskLayout
from elanus.runtime.pool import WorkerPool

__all__ = ["PlacedGraph", "block_parts", "code_parts", "placed"]

_PART_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class PlacedGraph:
    """A built graph whose nodes are numbered by their places on disk.

    Attributes:
        codes: rows in the order they were coded in, (node_count, stride).
        order: which of those each place holds.
        links: (node_count, degree) places.
        entries: places where walks begin.
        rows: the column row of each place.
    """

    codes: npt.NDArray[np.uint8]
    order: npt.NDArray[np.uint32]
    links: npt.NDArray[np.uint32]
    entries: npt.NDArray[np.uint32]
    rows: npt.NDArray[np.uint32]


def placed(
    codes: npt.NDArray[np.uint8],
    links: npt.NDArray[np.uint32],
    entries: npt.NDArray[np.uint32],
    *,
    order: npt.NDArray[np.uint32],
    rows: npt.NDArray[np.int64],
) -> PlacedGraph:
    """A graph with node `order[i]` at place i; `rows` has the column row of each node."""
    place_of = np.empty(len(order), np.uint32)
    place_of[order] = np.arange(len(order), dtype=np.uint32)
    moved = links[order]
    is_node = moved != NO_NODE
    moved[is_node] = place_of[moved[is_node]]
    return PlacedGraph(codes, order, moved, place_of[entries], rows[order].astype(np.uint32))


def code_parts(graph: PlacedGraph) -> Iterator[npt.NDArray[np.uint8]]:
    """The codes by place, flat, a part at a time."""
    step = max(1, _PART_BYTES // graph.codes.shape[1])
    for start in range(0, len(graph.order), step):
        yield array_bytes(graph.codes[graph.order[start : start + step]])


def block_parts(
    graph: PlacedGraph,
    layout: DiskLayout,
    coding: DiskCoding,
    *,
    with_norms: bool,
    pool: WorkerPool,
    context: BuildContext,
) -> Iterator[npt.NDArray[np.uint8]]:
    """The blocks in order, flat, a part of 4 MiB a thread at a time.

    Raises:
        Unavailable: cancelled; asked between parts.
    """
    writer = _BlockWriter(graph, layout, coding, with_norms=with_norms)
    step = max(1, _PART_BYTES // layout.block_bytes) * writer.nodes_per_block
    group = step * pool.thread_count
    for first in range(0, layout.node_count, group):
        context.check_cancelled()
        starts = range(first, min(first + group, layout.node_count), step)
        yield from pool.map([_bound(writer.blocks, start, min(start + step, layout.node_count)) for start in starts])


class _BlockWriter:
    def __init__(self, graph: PlacedGraph, layout: DiskLayout, coding: DiskCoding, *, with_norms: bool) -> None:
        self._graph: Final = graph
        self._layout: Final = layout
        self._coder: Final = disk.neighbour_coder(coding, with_norms=with_norms)
        code_bytes = graph.codes.shape[1] if layout.has_codes else 0
        self._record_bytes: Final = code_bytes + 4 + 4 * layout.degree + layout.inline_count * self._coder.code_bytes
        self.nodes_per_block: Final = (layout.block_bytes - CHECKSUM_BYTES) // self._record_bytes

    def blocks(self, first: int, last: int) -> npt.NDArray[np.uint8]:
        """The blocks of places `first` to `last` (exclusive), flat."""
        records = np.zeros(
            (-(-(last - first) // self.nodes_per_block) * self.nodes_per_block, self._record_bytes), np.uint8
        )
        records[: last - first] = self._records(first, last)
        by_block = records.reshape(-1, self.nodes_per_block * self._record_bytes)
        contents = np.zeros((len(by_block), self._layout.block_bytes - CHECKSUM_BYTES), np.uint8)
        contents[:, : by_block.shape[1]] = by_block
        sums = checksum.blocks_crc32c(contents, contents.shape[1])
        return np.concatenate([contents, sums.view(np.uint8).reshape(-1, CHECKSUM_BYTES)], axis=1).reshape(-1)

    def _records(self, first: int, last: int) -> npt.NDArray[np.uint8]:
        graph, layout = self._graph, self._layout
        parts = [
            np.ascontiguousarray(graph.rows[first:last]).view(np.uint8).reshape(-1, 4),
            np.ascontiguousarray(graph.links[first:last]).view(np.uint8).reshape(last - first, -1),
        ]
        nodes = graph.order[first:last]
        if layout.has_codes:
            parts.insert(0, graph.codes[nodes])
        if layout.inline_count:
            near = graph.links[first:last, : layout.inline_count]
            is_node = near != NO_NODE
            coded = np.where(is_node, graph.order[np.where(is_node, near, 0)], np.uint32(NO_NODE))
            codes = graph.codes.reshape(-1)
            parts.append(self._coder.encode(codes, np.ascontiguousarray(nodes), np.ascontiguousarray(coded, np.uint32)))
        return np.concatenate(parts, axis=1)


def _bound(
    task: Callable[[int, int], npt.NDArray[np.uint8]], first: int, last: int
) -> Callable[[], npt.NDArray[np.uint8]]:
    return lambda: task(first, last)
