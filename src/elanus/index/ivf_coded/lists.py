"""Inverted lists of product codes inside one faiss index, whose bytes are the artefact.

Rows belong to the nearest centroid by Euclidean distance under every metric, as in `index.ivf`; their difference from
it is coded (Jégou, Douze, Schmid 2011). The codes are read in place once opened.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.errors import DataCorrupt
from elanus.index.artefacts import artefact_array, check_agrees
from elanus.index.exact import ExactScan
from elanus.index.faiss_bridge import (
    bitmap_selector,
    faiss_metric,
    found_in_blocks,
    load_faiss,
    opened,
    quicken_training,
    training_threads,
    with_threads,
)
from elanus.index.floats import FloatRows
from elanus.index.ivf.clustering import assigned_lists, fitting_list_count, trained_centroids
from elanus.index.planning import ListCosts, SearchPlan, plan_list_search
from elanus.index.protocol import Artefacts, BuildContext
from elanus.schema.types import Metric

__all__ = ["LISTS", "CodedLists", "coded_lists", "fitting_bit_count", "open_lists"]

LISTS: Final = "lists"

_TRAINING_ROWS_MAX: Final = 65_536
_ROWS_PER_CODE_MIN: Final = 4
_CODED_SHARE: Final = 0.5

PoolOf = Callable[[int, Mapping[str, Any]], int]
"""How many candidates a search for k rows takes from the codes, given its parameters."""


def fitting_bit_count(nbits: int, row_count: int) -> int:
    """`nbits`, or fewer so that a code has at least 4 rows to be learned from; at least 1."""
    return max(1, min(nbits, (row_count // _ROWS_PER_CODE_MIN).bit_length() - 1))


def coded_lists(
    vectors: FloatRows, metric: Metric, *, nlist: int, part_count: int, nbits: int, context: BuildContext
) -> Any:
    """A faiss IVFPQ index over the present rows (at least one), with row numbers of the column as its ids.

    Codes have `part_count` parts, which divides the dimension, of `nbits` bits. Cancellation is polled every block.

    Raises:
        Unavailable: cancelled.
    """
    list_count = fitting_list_count(nlist, len(vectors))
    centroids = trained_centroids(vectors, list_count, context)
    assigned = assigned_lists(vectors, centroids, context)
    context.check_cancelled()
    faiss = with_threads(training_threads(len(vectors), context.thread_count))
    number = faiss_metric(metric)
    quantizer = faiss.IndexFlat(vectors.dim, number)
    quantizer.add(centroids)
    index = faiss.IndexIVFPQ(quantizer, vectors.dim, list_count, part_count, nbits, number)
    index.use_precomputed_table = -1
    quicken_training(index.pq, context.seed)
    sampled = np.random.default_rng(context.seed).permutation(len(vectors))[:_TRAINING_ROWS_MAX]
    index.train(vectors.taken(np.sort(sampled)))
    numbers = vectors.row_numbers()
    for start, block in vectors.blocks():
        context.check_cancelled()
        faiss = with_threads(context.thread_count)
        stop = start + len(block)
        ids, lists = np.ascontiguousarray(numbers[start:stop]), assigned[start:stop].astype(np.int64)
        index.add_core(len(block), faiss.swig_ptr(block), faiss.swig_ptr(ids), faiss.swig_ptr(lists))
        context.progress(_CODED_SHARE + (1 - _CODED_SHARE) * stop / len(vectors))
    return index


def open_lists(artefacts: Artefacts, scan: ExactScan, class_name: str) -> Any:
    """The faiss index of class `class_name` over the mapped artefact.

    Raises:
        DataCorrupt: unreadable, of another class, or of another column.
    """
    index = opened(artefact_array(artefacts, LISTS, np.uint8), name=LISTS)
    faiss = load_faiss()
    if not isinstance(index, getattr(faiss, class_name)):
        raise DataCorrupt(
            "malformed_file",
            f"index artefact {LISTS!r} holds a {type(index).__name__}, expected a {class_name}; rebuild the index",
        )
    check_agrees("dim", int(index.d), scan.matrix.shape[1])
    check_agrees("count of coded rows", int(index.ntotal), scan.present_count)
    check_agrees("metric of codes", int(index.metric_type), faiss_metric(scan.metric))
    return index


@dataclass(frozen=True, slots=True)
class CodedLists:
    """Candidates from product codes: a `CandidateSource`.

    Attributes:
        lists: the faiss index.
        costs: what it spends on a row.
        pool_of: how many candidates a search takes.
        held: what the faiss index reads in place.
    """

    lists: Any
    costs: ListCosts
    pool_of: PoolOf
    held: object

    def plan(self, k: int, params: Mapping[str, Any], *, row_count: int, allowed_count: int) -> SearchPlan:
        """As `CandidateSource.plan`; `params` has `nprobe`."""
        return plan_list_search(
            row_count=row_count,
            allowed_count=allowed_count,
            k=self.pool_of(k, params),
            nprobe=params["nprobe"],
            list_count=int(self.lists.nlist),
            costs=self.costs,
        )

    def candidates(
        self,
        vectors: npt.NDArray[np.float32],
        k: int,
        breadth: int,
        params: Mapping[str, Any],
        visible: Bitset | None,
    ) -> Iterable[npt.NDArray[np.int64]]:
        """As `CandidateSource.candidates`; reads `breadth` lists."""
        selector = None if visible is None else bitmap_selector(visible)
        searched = load_faiss().SearchParametersIVF(nprobe=min(breadth, int(self.lists.nlist)), sel=selector)
        found = found_in_blocks(self.lists, vectors, self.pool_of(k, params), searched)
        return (rows for _, rows in found)
