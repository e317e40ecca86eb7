"""Candidates from a graph over codes, and from finer codes when the index was built with refinement."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.faiss_bridge import bitmap_selector, found_in_blocks, load_faiss
from elanus.index.ivf.refinement import Refinement
from elanus.index.planning import SearchPlan, plan_graph_search

__all__ = ["CodedGraph"]

_POOL_FACTOR: Final = 2


@dataclass(frozen=True, slots=True)
class CodedGraph:
    """A `CandidateSource`.

    Attributes:
        graph: the faiss index over mapped arrays.
        degree: M.
        refines: built with `refine`, so that `refine_k` counts.
        refinement: finer codes; None when the column itself refines.
        held: arrays and objects that `graph` reads in place.
    """

    graph: Any
    degree: int
    refines: bool
    refinement: Refinement | None
    held: tuple[object, ...]

    def plan(self, k: int, params: Mapping[str, Any], *, row_count: int, allowed_count: int) -> SearchPlan:
        """As `CandidateSource.plan`; `params` has `ef` and `refine_k`."""
        ef = max(params["ef"], self._refined_count(k, params, allowed_count))
        return plan_graph_search(row_count=row_count, allowed_count=allowed_count, k=k, ef=ef, degree=self.degree)

    def candidates(
        self,
        vectors: npt.NDArray[np.float32],
        k: int,
        breadth: int,
        params: Mapping[str, Any],
        visible: Bitset | None,
    ) -> Iterable[npt.NDArray[np.int64]]:
        """As `CandidateSource.candidates`.

        Without refinement twice `k` are taken from the graph if it kept so many: it compared codes, and the column
        settles the order. With it `refine_k` times `k` are.
        """
        row_count = int(self.graph.ntotal)
        pool = max(min(breadth, k * _POOL_FACTOR), self._refined_count(k, params, row_count))
        selector = None if visible is None else bitmap_selector(visible)
        searched = load_faiss().SearchParametersHNSW(efSearch=max(breadth, pool), sel=selector)
        found = found_in_blocks(self.graph, vectors, pool, searched)
        if self.refinement is None:
            return (rows for _, rows in found)
        return self._refined(found, k, self.refinement)

    def _refined(
        self, found: Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]], k: int, refinement: Refinement
    ) -> Iterator[npt.NDArray[np.int64]]:
        for vector, rows in found:
            yield refinement.best(vector, rows, k * _POOL_FACTOR)

    def _refined_count(self, k: int, params: Mapping[str, Any], row_count: int) -> int:
        return min(row_count, math.ceil(k * params["refine_k"])) if self.refines else k
