"""Bringing a finished graph into the order its nodes are best read in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.index.floats import FloatRows
from elanus.index.graph.coding import aligned_bytes
from elanus.index.graph.construction import Links
from elanus.kernels import graph as kernels
from elanus.runtime.pool import WorkerPool

__all__ = ["PlacedGraph", "placed"]

_STEP_NODES: Final = 8192


@dataclass(frozen=True, slots=True)
class PlacedGraph:
    """A graph whose nodes are numbered by cells.

    Attributes:
        links: (node_count, degree) uint32, `NO_NODE` behind a node's last link.
        entries: uint32, nodes where walks begin.
        codes: whole rows, flat, beginning at a cache line.
        rows: uint32, the column row of each node.
        nodes: uint32, the node of each column row, `NO_NODE` where there is none.
        cell_starts: as in `kernels.graph.Layout`.
    """

    links: npt.NDArray[np.uint32]
    entries: npt.NDArray[np.uint32]
    codes: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.uint32]
    nodes: npt.NDArray[np.uint32]
    cell_starts: npt.NDArray[np.uint32]


def placed(
    built: Links, codes: npt.NDArray[np.uint8], layout: kernels.Layout, vectors: FloatRows, pool: WorkerPool
) -> PlacedGraph:
    """Copies of links and codes in the order of the layout; `vectors` tells which row each old node was."""
    order, count = layout.order, len(layout.order)
    places = np.empty(count, np.uint32)
    places[order] = np.arange(count, dtype=np.uint32)
    links = np.empty_like(built.links)
    old_rows = codes.reshape(count, -1)
    new_codes = aligned_bytes(codes.size)
    new_rows = new_codes.reshape(count, -1)

    def move(first: int) -> None:
        block = slice(first, min(first + _STEP_NODES, count))
        moved = built.links[order[block]]
        links[block] = np.where(moved < count, places.take(moved, mode="clip"), np.uint32(kernels.NO_NODE))
        new_rows[block] = old_rows[order[block]]

    pool.map([_bound(move, first) for first in range(0, count, _STEP_NODES)])
    rows = vectors.row_numbers()[order].astype(np.uint32)
    nodes = np.full(len(vectors.matrix), kernels.NO_NODE, np.uint32)
    nodes[rows] = np.arange(count, dtype=np.uint32)
    return PlacedGraph(links, places[built.entries], new_codes, rows, nodes, layout.cell_starts)


def _bound(task: Callable[[int], None], first: int) -> Callable[[], None]:
    return lambda: task(first)
