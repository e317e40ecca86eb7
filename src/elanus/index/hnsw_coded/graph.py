"""A graph as plain arrays: what is stored, and the same graph inside faiss without a copy of its neighbour lists.

Every row has one place per level it is on, level 0 first: 2 M neighbours on level 0 and M on each level above, row
numbers as int32, -1 where there is no neighbour. Places of a row lie together, rows in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.errors import DataCorrupt
from elanus.index.artefacts import array_bytes, artefact_array
from elanus.index.faiss_bridge import int32_view, load_faiss

__all__ = ["Graph", "GraphShape"]

LEVELS: Final = "levels"
NEIGHBOURS: Final = "neighbours"


class GraphShape(msgspec.Struct, frozen=True):
    """The numbers of a graph that are not arrays.

    Attributes:
        degree: M, neighbours a row has on each level but the lowest, where it has twice as many.
        entry_row: where a search begins.
        top_level: the highest level, from 0.
    """

    degree: int
    entry_row: int
    top_level: int


@dataclass(frozen=True, slots=True)
class Graph:
    """The links between rows.

    Attributes:
        shape: the numbers that are not arrays.
        levels: uint8, how many levels each row is on, at least 1.
        neighbours: int32, all places of all rows.
    """

    shape: GraphShape
    levels: npt.NDArray[np.uint8]
    neighbours: npt.NDArray[np.int32]

    @classmethod
    def from_faiss(cls, index: Any, degree: int) -> Self:
        """The graph of a faiss HNSW index, copied."""
        faiss = load_faiss()
        hnsw = index.hnsw
        neighbours = faiss.rev_swig_ptr(hnsw.neighbors.data(), hnsw.neighbors.size()).copy()
        levels = faiss.vector_to_array(hnsw.levels)
        assert levels.max(initial=1) < 256, "levels are drawn with falling odds and stay far below 256"
        shape = GraphShape(degree=degree, entry_row=int(hnsw.entry_point), top_level=int(hnsw.max_level))
        return cls(shape=shape, levels=levels.astype(np.uint8), neighbours=neighbours)

    @classmethod
    def from_artefacts(cls, artefacts: Mapping[str, memoryview | pa.Buffer], shape: GraphShape, row_count: int) -> Self:
        """The graph over mapped artefacts.

        Raises:
            DataCorrupt: arrays that do not fit each other or the row count.
        """
        levels = artefact_array(artefacts, LEVELS, np.uint8, row_count)
        if not 0 <= shape.entry_row < row_count or int(levels[shape.entry_row]) != shape.top_level + 1:
            raise DataCorrupt(
                "malformed_file",
                f"index artefacts name entry row {shape.entry_row} on level {shape.top_level}, "
                f"which is not in a graph of {row_count} rows; rebuild the index",
            )
        neighbours = artefact_array(artefacts, NEIGHBOURS, np.int32, int(_offsets(levels, shape.degree)[-1]))
        return cls(shape=shape, levels=levels, neighbours=neighbours)

    def artefacts(self) -> dict[str, npt.NDArray[np.uint8]]:
        """The arrays as named bytes."""
        return {LEVELS: array_bytes(self.levels), NEIGHBOURS: array_bytes(self.neighbours)}

    def spread(self, rows: npt.NDArray[np.int64], row_count: int) -> "Graph":
        """The same graph with its i-th row numbered `rows[i]` (ascending), among `row_count` rows.

        The other rows have empty places on level 0 and no row points to them, so no search meets them.
        """
        levels = np.ones(row_count, np.uint8)
        levels[rows] = self.levels
        present = np.zeros(row_count, np.bool_)
        present[rows] = True
        place_counts = np.diff(_offsets(levels, self.shape.degree))
        neighbours = np.full(int(place_counts.sum()), -1, np.int32)
        linked = self.neighbours >= 0
        renumbered = np.full(len(self.neighbours), -1, np.int32)
        renumbered[linked] = rows[self.neighbours[linked]]
        neighbours[np.repeat(present, place_counts)] = renumbered
        shape = GraphShape(
            degree=self.shape.degree, entry_row=int(rows[self.shape.entry_row]), top_level=self.shape.top_level
        )
        return Graph(shape=shape, levels=levels, neighbours=neighbours)

    def to_faiss(self, storage: Any) -> Any:
        """A faiss index that searches this graph over `storage`.

        It reads `neighbours` in place, so the graph's arrays and the storage must outlive it; levels and offsets are
        copied, 12 bytes a row.
        """
        faiss = load_faiss()
        index = faiss.IndexHNSW(storage, self.shape.degree)
        hnsw = index.hnsw
        faiss.copy_array_to_vector(self.levels.astype(np.int32), hnsw.levels)
        faiss.copy_array_to_vector(_offsets(self.levels, self.shape.degree).astype(np.uint64), hnsw.offsets)
        hnsw.neighbors = int32_view(hnsw.neighbors, self.neighbours)
        hnsw.entry_point = self.shape.entry_row
        hnsw.max_level = self.shape.top_level
        index.ntotal = len(self.levels)
        return index


def _offsets(levels: npt.NDArray[np.uint8], degree: int) -> npt.NDArray[np.int64]:
    """Where the places of each row begin, and at last their number."""
    offsets = np.zeros(len(levels) + 1, np.int64)
    np.cumsum((levels.astype(np.int64) + 1) * degree, out=offsets[1:])
    return offsets
