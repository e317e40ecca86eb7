"""Results as columns: of searches and of queries."""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.instants import timestamps_from_instants
from elanus.columns.layout import arrow_field
from elanus.columns.numbers import number_array
from elanus.columns.rows import python_values, rows_from_batch
from elanus.embedded.rendering import ROWS_MAX, text_table
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.service.requests.query import QueryReply, SearchReply

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Hits", "Rows"]

_SCORE: Final = "distance"
_QUERY: Final = "query"
_ELEMENT: Final = "offset"
# Dynamic keys that a table as text has columns for.
_KEYS_MAX: Final = 8


class Hits:
    """The hits of one query vector, or of many: `hits[i]` are those of the i-th.

    Columns: the primary key, `distance` (the score, in the metric's own direction), the output fields, and first
    `query`, the number of the query vector, when there were many. Hits that are elements of an array of structs have
    their place in it as `offset`. These names win over output fields called the same.
    """

    def __init__(self, reply: SearchReply, *, single: bool) -> None:
        self._reply: Final = reply
        self._single: Final = single

    @property
    def ids(self) -> list[Any]:
        """Primary keys of all hits, best first, query after query."""
        return list(self._reply.ids.to_pylist())

    @property
    def distances(self) -> npt.NDArray[np.float32]:
        """Scores of all hits."""
        return self._reply.scores

    @property
    def offsets(self) -> npt.NDArray[np.int64] | None:
        """Where each hit is in its row's array of structs, from 0; None when hits are rows."""
        return self._reply.elements

    @property
    def query_count(self) -> int:
        return len(self._reply.counts)

    @property
    def metric(self) -> str:
        return self._reply.metric

    def __len__(self) -> int:
        """Hits, or queries when there were many."""
        return len(self._reply.ids) if self._single else self.query_count

    @overload
    def __getitem__(self, number: int) -> Any: ...

    @overload
    def __getitem__(self, number: slice) -> list[Any]: ...

    def __getitem__(self, number: int | slice) -> Any:
        """One hit as a dict, or the hits of one query when there were many."""
        if isinstance(number, slice):
            return list(self)[number]
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        number %= len(self)
        return self._part(number, 1).to_list()[0] if self._single else self._of_query(number)

    def __iter__(self) -> Iterator[Any]:
        if self._single:
            return iter(self.to_list())
        return (self._of_query(number) for number in range(self.query_count))

    def to_arrow(self) -> pa.Table:
        """A table with a row a hit."""
        reply = self._reply
        columns: dict[str, Any] = {}
        if not self._single:
            columns[_QUERY] = number_array(np.repeat(np.arange(self.query_count), reply.counts))
        columns[reply.primary_field] = reply.ids
        columns[_SCORE] = number_array(reply.scores)
        if reply.elements is not None:
            columns[_ELEMENT] = number_array(reply.elements)
        for field, column in zip(reply.fields, reply.columns.columns, strict=True):
            columns.setdefault(field.name, _as_arrow(column, field))
        return pa.table(columns)

    def to_pandas(self) -> "pd.DataFrame":
        """A data frame with a row a hit. Needs pandas."""
        return self.to_arrow().to_pandas()

    def to_list(self) -> list[Any]:
        """A dict a hit, dynamic keys beside the fields; a list of such lists when there were many queries."""
        reply = self._reply
        rows: list[dict[str, Any]] = [{}] * len(reply.ids)
        if reply.fields:
            rows = rows_from_batch(reply.columns, reply.fields)
        hits = [
            {reply.primary_field: key, _SCORE: score, **row} | {_SCORE: score}
            for key, score, row in zip(reply.ids.to_pylist(), reply.scores.tolist(), rows, strict=True)
        ]
        if reply.elements is not None:
            hits = [hit | {_ELEMENT: place} for hit, place in zip(hits, reply.elements.tolist(), strict=True)]
        if self._single:
            return hits
        starts = np.concatenate(([0], np.cumsum(reply.counts))).tolist()
        return [hits[start:stop] for start, stop in pairwise(starts)]

    def head(self, count: int) -> "Hits":
        """The first `count` hits of a single query."""
        assert self._single
        return self if count >= len(self) else self._part(0, count)

    def __repr__(self) -> str:
        names, columns = _shown_columns(self.to_arrow(), self._reply.fields, self._reply.dynamic_keys)
        what = f"{len(self._reply.ids)} hits" + ("" if self._single else f" of {self.query_count} queries")
        return f"{what} ({self._reply.metric})\n{text_table(names, columns, len(self._reply.ids))}"

    def _of_query(self, number: int) -> "Hits":
        reply = self._reply
        return self._part(int(reply.counts[:number].sum()), int(reply.counts[number]))

    def _part(self, start: int, count: int) -> "Hits":
        """Some hits, as those of a single query."""
        reply = self._reply
        part = SearchReply(
            counts=np.array([count], np.int64),
            ids=reply.ids.slice(start, count),
            scores=reply.scores[start : start + count],
            columns=reply.columns.slice(start, count),
            fields=reply.fields,
            dynamic_keys=reply.dynamic_keys,
            primary_field=reply.primary_field,
            metric=reply.metric,
            larger_is_nearer=reply.larger_is_nearer,
            timestamp=reply.timestamp,
            elements=None if reply.elements is None else reply.elements[start : start + count],
        )
        return Hits(part, single=True)


class Rows:
    """Rows of a query, in the order asked for, or of an aggregation, one a group."""

    def __init__(self, reply: QueryReply) -> None:
        self._reply: Final = reply

    def __len__(self) -> int:
        return int(self._reply.columns.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_list())

    @overload
    def __getitem__(self, number: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, number: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, number: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """One row as a dict, or some as a list of them."""
        if isinstance(number, slice):
            return self.to_list()[number]
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        return rows_from_batch(self._reply.columns.slice(number % len(self), 1), self._reply.fields)[0]

    def to_arrow(self) -> pa.Table:
        """A table with a column a field; vectors are fixed-size lists, times timestamps."""
        names = self._reply.columns.schema.names
        columns = zip(self._reply.columns.columns, self._reply.fields, strict=True)
        return pa.Table.from_arrays([_as_arrow(column, field) for column, field in columns], names=names)

    def to_pandas(self) -> "pd.DataFrame":
        """A data frame. Needs pandas."""
        return self.to_arrow().to_pandas()

    def to_list(self) -> list[dict[str, Any]]:
        """A dict a row, dynamic keys beside the fields."""
        return rows_from_batch(self._reply.columns, self._reply.fields)

    def __repr__(self) -> str:
        names, columns = _shown_columns(self.to_arrow(), self._reply.fields, self._reply.dynamic_keys)
        return f"{len(self)} rows\n{text_table(names, columns, len(self))}"


def _as_arrow(column: pa.Array, field: Field) -> pa.Array:
    """A column as other libraries understand it: times have their type and zone."""
    return timestamps_from_instants(column, field) if field.data_type is DataType.TIMESTAMPTZ else column


def _shown_columns(
    table: pa.Table, fields: tuple[Field, ...], dynamic_keys: tuple[str, ...] | None
) -> tuple[list[str], list[list[Any]]]:
    """Names and the first values of every column, vectors as lists, dynamic keys as columns of their own."""
    by_name = {field.name: field for field in fields}
    head = table.slice(0, ROWS_MAX).combine_chunks()
    names: list[str] = []
    columns: list[list[Any]] = []
    for name in head.column_names:
        column = head.column(name)
        array = column.chunk(0) if column.num_chunks else pa.nulls(0, column.type)
        field = by_name.get(name)
        readable = field is not None and array.type.equals(arrow_field(field).type)
        values = python_values(array, field) if readable and field is not None else array.to_pylist()
        if field is not None and field.is_dynamic:
            for key, items in _key_columns(values, dynamic_keys, taken=head.column_names).items():
                names.append(key)
                columns.append(items)
        else:
            names.append(name)
            columns.append(values)
    return names, columns


def _key_columns(
    values: list[dict[str, Any] | None], asked: tuple[str, ...] | None, *, taken: list[str]
) -> dict[str, list[Any]]:
    """A column a dynamic key, empty where a row has none; of many keys the first, and how many there are more."""
    objects = [value or {} for value in values]
    keys = asked if asked is not None else dict.fromkeys(key for value in objects for key in value)
    free = [key for key in keys if key not in taken]
    columns = {key: [value.get(key, "") for value in objects] for key in free[:_KEYS_MAX]}
    if len(free) > _KEYS_MAX:
        columns[f"... {len(free) - _KEYS_MAX} more"] = [""] * len(objects)
    return columns
