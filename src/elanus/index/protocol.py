"""What every vector index offers, and the values that pass through it.

An `IndexType` is the description of a family's member (one registry entry); a `VectorIndex` is one opened index of one
segment. Scores follow Milvus: L2 is squared and smaller is nearer, IP and COSINE are larger-is-nearer, HAMMING and
JACCARD are distances.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.errors import Unavailable
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

__all__ = [
    "Artefacts",
    "BuildContext",
    "Cursor",
    "IndexSize",
    "IndexType",
    "RangeBounds",
    "SearchHits",
    "VectorColumn",
    "VectorIndex",
]

Artefacts = Mapping[str, memoryview | pa.Buffer]
"""Named files of one index; names are relative, without folders. Mapped read-only when an index is opened."""

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VectorColumn:
    """The vectors an index is over: the whole column of one sealed segment.

    Attributes:
        field: type and dimension.
        array: the column in its layout (`columns.layout`); null rows are never returned by a search.
    """

    field: Field
    array: pa.Array

    @property
    def row_count(self) -> int:
        return len(self.array)


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a build may use and must obey.

    Attributes:
        thread_count: native threads it may start.
        seed: all its randomness; the same column, parameters, thread count 1 and seed give the same artefacts.
        progress: called with a share between 0 and 1, from any thread.
        cancelled: polled between blocks; when true the build raises `Unavailable("cancelled", ...)`.
        store_artefact: takes the name and the parts of an artefact that should not be in memory as a whole; `build`
            does not return those it gave away. None: everything is returned.
        memory_bytes: what searches may keep in memory of this column and its index; None where that is not known.
    """

    thread_count: int = 1
    seed: int = 42
    progress: Callable[[float], None] = lambda _share: None
    cancelled: Callable[[], bool] = lambda: False
    store_artefact: Callable[[str, Iterable[npt.NDArray[np.uint8]]], None] | None = None
    memory_bytes: int | None = None

    def check_cancelled(self) -> None:
        """Stops the build when it is to be cancelled.

        Raises:
            Unavailable: cancelled.
        """
        if self.cancelled():
            raise Unavailable("cancelled", "the index build was cancelled; it can be started again")


@dataclass(frozen=True, slots=True)
class SearchHits:
    """The best rows of each query, best first; ties go to the smaller row.

    Attributes:
        rows: (query_count, k) int64, -1 where a query has fewer than k hits; those places come last.
        scores: (query_count, k) float32; undefined where the row is -1.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RangeBounds:
    """The scores a range search accepts, in the metric's own direction.

    Smaller-is-nearer metrics take `range_filter <= score < radius`, larger-is-nearer ones
    `radius < score <= range_filter`; a missing `range_filter` leaves that side open.
    """

    radius: float
    range_filter: float | None = None

    def accepts(self, metric: Metric, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Which of the scores are within the bounds, which are rounded to float32 first, as scores are."""
        inside = ~self.beyond_radius(metric, scores)
        if self.range_filter is None:
            return inside
        nearest = _as_score(self.range_filter)
        return inside & (scores <= nearest if metric.larger_is_nearer else scores >= nearest)

    def beyond_radius(self, metric: Metric, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Which of the scores are too far, whatever `range_filter` says."""
        farthest = _as_score(self.radius)
        return scores <= farthest if metric.larger_is_nearer else scores >= farthest


def _as_score(bound: float) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(bound)


@dataclass(frozen=True, slots=True)
class IndexSize:
    """Bytes of an open index: in files that are mapped, and held in memory besides."""

    mapped_bytes: int
    memory_bytes: int


class Cursor(Protocol):
    """A search that goes on where it stopped. Used by one thread at a time."""

    def next(self, count: int) -> SearchHits:
        """The next `count` rows, arrays of shape (1, count); a row that was given before is never given again.

        Each call gives its rows best first. Places stay empty (-1) only when no row is left. The first call gives what
        a search for `count` rows gives.
        """
        ...


class VectorIndex(Protocol):
    """An opened index. Safe for concurrent calls from many threads; calls release the GIL while they compute."""

    def search(self, queries: npt.NDArray[Any], k: int, params: Params, allow: Bitset | None) -> SearchHits:
        """The nearest `k` rows of each query among `allow` (all rows when None).

        `queries` is (query_count, elements) of the column's element dtype, or `SparseRows` for sparse fields.
        `params` were checked by `IndexType.check_search_params`.
        """
        ...

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Params, allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Scores and rows of one query within the bounds, best first."""
        ...

    def cursor(
        self, query: npt.NDArray[Any], params: Params, allow: Bitset | None, bounds: RangeBounds | None = None
    ) -> Cursor:
        """All rows of `allow`, a batch at a time, nearest first; those within `bounds` alone when they are given.

        `query` is one vector, as `range_search` takes it. The cursor keeps it and `allow`.
        """
        ...

    def size(self) -> IndexSize:
        """What this index costs."""
        ...


class IndexType(Protocol):
    """A member of an index family: names, rules, and how to build and open it."""

    @property
    def name(self) -> str:
        """As users write it, upper case: `IVF_FLAT`."""
        ...

    def data_types(self) -> frozenset[DataType]:
        """Vector types it takes."""
        ...

    def check_build_params(self, field: Field, metric: Metric, params: Params) -> dict[str, Any]:
        """`params` complete with defaults and of the right types.

        Raises:
            InvalidInput: an unknown parameter, one of the wrong type or out of range; the message gives the range.
        """
        ...

    def check_search_params(self, params: Params, *, build_params: Params, k: int) -> dict[str, Any]:
        """As `check_build_params`, for a search for `k` rows."""
        ...

    def build(
        self, column: VectorColumn, metric: Metric, params: Params, context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """The artefacts of an index over `column`; an empty dict when the column itself is all it needs (FLAT).

        Artefact bytes are self-contained but for the column, which `open` gets again.
        """
        ...

    def open(self, column: VectorColumn, metric: Metric, params: Params, artefacts: Artefacts) -> VectorIndex:
        """An index over mapped artefacts; must not copy what is large.

        Raises:
            DataCorrupt: artefacts that do not belong together. (Their checksums were verified by the caller.)
        """
        ...
