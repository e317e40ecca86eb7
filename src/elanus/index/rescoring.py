"""Exact scores for the candidates of an approximate search.

The column is always at hand, so the scores an index returns are those of an exact scan for the same rows, and the order
is right among the candidates, however coarse the codes were that chose them.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.exact import ExactScan
from elanus.index.protocol import SearchHits
from elanus.index.ranking import best_first

__all__ = ["NO_ROW", "empty_hits", "replaced_where_short", "rescored"]

NO_ROW = -1


def empty_hits(query_count: int, k: int) -> SearchHits:
    """Places for `k` hits a query, all of them empty."""
    return SearchHits(
        rows=np.full((query_count, k), NO_ROW, np.int64), scores=np.full((query_count, k), np.nan, np.float32)
    )


def rescored(
    scan: ExactScan, queries: npt.NDArray[Any], candidates: Iterable[npt.NDArray[np.int64]], k: int
) -> SearchHits:
    """The best `k` of each query's candidates by exact score; `candidates` has distinct rows, one array a query."""
    hits = empty_hits(len(queries), k)
    for number, (query, rows) in enumerate(zip(queries, candidates, strict=True)):
        scores, best = best_first(scan.metric, scan.scores(query, rows), rows, k)
        hits.rows[number, : len(best)] = best
        hits.scores[number, : len(best)] = scores
    return hits


def replaced_where_short(
    hits: SearchHits, scan: ExactScan, queries: npt.NDArray[Any], visible: Bitset | None
) -> SearchHits:
    """`hits` with every query that has an empty place answered anew by an exact scan of the `visible` rows.

    The caller has made sure that at least k rows are visible, so an empty place means that the index came back short.
    """
    # A single query, which is what most searches are, needs no array operations to see that nothing is missing.
    if len(hits.rows) == 1 and hits.rows.item(-1) >= 0:
        return hits
    short = np.flatnonzero(hits.rows[:, -1] < 0)
    if len(short) == 0:
        return hits
    exact = scan.search(queries[short], hits.rows.shape[1], visible)
    rows, scores = hits.rows.copy(), hits.scores.copy()
    rows[short], scores[short] = exact.rows, exact.scores
    return SearchHits(rows=rows, scores=scores)
