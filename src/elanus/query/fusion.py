"""One list out of the hits of several searches over the same rows. Pure.

Scores are added in float64 and rounded once. Rows of equal score come in the order in which the searches, first to
last, found them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.numbers import number_values
from elanus.columns.taking import take_rows
from elanus.errors import InvalidInput
from elanus.query.output import FoundRows
from elanus.query.search import Hits
from elanus.query.view import SegmentView
from elanus.schema.rankers import Ranker, RrfRanker, WeightedRanker
from elanus.schema.types import Metric

__all__ = ["check_ranker", "fused", "larger_is_better"]

Doubles = npt.NDArray[np.float64]

_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Route:
    """What one search found for one query: places in the list of all hits, and what each adds to its row's score."""

    positions: npt.NDArray[np.int64]
    parts: Doubles


def check_ranker(ranker: Ranker, metrics: Sequence[Metric]) -> None:
    """Refuses a ranker that does not fit the searches.

    Raises:
        InvalidInput: another number of weights than searches, or raw scores that do not run the same way.
    """
    if ranker.weights and len(ranker.weights) != len(metrics):
        raise InvalidInput(
            "invalid_argument",
            f"the length of weights param mismatch with ann search requests: {len(ranker.weights)} weights for "
            f"{len(metrics)} searches; give one for each",
        )
    if isinstance(ranker, WeightedRanker) and not ranker.norm_score:
        directions = {metric.larger_is_nearer for metric in metrics}
        if len(directions) > 1:
            raise InvalidInput(
                "invalid_argument",
                f"norm_score is false, but the scores of {', '.join(metrics)} do not run the same way; leave it true",
            )


def larger_is_better(ranker: Ranker, metrics: Sequence[Metric]) -> bool:
    """Which way the scores of the fused list run."""
    raw = isinstance(ranker, WeightedRanker) and not ranker.norm_score
    return metrics[0].larger_is_nearer if raw else True


def fused(found: Sequence[Hits], metrics: Sequence[Metric], ranker: Ranker, *, offset: int, limit: int) -> Hits:
    """Hits `offset` to `offset + limit` (exclusive) of each query over all searches, each key once.

    `found` are the hits of each search, all with the same number of queries; `check_ranker` was asked.
    """
    keys, codes = _numbered_keys(found)
    all_rows = _all_rows(found)
    starts = np.cumsum([0, *(len(hits.scores) for hits in found)])
    picked: list[npt.NDArray[np.int64]] = []
    scores: list[Doubles] = []
    for query in range(len(found[0].counts)):
        routes = [
            _route(hits, query, int(start), number=number, metric=metric, ranker=ranker)
            for number, (hits, start, metric) in enumerate(zip(found, starts[:-1].tolist(), metrics, strict=True))
        ]
        positions = np.concatenate([route.positions for route in routes])
        distinct, first, inverse = np.unique(codes[positions], return_index=True, return_inverse=True)
        totals = np.zeros(len(distinct), np.float64)
        np.add.at(totals, inverse, np.concatenate([route.parts for route in routes]))
        ascending = -totals if larger_is_better(ranker, metrics) else totals
        order = np.lexsort((first, ascending))[offset : offset + limit]
        picked.append(positions[first[order]])
        scores.append(totals[order])
    chosen = np.concatenate(picked)
    return Hits(
        counts=np.array([len(part) for part in picked], np.int64),
        found=all_rows.select(chosen),
        scores=np.concatenate(scores).astype(np.float32),
        keys=take_rows(keys, chosen),
    )


def _route(hits: Hits, query: int, start: int, *, number: int, metric: Metric, ranker: Ranker) -> _Route:
    begin = int(hits.counts[:query].sum())
    count = int(hits.counts[query])
    weight = ranker.weights[number] if ranker.weights else 1.0
    if isinstance(ranker, RrfRanker):
        parts = weight / (ranker.k + np.arange(1, count + 1, dtype=np.float64))
    else:
        raw = hits.scores[begin : begin + count].astype(np.float64)
        parts = weight * (_normalised(raw, metric) if ranker.norm_score else raw)
    return _Route(start + begin + np.arange(count), parts)


def _normalised(scores: Doubles, metric: Metric) -> Doubles:
    """Scores in [0, 1], larger being nearer."""
    if metric is Metric.COSINE:
        return (1.0 + scores) * _HALF
    turned: Doubles = np.arctan(scores) / np.pi
    return _HALF + turned if metric is Metric.IP else 1.0 - 2.0 * turned


def _numbered_keys(found: Sequence[Hits]) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The keys of all hits, search after search, and a number for each that equal keys share."""
    keys = pa.concat_arrays([hits.keys for hits in found])
    encoded = pc.dictionary_encode(keys)
    return keys, number_values(encoded.indices).astype(np.int64)


def _all_rows(found: Sequence[Hits]) -> FoundRows:
    """The rows of all hits, search after search; their segments side by side."""
    segments: list[SegmentView] = []
    places: list[npt.NDArray[np.int64]] = []
    for hits in found:
        places.append(hits.found.places + len(segments))
        segments.extend(hits.found.segments)
    rows = np.concatenate([hits.found.rows for hits in found])
    return FoundRows(tuple(segments), np.concatenate(places), rows)
