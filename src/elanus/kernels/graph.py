"""Proximity graphs over coded vectors: vectors become codes of few bits, codes are linked, links are walked.

A row of codes is `CodeSpace.stride` bytes. Nodes are numbered as the rows of codes, below 2^31.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import CodeSpace, Graph, GraphBuilder
from elanus.kernels.loader import active

__all__ = ["NO_NODE", "Cells", "CodeSpace", "Graph", "GraphBuilder", "code_space", "graph", "graph_builder"]

NO_NODE = 0xFFFFFFFF
"""What follows the last link of a node that has fewer than the degree."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Nodes by the one of a few heads that is nearest to each.

    Attributes:
        heads: uint32, a node of each cell, at least one.
        starts: uint32, one more than heads: where the nodes of each cell begin, and how many there are in all.
        nodes: uint32, cell after cell.
    """

    heads: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.uint32]
    nodes: npt.NDArray[np.uint32]


def code_space(center: npt.NDArray[np.float32], *, bits: int, seed: int) -> CodeSpace:
    """How vectors with as many elements as `center` become codes of 4 or 7 `bits` an element.

    The center is taken from every vector, the rest is rotated at random: `seed` gives the same rotation everywhere.

    Raises:
        TypeError, ValueError: a wrong dtype or number.
    """
    return active.backend.CodeSpace(center, bits, seed)


def graph_builder(
    codes: npt.NDArray[np.uint8],
    center: npt.NDArray[np.float32],
    order: npt.NDArray[np.uint32],
    *,
    bits: int,
    seed: int,
    degree: int,
    breadth: int,
    alpha: float,
) -> GraphBuilder:
    """A graph to be built over rows of `codes` (flat, not copied), which join in `order`.

    Args:
        codes: whole rows, as `code_space(center, bits=bits, seed=seed)` gives them.
        center: as it was for the codes.
        order: every row number once.
        bits: as for the codes.
        seed: as for the codes.
        degree: links a node may have, 2 or more.
        breadth: candidates kept while a row's place is searched.
        alpha: a link is left out when another's node is nearer to its end by this factor, 1 or more.

    Raises:
        TypeError, ValueError: a wrong dtype or number.
    """
    return active.backend.GraphBuilder(codes, center, bits, seed, order, degree, breadth, alpha)


def graph(
    links: npt.NDArray[np.uint32],
    codes: npt.NDArray[np.uint8],
    entries: npt.NDArray[np.uint32],
    center: npt.NDArray[np.float32],
    rows: npt.NDArray[np.uint32] | None,
    cells: Cells | None = None,
    *,
    bits: int,
    seed: int,
) -> Graph:
    """A graph to be searched; it reads its arrays in place and keeps them.

    Args:
        links: (node_count, degree), `NO_NODE` behind a node's last link.
        codes: whole rows, flat.
        entries: nodes where walks begin, at least one.
        center: as it was for the codes.
        rows: the column row of each node, ascending; None where nodes are rows.
        cells: of the nodes, for searches with `patience`.
        bits: as for the codes.
        seed: as for the codes.

    Raises:
        TypeError, ValueError: a wrong dtype or number.
    """
    arrays = None if cells is None else (cells.heads, cells.starts, cells.nodes)
    return active.backend.Graph(links, codes, entries, center, bits, seed, rows, arrays)
