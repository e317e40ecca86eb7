"""A collection of the rows of `tests.reference.filter_cases`, taken through its life: from growing to reopened."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from elanus.app.compose import local_service
from elanus.columns.layout import arrow_schema
from elanus.columns.numbers import number_array
from elanus.columns.vectors import dense_array
from elanus.schema.collection import IndexDefinition
from elanus.service.requests.base import Service
from elanus.service.requests.collections import CreateCollection
from elanus.service.requests.data import Compact, Delete, Flush, Insert
from elanus.service.requests.indexes import CreateIndex, WaitForIndexes
from elanus.service.requests.query import Query
from elanus.settings import Settings
from tests.reference.filter_cases import Cases
from tests.reference.filter_checks import REFERENCE
from tests.reference.filter_indexes import index_definitions
from tests.reference.filter_rendering import Rendering

__all__ = ["FilterStates", "WrittenFilter", "written_filters"]

SETTINGS: Final = Settings(durability="none", background_maintenance=False, index_rows_min=1)
_INDEXED_SHARE: Final = 0.6
_DELETED_SHARE: Final = 0.3


def _storable(row: dict[str, Any]) -> bool:
    """What admission takes: finite numbers."""
    for value in row.values():
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
            return False
    return True


@dataclass(frozen=True)
class WrittenFilter:
    """A filter as a tree and as text, with the values of its placeholders."""

    node: Any
    text: str
    params: dict[str, Any]


def written_filters(cases: Cases, choose: random.Random, count: int) -> list[WrittenFilter]:
    """Some filters over the table of `cases`."""
    filters = []
    for _ in range(count):
        node = cases.filter()
        rendering = Rendering(choose)
        filters.append(WrittenFilter(node, rendering.text(node), rendering.params))
    return filters


class FilterStates:
    """One collection taken through its life; `rows` are those it should have, by primary key."""

    def __init__(self, root: Path, cases: Cases) -> None:
        self._root = root
        self._cases = cases
        self.service: Service = local_service(root, SETTINGS)
        schema = cases.table.schema
        self.service.execute(CreateCollection("c", schema, loaded=True))
        keep = [place for place, row in enumerate(cases.table.rows) if _storable(row)]
        self.rows = {number: cases.table.rows[place] for number, place in enumerate(keep)}
        fields = [field for field in schema.fields if field.name not in {"id", "vector"}]
        columns = [cases.table.columns[field.name].take(pa.array(keep, pa.int64())) for field in fields]
        ids = number_array(np.arange(len(keep)))
        vectors = dense_array(np.ones((len(keep), 4), np.float32), schema.field("vector"))
        ordered = [schema.field("id"), schema.field("vector"), *fields]
        self._batch = pa.RecordBatch.from_arrays([ids, vectors, *columns], schema=arrow_schema(ordered))

    def insert(self, start: int, stop: int) -> None:
        if stop > start:
            self.service.execute(Insert("c", self._batch.slice(start, stop - start)))

    def half(self) -> int:
        return int(self._batch.num_rows) // 2

    def end(self) -> int:
        return int(self._batch.num_rows)

    def delete(self, keys: list[int]) -> None:
        self.service.execute(Delete("c", ids=pa.array(keys, pa.int64())))
        for key in keys:
            del self.rows[key]

    def reopen(self) -> None:
        self.service.close()
        self.service = local_service(self._root, SETTINGS)

    def create_indexes(self, choose: random.Random) -> list[str]:
        """One index of any kind on most fields, and on some paths; their names. Built before this returns."""
        by_place: dict[tuple[str, Any], list[IndexDefinition]] = {}
        for definition in index_definitions(self._cases.table):
            place = (definition.field_name, definition.params.get("json_path"))
            by_place.setdefault(place, []).append(definition)
        names = []
        for number, (_, definitions) in enumerate(sorted(by_place.items(), key=str)):
            if choose.random() < _INDEXED_SHARE:
                chosen = choose.choice(definitions)
                request = CreateIndex("c", chosen.field_name, chosen.index_type, index_name=f"x{number}")
                self.service.execute(replace(request, params=dict(chosen.params)))
                names.append(chosen.index_name)
        self.service.execute(WaitForIndexes("c", None))
        return names

    def check(self, state: str, filters: Sequence[WrittenFilter]) -> None:
        """Every filter finds the rows it should, by itself and among some keys."""
        for written in filters:
            expected = [key for key, row in sorted(self.rows.items()) if REFERENCE.truth(written.node, row) is True]
            some = [0, 3, 3, 5, 17, 1_000_000]
            for text, wanted in (
                (written.text, expected),
                (f"id in {some} and ({written.text})", [key for key in expected if key in some]),
            ):
                reply = self.service.execute(
                    Query("c", filter=text, filter_params=written.params, output_fields=("id",))
                )
                found = reply.columns.column(0).to_pylist()
                assert found == wanted, f"{state}: {text} with {written.params} found {found}, expected {wanted}"

    def live(self, filters: Sequence[WrittenFilter], choose: random.Random) -> None:
        """A whole life, with the filters checked in every state of it."""
        everything = dict(self.rows)
        self.rows = {key: row for key, row in everything.items() if key < self.half()}
        self.insert(0, self.half())
        self.check("growing", filters)
        self.service.execute(Flush("c"))
        self.check("sealed", filters)
        names = self.create_indexes(choose)
        self.check(f"sealed with {names}", filters)
        self.rows = everything
        self.insert(self.half(), self.end())
        self.check(f"sealed with {names}, and growing", filters)
        self.service.execute(Flush("c"))
        self.delete([key for key in list(self.rows) if choose.random() < _DELETED_SHARE])
        self.check(f"two segments with {names} and deleted rows", filters)
        self.service.execute(Compact("c"))
        self.check(f"compacted, with {names}", filters)
        self.reopen()
        self.check(f"reopened, with {names}", filters)
