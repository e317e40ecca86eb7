"""What a reader sees: an immutable value that stays right for as long as somebody holds it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.json_values import JsonValues, ValuePath
from elanus.errors import Conflict
from elanus.expr.access import PredicateIndexes
from elanus.expr.stats import SegmentStats
from elanus.index.protocol import VectorIndex
from elanus.runtime.memo import Memo
from elanus.schema.collection import IndexDefinition, Schema
from elanus.schema.field import Field
from elanus.storage.deletes import DeleteSet
from elanus.storage.keys import KeyIndex

__all__ = ["ReadView", "RowExpiry", "RowSource", "SegmentView"]

_PREPARED_COUNT_MAX: Final = 16


class RowSource(Protocol):
    """The rows of a segment or chunk; a `ColumnSource` that can also fetch single rows and find keys."""

    @property
    def row_count(self) -> int: ...

    def column(self, name: str) -> pa.Array: ...

    def strings(self, name: str) -> pa.Array: ...

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None: ...

    def numbers(self, name: str) -> npt.NDArray[Any] | None:
        """A column of integers or floats as they lie in memory (a view); None of another type, or with nulls."""
        ...

    def take(self, name: str, rows: npt.NDArray[np.int64]) -> pa.Array: ...

    def timestamps(self) -> npt.NDArray[np.uint64]: ...

    def key_index(self) -> KeyIndex: ...


class RowExpiry(Protocol):
    """What says which rows are past their time."""

    def expired(self, source: RowSource) -> Bitset | None:
        """The rows of a source that are not to be seen any more; None when there are none."""
        ...


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A sealed segment, or one chunk of a growing one.

    Attributes:
        segment_id: 0 for growing rows.
        deletes: every delete known when the view was taken.
        index: the opened index on a vector field, or None when that field is to be scanned.
        predicates: the indexes on the other fields, for filters; None when there is none.
        stats: bounds of the fields, for pruning; None for growing rows.
        cut: rows from this one on are too new for the reader.
        read_timestamp: deletes after this one do not count; None counts all.
        expiry: which rows are past their time; None when none ever is.
    """

    segment_id: int
    partition_id: int
    source: RowSource
    deletes: DeleteSet
    index: Callable[[str], VectorIndex | None]
    predicates: PredicateIndexes | None = None
    stats: SegmentStats | None = None
    cut: int | None = None
    read_timestamp: int | None = None
    expiry: RowExpiry | None = None

    @property
    def is_growing(self) -> bool:
        return self.segment_id == 0

    @property
    def row_count(self) -> int:
        return self.source.row_count

    def visible(self) -> Bitset | None:
        """The rows a reader may see; None when that is every row."""
        hidden = self.deletes.hidden(self.read_timestamp)
        if self.cut is not None:
            too_new = Bitset.from_rows(np.arange(self.cut, self.row_count), self.row_count)
            hidden = too_new if hidden is None else hidden | too_new
        expired = None if self.expiry is None else self.expiry.expired(self.source)
        if expired is not None:
            hidden = expired if hidden is None else hidden | expired
        return None if hidden is None else ~hidden

    def at(self, timestamp: int) -> "SegmentView":
        """The same rows as a reader at an earlier time sees them."""
        stamps = self.source.timestamps()
        cut = int(np.searchsorted(stamps, np.uint64(timestamp), side="right"))
        return replace(self, cut=None if cut == len(stamps) else cut, read_timestamp=timestamp)


@dataclass(frozen=True, slots=True)
class ReadView:
    """A collection as of one moment.

    Attributes:
        primary_field: of the schema, at hand because every search asks for it; so are `vector_fields` and
            `has_timestamps`.
        partitions: ids by name.
        complete_since: at an earlier time than this the view may lack rows.
        keyed_partition_ids: the partitions a partition key spreads rows over, by slot; empty without one.
        prepared: what searches of one shape and filter share, for as long as the view is the newest; another view has
            its own.
        shapes: what searches of one shape share, whatever their filter; likewise.
    """

    schema: Schema
    indexes: tuple[IndexDefinition, ...]
    partitions: Mapping[str, int]
    keyed_partition_ids: tuple[int, ...]
    segments: tuple[SegmentView, ...]
    read_timestamp: int
    complete_since: int
    primary_field: Field
    vector_fields: tuple[Field, ...]
    has_timestamps: bool
    prepared: Memo[Any] = field(init=False, compare=False, default_factory=lambda: Memo(_PREPARED_COUNT_MAX))
    shapes: Memo[Any] = field(init=False, compare=False, default_factory=lambda: Memo(_PREPARED_COUNT_MAX))

    def at(self, timestamp: int) -> "ReadView":
        """The collection at an earlier time.

        Raises:
            Conflict: rows that were there then may have been removed since.
        """
        if timestamp >= self.read_timestamp:
            return self
        if timestamp < self.complete_since:
            raise Conflict(
                "snapshot_gone",
                f"the state of timestamp {timestamp} is gone: rows deleted up to timestamp {self.complete_since} have "
                "been removed since; begin the iteration anew",
            )
        return replace(
            self, segments=tuple(segment.at(timestamp) for segment in self.segments), read_timestamp=timestamp
        )

    def expiring(self, expiry: RowExpiry) -> "ReadView":
        """The collection without the rows that are past their time."""
        return replace(self, segments=tuple(replace(segment, expiry=expiry) for segment in self.segments))

    def index_on(self, field_name: str) -> IndexDefinition | None:
        """The definition of the index on a field."""
        return next((index for index in self.indexes if index.field_name == field_name), None)
