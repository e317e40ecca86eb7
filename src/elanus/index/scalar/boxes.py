"""A tree of bounding boxes: RTREE.

The boxes of the rows lie in the order of a Hilbert curve, so that neighbours share a node; each level has the boxes
around the nodes below (Kamel and Faloutsos, "On packing R-trees", CIKM 1993). Boxes are single floats rounded outwards:
what they let through is looked at.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.numbers import number_values
from elanus.index.artefacts import array_bytes, artefact_array, mapped_bytes
from elanus.index.protocol import BuildContext, IndexSize
from elanus.index.scalar.hilbert import hilbert_order
from elanus.index.scalar.protocol import BoxCovers, BoxMeets, Lookup, NearPoint, RowMatch, RowSets
from elanus.index.scalar.sphere_reach import within_reach

__all__ = ["BoxTree", "box_artefacts", "open_boxes"]

Boxes = npt.NDArray[np.float32]
Test = Callable[[Boxes], npt.NDArray[np.bool_]]

# Children of a node. Nodes are `(4, 32)`: left, low, right and high sides; places without a child are NaN.
_FANOUT: Final = 32
_NODE_NS: Final = 300
_ROW_NS: Final = 2
_LEVEL_NS: Final = 10_000


class BoxTree:
    """An opened index."""

    __slots__ = ("_levels", "_rows", "_sets", "_size")

    def __init__(self, levels: list[Boxes], rows: npt.NDArray[np.uint32], sets: RowSets, size: IndexSize) -> None:
        """`levels` begin with the boxes of `rows`, each `(nodes, 4, 32)`; the last has at most one node."""
        self._levels: Final = levels
        self._rows: Final = rows
        self._sets: Final = sets
        self._size: Final = size

    @property
    def sets(self) -> RowSets:
        return self._sets

    def size(self) -> IndexSize:
        return self._size

    def match(self, lookup: Lookup) -> RowMatch | None:
        test = _box_test(lookup)
        if test is None:
            return None
        leaves = np.arange(len(self._levels[-1]))
        for level in reversed(self._levels[1:]):
            leaves = _hits(level, leaves, test)
        work = len(self._levels) * _LEVEL_NS + len(leaves) * (_NODE_NS + _FANOUT * _ROW_NS)
        count = min(len(leaves) * _FANOUT, len(self._rows))
        return RowMatch(count, work, is_exact=False, find=partial(self._found, leaves, test))

    def _found(self, leaves: npt.NDArray[np.int64], test: Test) -> Bitset:
        places = _hits(self._levels[0], leaves, test)
        return Bitset.from_rows(self._rows[places], self._sets.row_count)


def box_artefacts(column: pa.Array, context: BuildContext) -> dict[str, npt.NDArray[np.uint8]]:
    """The files of an index over boxes: lists of four doubles (left, low, right, high), or null."""
    known = column.drop_null()
    sides = number_values(known.flatten()).reshape(-1, 4)
    present = np.flatnonzero(number_values(column.is_valid().cast(pa.uint8()))).astype(np.uint32)
    # Halves first, because a sum of doubles need not be a double.
    order = hilbert_order(sides[:, 0] / 2 + sides[:, 2] / 2, sides[:, 1] / 2 + sides[:, 3] / 2)
    context.check_cancelled()
    levels = [_nodes(_outwards(sides[order]))]
    while len(levels[-1]) > 1:
        children = levels[-1]
        around = np.concatenate(
            (np.fmin.reduce(children[:, :2], axis=2), np.fmax.reduce(children[:, 2:], axis=2)), axis=1
        )
        levels.append(_nodes(around))
    return {
        "boxes": array_bytes(np.concatenate(levels)),
        "rows": array_bytes(present[order]),
    }


def open_boxes(artefacts: Mapping[str, memoryview | pa.Buffer], sets: RowSets, *, box_count: int) -> BoxTree:
    """The index in files that `box_artefacts` made of `box_count` boxes; a view of them.

    Raises:
        DataCorrupt: they do not belong together.
    """
    rows = artefact_array(artefacts, "rows", np.uint32, box_count)
    node_counts = [-(-box_count // _FANOUT)]
    while node_counts[-1] > 1:
        node_counts.append(-(-node_counts[-1] // _FANOUT))
    boxes = artefact_array(artefacts, "boxes", np.float32, sum(node_counts) * 4 * _FANOUT).reshape(-1, 4, _FANOUT)
    ends = np.cumsum(node_counts).tolist()
    levels = [boxes[end - count : end] for end, count in zip(ends, node_counts, strict=True)]
    return BoxTree(levels, rows, sets, IndexSize(mapped_bytes(artefacts), memory_bytes=0))


def _box_test(lookup: Lookup) -> Test | None:
    match lookup:
        case BoxMeets():
            left, low, right, high = _outwards(np.array([lookup.box]))[0]
            return lambda boxes: (
                (boxes[..., 0, :] <= right)
                & (boxes[..., 2, :] >= left)
                & (boxes[..., 1, :] <= high)
                & (boxes[..., 3, :] >= low)
            )
        case BoxCovers():
            # The sides of both are rounded, theirs outwards, so these may be by either way.
            with np.errstate(over="ignore"):
                left, low, right, high = np.array(lookup.box).astype(np.float32)
            return lambda boxes: (
                (boxes[..., 0, :] <= left)
                & (boxes[..., 2, :] >= right)
                & (boxes[..., 1, :] <= low)
                & (boxes[..., 3, :] >= high)
            )
        case NearPoint():
            return lambda boxes: within_reach(boxes, lookup)
        case _:
            return None


def _hits(level: Boxes, nodes: npt.NDArray[np.int64], test: Test) -> npt.NDArray[np.int64]:
    """The children of some nodes that pass, as places in the level below."""
    every = len(nodes) == len(level)
    passing = test(level if every else level[nodes])
    node, child = np.nonzero(passing)
    return (node if every else nodes[node]) * _FANOUT + child


def _outwards(sides: npt.NDArray[Any]) -> Boxes:
    """Boxes `(count, 4)` as single floats that are not inside of the given ones."""
    with np.errstate(over="ignore"):
        rounded = sides.astype(np.float32)
    lower, upper = rounded[:, :2], rounded[:, 2:]
    with np.errstate(over="ignore"):
        lower = np.where(lower > sides[:, :2], np.nextafter(lower, np.float32(-np.inf)), lower)
        upper = np.where(upper < sides[:, 2:], np.nextafter(upper, np.float32(np.inf)), upper)
    return np.concatenate((lower, upper), axis=1)


def _nodes(boxes: Boxes) -> Boxes:
    """Boxes `(count, 4)` as nodes `(nodes, 4, 32)`."""
    count = -(-len(boxes) // _FANOUT)
    padded = np.full((count * _FANOUT, 4), np.nan, np.float32)
    padded[: len(boxes)] = boxes
    return np.ascontiguousarray(padded.reshape(count, _FANOUT, 4).transpose(0, 2, 1))
