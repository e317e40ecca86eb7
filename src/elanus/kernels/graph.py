"""Proximity graphs over coded vectors: vectors become codes of few bits, codes are linked, links are walked.

A row of codes is `CodeSpace.stride` bytes. Nodes are numbered as the rows of codes, below 2^31.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import CodeSpace, Graph, GraphBuilder
from elanus.kernels.loader import active

__all__ = [
    "NO_NODE",
    "CodeSpace",
    "Graph",
    "GraphBuilder",
    "Layout",
    "Numbering",
    "code_space",
    "graph",
    "graph_builder",
    "lay_out",
]

NO_NODE = 0xFFFFFFFF
"""What follows the last link of a node that has fewer than the degree."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Nodes numbered anew by cells: the heads first, then cell after cell.

    Attributes:
        order: uint32, the old number of each node.
        cell_starts: uint32, where the nodes of each cell begin, its head aside; behind the last the number of nodes.
    """

    order: npt.NDArray[np.uint32]
    cell_starts: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Numbering:
    """Which node of a graph is which row of a column, and in which cell.

    Attributes:
        rows: uint32, the row of each node; None where nodes are rows.
        nodes: uint32, the node of each row, `NO_NODE` for a row without; saves a scan under a filter from asking every
            node.
        cell_starts: as in `Layout`, of nodes numbered like that; for searches with `patience`.
    """

    rows: npt.NDArray[np.uint32] | None
    nodes: npt.NDArray[np.uint32] | None = None
    cell_starts: npt.NDArray[np.uint32] | None = None


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


def lay_out(links: npt.NDArray[np.uint32], heads: npt.NDArray[np.uint32], cells: npt.NDArray[np.uint32]) -> Layout:
    """An order in which nodes that a walk meets together lie together, so that it touches fewer pages.

    Within a cell nodes come in the order in which links that stay in it lead to them from its head, breadth first.

    Args:
        links: (node_count, degree), `NO_NODE` behind a node's last link.
        heads: a node of each cell, none twice, at least one.
        cells: the place in `heads` of each node's cell; a head belongs to its own, whatever stands here.

    Raises:
        TypeError, ValueError: a wrong dtype or number.
    """
    return Layout(*active.backend.lay_out_graph(links, heads, cells))


def graph(
    links: npt.NDArray[np.uint32],
    codes: npt.NDArray[np.uint8],
    entries: npt.NDArray[np.uint32],
    center: npt.NDArray[np.float32],
    numbering: Numbering | None = None,
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
        numbering: which node is which row; None where nodes are rows.
        bits: as for the codes.
        seed: as for the codes.

    Raises:
        TypeError, ValueError: a wrong dtype or number.
    """
    arrays = None if numbering is None else (numbering.rows, numbering.nodes, numbering.cell_starts)
    return active.backend.Graph(links, codes, entries, center, bits, seed, arrays)
