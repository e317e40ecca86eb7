"""Building a graph over codes: in batches that depend on their order alone, each in steps that run on all threads."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.index.graph.coding import Coding
from elanus.index.protocol import BuildContext
from elanus.kernels import graph as kernels
from elanus.runtime.pool import WorkerPool

__all__ = ["GraphConstruction", "Links"]

ALPHA: Final = 1.1
"""A link is left out when another one's node is nearer to its end by this factor. Larger ones cost more links for the
same recall."""

_PART_PLACES: Final = 64
_PARTS_PER_THREAD: Final = 4
_STEP_NODES: Final = 4096


@dataclass(frozen=True, slots=True)
class Links:
    """A built graph.

    Attributes:
        links: (node_count, degree) uint32, `NO_NODE` behind a node's last link.
        entries: uint32, nodes where walks begin.
    """

    links: npt.NDArray[np.uint32]
    entries: npt.NDArray[np.uint32]


class GraphConstruction:
    """A graph while it is built; the same for any number of threads.

    Attributes:
        order: uint32, the nodes in the order in which they join.
    """

    def __init__(
        self,
        codes: npt.NDArray[np.uint8],
        coding: Coding,
        *,
        degree: int,
        breadth: int,
        pool: WorkerPool,
        context: BuildContext,
    ) -> None:
        """`codes` are whole rows, flat; `breadth` is how many candidates a node's links are chosen from."""
        stride = kernels.code_space(coding.center, bits=coding.bits, seed=coding.seed).stride
        self._count: Final = len(codes) // stride
        self.order: Final = np.random.default_rng(context.seed).permutation(self._count).astype(np.uint32)
        self._pool: Final = pool
        self._context: Final = context
        self._builder: Final = kernels.graph_builder(
            codes,
            coding.center,
            self.order,
            bits=coding.bits,
            seed=coding.seed,
            degree=degree,
            breadth=breadth,
            alpha=ALPHA,
        )

    def join(self, last: int) -> None:
        """Joins the nodes before place `last` of the order.

        Raises:
            Unavailable: cancelled; asked between batches, each at most a fiftieth of the rows.
        """
        part_count = self._pool.thread_count * _PARTS_PER_THREAD
        while self._builder.joined_count < last:
            self._context.check_cancelled()
            start, stop = self._builder.joined_count, self._builder.begin_batch(last)
            self._pool.map(_over(self._builder.propose, start, stop, _PART_PLACES))
            self._builder.join(stop)
            self._pool.map([_call(self._builder.link_back, part, part_count) for part in range(part_count)])
            self._context.progress(stop / self._count)

    def links(self) -> Links:
        """The graph of the nodes that have joined, a copy."""
        self._pool.map(_over(self._builder.trim, 0, self._count, _STEP_NODES))
        return Links(self._builder.links(), self._builder.entries())

    def layout(self, links: npt.NDArray[np.uint32]) -> kernels.Layout:
        """Where the nodes of the finished graph lie best, by cells around a random few, the root of their number."""
        heads = self.order[: max(1, math.isqrt(self._count))]
        cells = np.empty(self._count, np.uint32)

        def place(first: int, last: int) -> None:
            self._context.check_cancelled()
            cells[first:last] = self._builder.nearest(heads, first, last)

        self._pool.map(_over(place, 0, self._count, _STEP_NODES))
        return kernels.lay_out(links, heads, cells)

    def finished(self) -> Links:
        """The graph of all nodes, each of which can be reached."""
        self.join(self._count)
        self._pool.map(_over(self._builder.trim, 0, self._count, _STEP_NODES))
        self._builder.connect()
        return Links(self._builder.links(), self._builder.entries())


def _call(step: Callable[[int, int], None], first: int, second: int) -> Callable[[], None]:
    return lambda: step(first, second)


def _over(step: Callable[[int, int], None], first: int, last: int, size: int) -> list[Callable[[], None]]:
    """The step over `first` to `last` (exclusive), in parts of `size`."""
    return [_call(step, start, min(start + size, last)) for start in range(first, last, size)]
