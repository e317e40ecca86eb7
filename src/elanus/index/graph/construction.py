"""Building a graph over codes: in batches that depend on their order alone, each in steps that run on all threads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.index.graph.coding import Coding
from elanus.index.protocol import BuildContext
from elanus.kernels import graph as kernels
from elanus.runtime.pool import WorkerPool

__all__ = ["Links", "build_links"]

ALPHA: Final = 1.1
"""A link is left out when another one's node is nearer to its end by this factor. Larger ones cost more links for the
same recall."""

_PART_PLACES: Final = 64
_PARTS_PER_THREAD: Final = 4
_TRIM_NODES: Final = 4096


@dataclass(frozen=True, slots=True)
class Links:
    """A built graph.

    Attributes:
        links: (node_count, degree) uint32, `NO_NODE` behind a node's last link.
        entries: uint32, nodes where walks begin.
    """

    links: npt.NDArray[np.uint32]
    entries: npt.NDArray[np.uint32]


def build_links(
    codes: npt.NDArray[np.uint8],
    coding: Coding,
    *,
    degree: int,
    breadth: int,
    pool: WorkerPool,
    context: BuildContext,
) -> Links:
    """The graph over rows of codes; the same for any number of threads.

    Raises:
        Unavailable: cancelled; asked between batches, each at most a fiftieth of the rows.
    """
    stride = kernels.code_space(coding.center, bits=coding.bits, seed=coding.seed).stride
    count = len(codes) // stride
    order = np.random.default_rng(context.seed).permutation(count).astype(np.uint32)
    builder = kernels.graph_builder(
        codes, coding.center, order, bits=coding.bits, seed=coding.seed, degree=degree, breadth=breadth, alpha=ALPHA
    )
    part_count = pool.thread_count * _PARTS_PER_THREAD
    while builder.joined_count < count:
        context.check_cancelled()
        first, last = builder.joined_count, builder.begin_batch()
        pool.map(_over(builder.propose, first, last, _PART_PLACES))
        builder.join(last)
        pool.map([_call(builder.link_back, part, part_count) for part in range(part_count)])
        context.progress(last / count)
    pool.map(_over(builder.trim, 0, count, _TRIM_NODES))
    builder.connect()
    return Links(builder.links(), builder.entries())


def _call(step: Callable[[int, int], None], first: int, second: int) -> Callable[[], None]:
    return lambda: step(first, second)


def _over(step: Callable[[int, int], None], first: int, last: int, size: int) -> list[Callable[[], None]]:
    """The step over `first` to `last` (exclusive), in parts of `size`."""
    return [_call(step, start, min(start + size, last)) for start in range(first, last, size)]
