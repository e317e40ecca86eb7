"""Graphs that are searched where they lie: blocks of nodes in a file, with little or nothing of them in memory."""

from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import DiskGraph, NeighbourCoder
from elanus.kernels.loader import active
from elanus.kernels.placement import CodesInMemory, DiskCoding, DiskEntries, DiskLayout, FilePart

__all__ = ["DiskGraph", "NeighbourCoder", "block_order", "disk_graph", "neighbour_code_bytes", "neighbour_coder"]

_WIDTH_STEP: Final = 128
_HEAD_BYTES: Final = 8


def block_order(
    links: npt.NDArray[np.uint32], entries: npt.NDArray[np.uint32], *, block_nodes: int
) -> npt.NDArray[np.uint32]:
    """The nodes in an order that puts linked ones into the same block of `block_nodes`, those near `entries` first.

    Raises:
        TypeError, ValueError: a wrong dtype or number.
    """
    return active.backend.block_order(links, entries, block_nodes)


def neighbour_code_bytes(dim: int) -> int:
    """Bytes of the code of one neighbour."""
    return -(-dim // _WIDTH_STEP) * _WIDTH_STEP // 8 + _HEAD_BYTES


def neighbour_coder(coding: DiskCoding, *, with_norms: bool) -> NeighbourCoder:
    """Writes codes of neighbours; `with_norms` for distances, not for inner products.

    Raises:
        TypeError, ValueError: a wrong dtype or number.
    """
    return active.backend.NeighbourCoder(coding.center, coding.bits, coding.seed, with_norms)


def disk_graph(
    layout: DiskLayout,
    blocks: npt.NDArray[np.uint8],
    coding: DiskCoding,
    entries: DiskEntries,
    *,
    file: FilePart | None,
    memory: CodesInMemory | None,
) -> DiskGraph:
    """A graph to be searched; it keeps its arrays.

    Args:
        layout: how the nodes lie.
        blocks: all of them, flat; not looked at when there is a file.
        coding: as it was for the codes.
        entries: where walks begin.
        file: where the blocks are read from.
        memory: the codes, when records do not have them.

    Raises:
        TypeError, ValueError: a wrong dtype or number, or a damaged block among those held.
        OSError: the file cannot be read.
    """
    return active.backend.DiskGraph(layout, blocks, file, memory, entries, coding)
