"""The values a graph on disk is described by: where its nodes lie, what is held in memory, how it is searched."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["CodesInMemory", "DiskCoding", "DiskEntries", "DiskLayout", "DiskPlan", "FilePart"]

FilePart = tuple[int, int]
"""A file descriptor and the offset in bytes where something begins."""


@dataclass(frozen=True, slots=True)
class DiskLayout:
    """How the nodes of a graph lie in blocks.

    A block is whole records of nodes in sequence, zeros, and the CRC-32C of what is before it. A record is the node's
    codes if `has_codes`, its row, its links, and codes of the first `inline_count` neighbours; numbers are uint32.

    Attributes:
        node_count: nodes.
        row_count: rows of the column.
        degree: links of a record, ended by one that is no node where there are fewer.
        inline_count: neighbours whose codes are in the record.
        block_bytes: a multiple of 512.
        has_codes: whether the record has the node's own codes.
        held_block_count: blocks, from the first, to be held in memory.
    """

    node_count: int
    row_count: int
    degree: int
    inline_count: int
    block_bytes: int
    has_codes: bool
    held_block_count: int = 0


@dataclass(frozen=True, slots=True)
class DiskCoding:
    """How vectors became codes, as for `graph.code_space`."""

    center: npt.NDArray[np.float32]
    bits: int
    seed: int


@dataclass(frozen=True, slots=True)
class DiskEntries:
    """Where walks begin: `nodes` (uint32), at least one, and their rows of `codes`, flat."""

    nodes: npt.NDArray[np.uint32]
    codes: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CodesInMemory:
    """What is at hand of every node: rows of `codes`, flat, and the column's `rows` (uint32)."""

    codes: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class DiskPlan:
    """What a search does.

    Attributes:
        k: rows wanted, 1 or more.
        breadth: allowed nodes that must be nearer than any left to follow, `k` or more.
        beam_width: nodes whose blocks are read at once.
        vector_batch: vectors read at once after the first `k`.
        expanded_max: nodes that may be followed under a filter before the walk is given up; 0 not to walk.
        scan_kept_max: rows a scan of codes may keep, where those it does not keep may belong to the answer too, before
            it is given up and nothing is found; `breadth` when it is less.
        block_capacity: blocks kept while the call lasts, `beam_width` or more.
    """

    k: int
    breadth: int
    beam_width: int
    vector_batch: int
    expanded_max: int
    scan_kept_max: int
    block_capacity: int
