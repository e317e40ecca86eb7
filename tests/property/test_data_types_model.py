"""What goes in comes out: random schemas over every type, random rows in a random form, through flush, compaction,
power loss and reopening.

The rounding of short floating-point types is the only change a value may see; `tests/reference/random_rows.py` says it
once more on its own.
"""

import json
from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from elanus.app.compose import service_on_disk
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.runtime.clock import ManualClock
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.reference.random_rows import as_stored, rows_of, schemas
from tests.simulation.disk import SimulatedDisk

SETTINGS = Settings(
    background_maintenance=False,
    search_thread_count=1,
    partition_count_max=4,
    index_rows_min=4,
    # So that some inserts are kept as views of the log and some are not.
    wal_view_bytes_min=500,
)
FORMS = ("rows", "columns", "table", "polars", "chunks")
STEPS = ("nothing", "flush", "compact", "reopen", "power loss", "index")
EQUALITY = {DataType.INT8, DataType.INT16, DataType.INT32, DataType.INT64, DataType.BOOL, DataType.VARCHAR}

Row = dict[str, Any]


def in_form(form: str, rows: list[Row], schema: Schema) -> Any:
    """The rows as the user may give them; columns of nulls where a row leaves a field out."""
    if form == "rows":
        return [{**row, **row.get("$meta", {})} if "$meta" in row else row for row in rows]
    columns = {name: [row.get(name) for row in rows] for name in {name: None for row in rows for name in row}}
    if form == "columns":
        return columns
    table = pa.table({name: arrow_column(schema.field(name), values) for name, values in columns.items()})
    if form == "polars":
        return pl.from_arrow(table)
    return pa.concat_tables([table.slice(0, 1), table.slice(1)]) if form == "chunks" else table


def arrow_column(field: Field, values: list[Any]) -> pa.Array:
    """As another program would write it: JSON as text, sparse vectors as lists of structs."""
    if field.data_type is DataType.JSON:
        return pa.array([None if value is None else json.dumps(value) for value in values], pa.string())
    if field.data_type is DataType.SPARSE_FLOAT_VECTOR:
        pairs = pa.list_(pa.struct([("index", pa.int64()), ("value", pa.float64())]))
        return pa.array(
            [None if value is None else [{"index": i, "value": value[i]} for i in sorted(value)] for value in values],
            pairs,
        )
    return pa.array(values)


class Store:
    """One collection on a simulated disk, and the rows it should have."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.disk = SimulatedDisk()
        self.expected: dict[Any, Row] = {}
        self.open()
        self.database.create_collection("c", schema)

    def open(self) -> None:
        self.database = Database(service_on_disk(self.disk, SETTINGS, clock=ManualClock()), "simulated")

    @property
    def collection(self) -> Collection:
        return self.database["c"]

    def write(self, rows: list[Row], form: str) -> None:
        key = self.schema.primary_field
        if not any(rows):  # rows that name no field at all cannot be told from no rows, and are refused
            rows[0][next(field.name for field in self.schema.user_fields if field.may_be_omitted)] = None
        data = in_form(form, rows, self.schema)
        keys = self.collection.insert(data) if key.auto_id else self.collection.upsert(data)
        assert len(keys) == len(rows)
        for value, row in zip(keys, rows, strict=True):
            self.expected[value] = as_stored({**row, key.name: value}, self.schema)

    def step(self, step: str) -> None:
        if step == "flush":
            self.collection.flush()
        elif step == "compact":
            self.collection.flush()
            self.collection.compact()
        elif step == "reopen":
            self.database.close()
            self.open()
        elif step == "power loss":
            self.disk = self.disk.after_power_loss(seed=len(self.expected))
            self.open()
        elif step == "index" and not self.collection.indexes():
            for field in self.schema.vector_fields:
                self.collection.create_index(field.name)

    def check(self) -> None:
        keys = sorted(self.expected, key=lambda key: key.encode() if isinstance(key, str) else key)
        rows = [self.expected[key] for key in keys]
        collection, name = self.collection, self.schema.primary_field.name
        assert len(collection) == len(rows)
        assert collection.get(keys, output_fields=["*"]).to_list() == rows
        first: Any = "" if isinstance(keys[0], str) else -(1 << 63)
        everything = collection.query(f"{name} >= {{first}}", params={"first": first}, output_fields=["*"])
        assert everything.to_list() == rows
        for field in self.schema.vector_fields:
            self.check_search(field)
        for field in self.schema.user_fields:
            self.check_filters(field, rows)

    def check_search(self, field: Field) -> None:
        """Every row with a vector is found once, with all of its values, and scores run the right way."""
        having = {key: row for key, row in self.expected.items() if row[field.name] is not None}
        if not having:
            return
        one = next(iter(having.values()))[field.name]
        if field.data_type is DataType.SPARSE_FLOAT_VECTOR:  # a row that shares no index is no hit
            having = {key: row for key, row in having.items() if set(row[field.name]) & set(one)}
        found = self.collection.search(
            [one] if field.data_type is DataType.BINARY_VECTOR else one,
            field=field.name,
            limit=len(self.expected) + 1,
            output_fields=["*"],
        )
        hits = found.to_list()
        hits = hits[0] if field.data_type is DataType.BINARY_VECTOR else hits
        assert len(hits) == len(having)
        name = self.schema.primary_field.name
        assert {hit[name]: {key: value for key, value in hit.items() if key != "distance"} for hit in hits} == having
        scores = [hit["distance"] for hit in hits]
        assert scores == sorted(scores, reverse=found.metric in {"IP", "COSINE"})

    def check_filters(self, field: Field, rows: list[Row]) -> None:
        if field.nullable and not field.is_vector and field.data_type is not DataType.JSON:
            expected = sum(row[field.name] is None for row in rows)
            assert self.collection.count(f"{field.name} is null") == expected
        if field.data_type in EQUALITY and rows[0][field.name] is not None:
            value = rows[0][field.name]
            equal = [row for row in rows if row[field.name] is not None and row[field.name] == value]
            found = self.collection.query(f"{field.name} == {{value}}", params={"value": value}, output_fields=["*"])
            assert found.to_list() == equal


@given(st.data())
def test_what_goes_in_comes_out(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    store = Store(schema)
    for _ in range(data.draw(st.integers(1, 3))):
        rows = data.draw(rows_of(schema, rows_max=6))
        store.write(rows, data.draw(st.sampled_from(FORMS)))
        store.step(data.draw(st.sampled_from(STEPS)))
    store.check()
    store.database.close()
