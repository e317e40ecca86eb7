"""Candidates from a faiss index of any kind."""

# The protocol passes some members of the family more than they need.

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.faiss_bridge import bitmap_selector, found_in_blocks
from elanus.index.passthrough.parameters import layered_parameters
from elanus.index.planning import EXACT_ROW_COUNT, GRAPH_SHARE_MIN, SearchPlan

__all__ = ["FactoryCandidates"]

_POOL_FACTOR: Final = 2
_EXACT_SHARE: Final = 4


@dataclass(frozen=True, slots=True)
class FactoryCandidates:
    """A `CandidateSource`.

    Attributes:
        index: the faiss index; its ids are positions among the present rows.
        row_numbers: the row of each position, ascending; None when every row is present.
        held: what `index` reads in place.
    """

    index: Any
    row_numbers: npt.NDArray[np.int64] | None
    held: object

    def plan(self, k: int, params: Mapping[str, Any], *, row_count: int, allowed_count: int) -> SearchPlan:
        """As `CandidateSource.plan`: a scan when few rows are allowed, or a good part of them is asked for."""
        if allowed_count <= max(_EXACT_SHARE * k, EXACT_ROW_COUNT):
            return SearchPlan(exact=True, breadth=k, reason=f"a scan of {allowed_count} allowed rows is cheapest")
        share = allowed_count / row_count
        if share < GRAPH_SHARE_MIN:
            return SearchPlan(exact=True, breadth=k, reason=f"only {share:.2%} of the rows are allowed")
        breadth = min(row_count, math.ceil(k * _POOL_FACTOR / share))
        given = ", ".join(f"{name} {value}" for name, value in sorted(params.items()))
        reason = f"asks faiss for {k * _POOL_FACTOR} rows{f' with {given}' if given else ''}"
        return SearchPlan(exact=False, breadth=breadth, reason=reason)

    def candidates(
        self,
        vectors: npt.NDArray[np.float32],
        k: int,
        breadth: int,
        params: Mapping[str, Any],
        visible: Bitset | None,
    ) -> Iterable[npt.NDArray[np.int64]]:
        """As `CandidateSource.candidates`.

        Indexes that take no selector are asked for `breadth` rows, so many that enough allowed ones are among them if
        the filter does not depend on the vectors.
        """
        allowed = visible
        if visible is not None and self.row_numbers is not None:
            allowed = Bitset.from_bool(visible.test(self.row_numbers))
        selector = None if allowed is None else bitmap_selector(allowed)
        searched = layered_parameters(self.index, params, selector)
        pool = min(int(self.index.ntotal), k * _POOL_FACTOR if searched.filters else breadth)
        found = (rows for _, rows in found_in_blocks(self.index, vectors, pool, searched.parameters))
        return self._rows(found, None if searched.filters else allowed)

    def _rows(self, found: Iterator[npt.NDArray[np.int64]], allowed: Bitset | None) -> Iterator[npt.NDArray[np.int64]]:
        for positions in found:
            # Some indexes find a row in several places.
            kept = np.unique(positions if allowed is None else positions[allowed.test(positions)])
            yield kept if self.row_numbers is None else self.row_numbers[kept]
