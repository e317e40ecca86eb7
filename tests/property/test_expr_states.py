"""A filter means the same whatever has happened to the rows: growing, sealed, half deleted, compacted, reopened."""

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import settings

from elanus.app.compose import local_service
from elanus.columns.layout import arrow_schema
from elanus.columns.numbers import number_array
from elanus.columns.vectors import dense_array
from elanus.service.requests.base import Service
from elanus.service.requests.collections import CreateCollection
from elanus.service.requests.data import Compact, Delete, Flush, Insert
from elanus.service.requests.query import Query
from elanus.settings import Settings
from tests.reference.filter_cases import TYPES, Cases
from tests.reference.filter_reference import Reference
from tests.reference.filter_rendering import Rendering

_REFERENCE = Reference(TYPES)
_SETTINGS = Settings(durability="none", background_maintenance=False)
_FILTERS = 12


def _storable(row: dict[str, Any]) -> bool:
    """What admission takes: finite numbers."""
    for value in row.values():
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
            return False
    return True


class _States:
    """One collection taken through its life; `rows` are those it should have, by primary key."""

    def __init__(self, root: Path, cases: Cases) -> None:
        self._root = root
        self._cases = cases
        self.service: Service = local_service(root, _SETTINGS)
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
        return self._batch.num_rows // 2

    def end(self) -> int:
        return int(self._batch.num_rows)

    def delete(self, keys: list[int]) -> None:
        self.service.execute(Delete("c", ids=pa.array(keys, pa.int64())))
        for key in keys:
            del self.rows[key]

    def reopen(self) -> None:
        self.service.close()
        self.service = local_service(self._root, _SETTINGS)

    def check(self, state: str, filters: list[tuple[Any, str, dict[str, Any]]]) -> None:
        for node, text, params in filters:
            reply = self.service.execute(Query("c", filter=text, filter_params=params, output_fields=("id",)))
            found = reply.columns.column(0).to_pylist()
            expected = [key for key, row in sorted(self.rows.items()) if _REFERENCE.truth(node, row) is True]
            assert found == expected, (state, text, params)


@pytest.mark.parametrize("seed", range(max(4, settings().max_examples // 15)))
def test_a_filter_means_the_same_in_every_state(seed: int, tmp_path: Path) -> None:
    choose = random.Random(seed)
    cases = Cases(choose.getrandbits(60))
    filters = []
    for _ in range(_FILTERS):
        node = cases.filter()
        rendering = Rendering(choose)
        filters.append((node, rendering.text(node), rendering.params))
    states = _States(tmp_path, cases)
    everything = dict(states.rows)
    states.rows = {key: row for key, row in everything.items() if key < states.half()}
    states.insert(0, states.half())
    states.check("growing", filters)
    states.service.execute(Flush("c"))
    states.check("sealed", filters)
    states.rows = everything
    states.insert(states.half(), states.end())
    states.check("sealed and growing", filters)
    states.service.execute(Flush("c"))
    states.delete([key for key in list(states.rows) if choose.random() < 0.3])
    states.check("two segments with deleted rows", filters)
    states.service.execute(Compact("c"))
    states.check("compacted", filters)
    states.reopen()
    states.check("reopened", filters)
    states.service.close()
