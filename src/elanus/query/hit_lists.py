"""Hits of several searches as one, and which of them are the same row or element. Pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.numbers import number_values
from elanus.query.output import FoundRows
from elanus.query.search import Hits
from elanus.query.view import SegmentView

__all__ = ["numbered_hits", "page_of_hits", "query_numbers", "ranked_hits", "side_by_side"]

Numbers = npt.NDArray[np.int64]


def side_by_side(found: Sequence[Hits]) -> tuple[Hits, Numbers]:
    """All hits of each query, those of the first search first, and where each was with the searches laid end to end.

    The searches have equally many queries, and hits of one kind: all rows or all elements.
    """
    segments: list[SegmentView] = []
    places: list[Numbers] = []
    for hits in found:
        places.append(hits.found.places + len(segments))
        segments.extend(hits.found.segments)
    rows = FoundRows(tuple(segments), np.concatenate(places), np.concatenate([hits.found.rows for hits in found]))
    elements = [hits.elements for hits in found if hits.elements is not None]
    together = Hits(
        counts=np.array([len(rows)]),
        found=rows,
        scores=np.concatenate([hits.scores for hits in found]),
        keys=pa.concat_arrays([hits.keys for hits in found]),
        elements=np.concatenate(elements) if elements else None,
    )
    order = np.argsort(np.concatenate([query_numbers(hits) for hits in found]), kind="stable")
    counts = np.stack([hits.counts for hits in found]).sum(axis=0)
    return together.select(order, counts), order


def query_numbers(hits: Hits) -> Numbers:
    """The query that each hit is of."""
    return np.repeat(np.arange(len(hits.counts)), hits.counts)


def numbered_hits(hits: Hits) -> Numbers:
    """A number for each hit, the same for the same row (by its key) or element."""
    numbers: Numbers = number_values(pc.dictionary_encode(hits.keys).indices).astype(np.int64)
    if hits.elements is None:
        return numbers
    return numbers * (int(hits.elements.max(initial=0)) + 1) + hits.elements


def ranked_hits(hits: Hits, scores: npt.NDArray[np.float64], *, larger_is_better: bool) -> Hits:
    """The hits of each query by other scores, ties in their old order.

    A row or element that a query has twice is kept once, at its best.
    """
    queries = query_numbers(hits)
    order = np.lexsort((-scores if larger_is_better else scores, queries))
    pairs = np.stack([queries, numbered_hits(hits)])[:, order]
    kept = order[np.sort(np.unique(pairs, axis=1, return_index=True)[1])]
    counts = np.bincount(queries[kept], minlength=len(hits.counts)).astype(np.int64)
    chosen = hits.select(kept, counts)
    return Hits(counts, chosen.found, scores[kept].astype(np.float32), chosen.keys, chosen.elements)


def page_of_hits(hits: Hits, offset: int, limit: int) -> Hits:
    """Each query's hits `offset` to `offset + limit` (exclusive)."""
    starts = np.cumsum(hits.counts) - hits.counts
    ranks = np.arange(len(hits.scores)) - np.repeat(starts, hits.counts)
    chosen = np.flatnonzero((ranks >= offset) & (ranks < offset + limit))
    counts = np.clip(hits.counts - offset, 0, limit)
    return hits.select(chosen, counts)
