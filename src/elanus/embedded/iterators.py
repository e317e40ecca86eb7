"""Searches and queries of any length, a batch at a time, over the state in which they began."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Self

import pyarrow as pa

from elanus.embedded.results import Hits, Rows
from elanus.errors import InvalidInput
from elanus.service.requests.base import Service
from elanus.service.requests.query import Query, Search, SearchBatch

__all__ = ["QueryIterator", "SearchIterator"]

_LAST: Final = "_last_key"


class SearchIterator:
    """Batches of hits, nearest first; each matching row comes once. Not thread-safe.

    Rows written after the first batch are not seen.
    """

    def __init__(self, service: Service, search: Search, *, limit: int | None) -> None:
        """`search` has the batch size as its limit; `limit` is for all batches together, None for no limit."""
        _check_limit(limit)
        self._service: Final = service
        self._search = search
        self._batch_size: Final = search.limit
        self._left = limit
        self._number = 0
        self._token = ""
        self._ended = limit == 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Hits:
        if self._ended:
            raise StopIteration
        reply = self._service.execute(SearchBatch(self._search, self._number, self._token))
        self._number += 1
        self._token = reply.token
        found = reply.hits
        self._search = replace(self._search, guarantee_timestamp=found.timestamp)
        count = len(found.ids)
        self._ended = count < self._batch_size
        if self._left is not None:
            count = min(count, self._left)
            self._left -= count
            self._ended = self._ended or self._left == 0
        if count == 0:
            raise StopIteration
        return Hits(found, single=True).head(count)

    def close(self) -> None:
        """Ends the iteration; the state that is kept for it goes by itself."""
        self._ended = True


class QueryIterator:
    """Batches of rows in order of their primary keys; each matching row comes once. Not thread-safe.

    Rows written after the first batch are not seen.
    """

    def __init__(
        self, service: Service, query: Query, *, primary_field: str, batch_size: int, limit: int | None
    ) -> None:
        """`query` has no limit of its own; `limit` is for all batches together, None for no limit."""
        _check_limit(limit)
        self._service: Final = service
        self._first: Final = replace(query, begins_iteration=True)
        self._primary_field: Final = primary_field
        self._batch_size: Final = batch_size
        self._left = limit
        self._next: Callable[[int], Query] | None = (
            None if limit == 0 else lambda count: replace(self._first, limit=count)
        )

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Rows:
        if self._next is None:
            raise StopIteration
        wanted = self._batch_size if self._left is None else min(self._batch_size, self._left)
        reply = self._service.execute(self._next(wanted))
        count = reply.columns.num_rows
        if self._left is not None:
            self._left -= count
        if count < wanted or self._left == 0:
            self._next = None
        else:
            keys: pa.Array = reply.columns.column(self._primary_field)
            self._next = self._after(keys[count - 1].as_py(), reply.timestamp)
        if count == 0:
            raise StopIteration
        return Rows(reply)

    def close(self) -> None:
        """Ends the iteration."""
        self._next = None

    def _begin(self, count: int) -> Query:
        return replace(self._first, limit=count)

    def _after(self, key: Any, timestamp: int) -> Callable[[int], Query]:
        first = self._first
        beyond = f"{self._primary_field} > {{{_LAST}}}"
        following = replace(
            first,
            filter=f"({first.filter}) and {beyond}" if first.filter.strip() else beyond,
            filter_params={**first.filter_params, _LAST: key},
            guarantee_timestamp=timestamp,
            begins_iteration=False,
        )
        return lambda count: replace(following, limit=count)


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 0:
        raise InvalidInput("out_of_range", f"limit is {limit}, expected 0 or more, or None for every row")
