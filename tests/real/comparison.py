"""The same rows in collections and in DuckDB, asked the same filters."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from elanus.app.compose import local_service
from elanus.columns.rows import batch_from_rows
from elanus.service.requests.base import Service
from elanus.service.requests.collections import CreateCollection
from elanus.service.requests.data import Flush, Insert
from elanus.service.requests.indexes import CreateIndex, WaitForIndexes
from elanus.service.requests.query import Query
from elanus.settings import Settings
from tests.real.sql import SqlFilters
from tests.real.tables import RealTable

__all__ = ["Comparison"]

Ids = npt.NDArray[np.int64]

_SETTINGS: Final = Settings(durability="none", background_maintenance=False, compaction_enabled=False)
_BATCH_ROWS: Final = 5_000
_INDEX_TYPES: Final = {
    "int32": ["INVERTED", "STL_SORT", "AUTOINDEX"],
    "int64": ["INVERTED", "STL_SORT", "AUTOINDEX"],
    "float": ["INVERTED", "STL_SORT"],
    "double": ["INVERTED", "STL_SORT"],
    "bool": ["BITMAP", "INVERTED"],
    "varchar": ["INVERTED", "TRIE", "STL_SORT", "BITMAP", "NGRAM"],
    "time": ["STL_SORT", "INVERTED"],
    "array:varchar": ["INVERTED", "BITMAP"],
    "array:int64": ["INVERTED", "BITMAP"],
}


@dataclass(frozen=True)
class Comparison:
    """One data set in three collections (growing; sealed in two segments; that with indexes), and in DuckDB."""

    table: RealTable
    service: Service
    duck: Any
    sql: SqlFilters

    @classmethod
    def of(cls, table: RealTable, duckdb: Any, folder: Path, *, index_choice: int) -> Self:
        """`folder` is for the collections; `index_choice` picks the kind of index on each field."""
        service: Service = local_service(folder, _SETTINGS)
        for name in ("growing", "sealed", "indexed"):
            service.execute(CreateCollection(name, table.schema(), loaded=True))
        half = table.row_count // 2
        for start, stop in ((0, half), (half, table.row_count)):
            for first in range(start, stop, _BATCH_ROWS):
                rows = batch_from_rows(table.rows(first, min(stop, first + _BATCH_ROWS)), table.schema())
                for name in ("growing", "sealed", "indexed"):
                    service.execute(Insert(name, rows))
            service.execute(Flush("sealed"))
            service.execute(Flush("indexed"))
        duck = duckdb.connect(":memory:", config={"threads": 1})
        arrow = table.arrow()  # found by its name in the query
        casts = [
            f'CAST("{name}" AS JSON) AS "{name}"' if kind in {"json", "meta"} else f'"{name}"'
            for name, kind in table.types.items()
        ]
        duck.execute(f"CREATE TABLE t AS SELECT id, {', '.join(casts)} FROM arrow")
        assert duck.execute("SELECT count(*) FROM t").fetchone()[0] == arrow.num_rows
        made = cls(table, service, duck, SqlFilters(table.types))
        made._create_indexes(index_choice)
        return made

    def _create_indexes(self, choice: int) -> None:
        number = 0
        for name, kind in self.table.types.items():
            for request in self._index_requests(name, kind, choice + number):
                self.service.execute(replace(request, index_name=f"x{number}"))
                number += 1
        self.service.execute(WaitForIndexes("indexed", None))

    def _index_requests(self, name: str, kind: str, choice: int) -> list[CreateIndex]:
        if kind in _INDEX_TYPES:
            names = _INDEX_TYPES[kind]
            chosen = names[choice % len(names)]
            params = {"min_gram": 2, "max_gram": 3} if chosen == "NGRAM" else {}
            return [CreateIndex("indexed", name, chosen, params=params)]
        keys = sorted({key for text in self.table.columns[name][:200] if text for key in json.loads(text)})
        casts = ["VARCHAR", "DOUBLE", "ARRAY_VARCHAR", "BOOL"]
        return [
            CreateIndex(
                "indexed",
                name,
                "INVERTED",
                params={"json_path": f'{name}["{key}"]', "json_cast_type": casts[(choice + place) % len(casts)]},
            )
            for place, key in enumerate(keys[:8])
        ]

    def duck_ids(self, sql: str) -> Ids:
        """The keys of the rows where a condition is TRUE, in order."""
        found: Ids = self.duck.execute(f"SELECT id FROM t WHERE {sql} ORDER BY id").fetchnumpy()["id"]
        return found.astype(np.int64)

    def ids(self, collection: str, text: str, params: dict[str, Any]) -> Ids:
        """The keys that a filter finds, in order."""
        reply = self.service.execute(Query(collection, filter=text, filter_params=params, output_fields=("id",)))
        found: Ids = reply.columns.column(0).to_numpy()
        return found

    def check(self, node: Any, text: str, params: dict[str, Any], collections: Sequence[str]) -> int:
        """Compares one filter; how many rows it finds.

        Raises:
            AssertionError: an answer differs, with the first row of which they differ.
        """
        sql = self.sql.condition(node)
        expected = self.duck_ids(sql)
        for name in collections:
            found = self.ids(name, text, params)
            if not np.array_equal(found, expected):
                odd = int(np.setxor1d(found, expected)[0])
                place = self.table.columns["id"].index(odd)
                row = {field: self.table.columns[field][place] for field in self.table.types}
                only = "the collection" if odd in found else "DuckDB"
                raise AssertionError(
                    f"{self.table.name}, {name}: {text} with {params}\n{sql}\nfound {len(found)} rows, DuckDB "
                    f"{len(expected)}; only {only} has {odd}: {row}"
                )
        return len(expected)

    def close(self) -> None:
        self.service.close()
        self.duck.close()
