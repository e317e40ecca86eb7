"""Fields added, altered and dropped between writes, flushes, compactions and reopenings, against a list of dicts."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elanus
from elanus.errors import ElanusError, InvalidInput, NotFound

_KINDS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "number": ({"data_type": elanus.DataType.INT32}, 7, None),
    "counted": ({"data_type": elanus.DataType.INT64, "default_value": 5}, 8, 5),
    "text": ({"data_type": elanus.DataType.VARCHAR, "max_length": 9}, "abc", None),
    "spoken": ({"data_type": elanus.DataType.VARCHAR, "max_length": 9, "default_value": "x"}, "abc", "x"),
    "list": (
        {"data_type": elanus.DataType.ARRAY, "element_type": elanus.DataType.INT8, "max_capacity": 3},
        [1, 2],
        None,
    ),
    "document": ({"data_type": elanus.DataType.JSON}, {"a": [1]}, None),
    "when": (
        {"data_type": elanus.DataType.TIMESTAMPTZ, "default_value": "2025-01-02T03:04:05Z"},
        "2026-01-01T00:00:00Z",
        "2025-01-02T03:04:05Z",
    ),
    "vector": ({"data_type": elanus.DataType.FLOAT_VECTOR, "dim": 2}, [1.0, 2.0], None),
    "structs": (
        {
            "data_type": elanus.DataType.ARRAY,
            "element_type": elanus.DataType.STRUCT,
            "max_capacity": 3,
            "struct_fields": (elanus.Field("n", elanus.DataType.INT8),),
        },
        [{"n": 1}],
        None,
    ),
}
_STEP = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(["a", "b", "c"]), st.sampled_from(sorted(_KINDS))),
    st.tuples(st.just("drop"), st.sampled_from(["a", "b", "c"]), st.just("")),
    st.tuples(st.just("insert"), st.just(""), st.just("")),
    st.tuples(st.just("delete"), st.just(""), st.just("")),
    st.tuples(st.sampled_from(["flush", "compact", "reopen", "dynamic"]), st.just(""), st.just("")),
)


class _Model:
    """What the collection should hold: the kind of each added field, and the rows."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self.rows: dict[int, dict[str, Any]] = {}
        self.dynamic = False
        self.next_key = 0

    def new_rows(self) -> list[dict[str, Any]]:
        rows = []
        for _ in range(3):
            key, self.next_key = self.next_key, self.next_key + 1
            row: dict[str, Any] = {"id": key, "base": [float(key), 0.0]}
            row |= {name: _KINDS[kind][1] for name, kind in self.kinds.items() if (key + len(name)) % 3}
            if self.dynamic and key % 2:
                row["extra"] = key
            rows.append(row)
        return rows

    def keep(self, row: dict[str, Any]) -> None:
        missing = {name: _KINDS[kind][2] for name, kind in self.kinds.items()}
        self.rows[row["id"]] = {**missing, **row}

    def expected(self) -> list[dict[str, Any]]:
        return [self.rows[key] for key in sorted(self.rows)]


def _connect(path: Path) -> elanus.Database:
    return elanus.connect(path, durability="none", index_rows_min=2, background_maintenance=False)


def _apply(step: tuple[str, str, str], model: _Model, rows: elanus.Collection) -> None:
    action, name, kind = step
    if action == "add" and name not in model.kinds:
        rows.add_field(elanus.Field(name, nullable=True, **_KINDS[kind][0]))
        model.kinds[name] = kind
        for row in model.rows.values():
            row[name] = _KINDS[kind][2]
    elif action == "drop" and name in model.kinds:
        rows.drop_field(name)
        del model.kinds[name]
        for row in model.rows.values():
            del row[name]
    elif action == "insert":
        new = model.new_rows()
        rows.insert(new)
        for row in new:
            model.keep(row)
    elif action == "delete" and model.rows:
        rows.delete([min(model.rows)])
        del model.rows[min(model.rows)]
    elif action == "dynamic":
        rows.alter_properties({"dynamicfield.enabled": "true"})
        model.dynamic = True
    elif action == "flush":
        rows.flush()
    elif action == "compact":
        rows.compact()


@settings(max_examples=max(8, settings().max_examples // 5))
@given(st.lists(_STEP, min_size=3, max_size=25))
def test_rows_have_the_fields_of_the_day(steps: list[tuple[str, str, str]]) -> None:
    model = _Model()
    with TemporaryDirectory() as folder:
        database = _connect(Path(folder))
        fields = (
            elanus.Field("id", elanus.DataType.INT64, is_primary=True),
            elanus.Field("base", elanus.DataType.FLOAT_VECTOR, dim=2),
        )
        rows = database.create_collection("rows", schema=elanus.Schema(fields))
        for step in steps:
            if step[0] == "reopen":
                database.close()
                database = _connect(Path(folder))
                rows = database["rows"]
            _apply(step, model, rows)
            assert rows.query("id >= 0", output_fields=["*"]).to_list() == model.expected(), step
        for name, kind in model.kinds.items():
            value = _KINDS[kind][1]
            if kind in {"number", "counted", "text", "spoken"}:
                text = f"{name} == {value!r}"
                found = [row["id"] for row in rows.query(text)]
                assert found == [row["id"] for row in model.expected() if row[name] == value]
            if kind == "vector":
                hits = rows.search([1.0, 2.0], field=name, metric="L2", limit=100)
                assert sorted(hits.ids) == [row["id"] for row in model.expected() if row[name] is not None]
        database.close()


@pytest.fixture
def one(tmp_path: Path) -> Any:
    database = _connect(tmp_path)
    fields = (
        elanus.Field("id", elanus.DataType.INT64, is_primary=True),
        elanus.Field("key", elanus.DataType.VARCHAR, max_length=4, is_partition_key=True),
        elanus.Field("base", elanus.DataType.FLOAT_VECTOR, dim=2),
        elanus.Field("n", elanus.DataType.INT8, nullable=True),
    )
    yield database.create_collection("rows", schema=elanus.Schema(fields))
    database.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows.add_field(elanus.Field("n", elanus.DataType.INT8, nullable=True)), "exists already"),
        (lambda rows: rows.add_field(elanus.Field("m", elanus.DataType.INT8)), "must be nullable"),
        (
            lambda rows: rows.add_field(elanus.Field("m", elanus.DataType.INT8, is_clustering_key=True)),
            "clustering key",
        ),
        (lambda rows: rows.add_field(elanus.Field("1m", elanus.DataType.INT8, nullable=True)), "1m"),
        (
            lambda rows: rows.add_field(elanus.Field("m", elanus.DataType.VARCHAR, max_length=0, nullable=True)),
            "max_le",
        ),
        (lambda rows: rows.drop_field("id"), "primary key"),
        (lambda rows: rows.drop_field("key"), "partition key"),
        (lambda rows: rows.drop_field("base"), "at least one vector field"),
        (lambda rows: rows.alter_field("n", max_length=5), "without max_length"),
        (lambda rows: rows.alter_field("key", max_length=70_000), "max_length"),
        (lambda rows: rows.alter_field("key", dim="3"), "cannot be altered"),
        (lambda rows: rows.alter_properties({"dynamicfield.enabled": "perhaps"}), "expected true"),
    ],
)
def test_what_is_refused_changes_nothing(one: elanus.Collection, change: Any, told: str) -> None:
    before = one.describe()
    with pytest.raises(InvalidInput, match=told):
        change(one)
    assert one.describe() == before


def test_unknown_fields_are_not_found(one: elanus.Collection) -> None:
    for change in (lambda: one.drop_field("no"), lambda: one.alter_field("no", max_length=3)):
        with pytest.raises(NotFound):
            change()


def test_longer_values_after_a_change(one: elanus.Collection) -> None:
    row = {"id": 1, "key": "abcdef", "base": [0.0, 0.0]}
    with pytest.raises(InvalidInput, match="key"):
        one.insert([row])
    one.alter_field("key", max_length=6)
    one.insert([row])
    one.alter_field("key", max_length=2)
    one.flush()
    assert one.get([1])[0]["key"] == "abcdef"


def test_indexes_go_with_their_field(one: elanus.Collection) -> None:
    one.add_field(elanus.Field("more", elanus.DataType.FLOAT_VECTOR, dim=2, nullable=True))
    one.insert([{"id": key, "key": "a", "base": [0.0, 1.0], "more": [float(key), 1.0]} for key in range(20)])
    one.flush()
    one.create_index("more", "HNSW", metric="L2")
    one.create_index("base", "FLAT", metric="L2")
    assert one.search([3.0, 1.0], field="more", limit=1).ids == [3]
    one.drop_field("more")
    assert [info.definition.field_name for info in one.indexes()] == ["base"]
    one.add_field(elanus.Field("more", elanus.DataType.FLOAT_VECTOR, dim=3, nullable=True))
    assert len(one.search([3.0, 1.0, 0.0], field="more", limit=1)) == 0
    assert len(one.search([0.0, 1.0], field="base", limit=30)) == 20


def test_a_reader_keeps_its_files_through_a_change(one: elanus.Collection) -> None:
    """A cursor holds the rows of its beginning while the schema changes and compaction removes their files."""
    for start in (0, 10):
        one.insert([{"id": start + key, "key": "a", "base": [float(start + key), 0.0], "n": key} for key in range(10)])
        one.flush()
    batches = one.search_iterator([0.0, 0.0], field="base", batch_size=5, output_fields=["n"])
    found = [hit["id"] for hit in next(batches)]
    one.add_field(elanus.Field("m", elanus.DataType.INT8, nullable=True))
    one.delete([19])
    one.compact()
    for batch in batches:
        found += [hit["id"] for hit in batch]
    assert found == list(range(20)) or found == list(range(19))


def test_writers_go_on_while_fields_come_and_go(tmp_path: Path) -> None:
    """Three writers, flushes and changes of the schema at once: every row is there, with the fields of the last one."""
    database = _connect(tmp_path)
    fields = (
        elanus.Field("id", elanus.DataType.INT64, is_primary=True),
        elanus.Field("base", elanus.DataType.FLOAT_VECTOR, dim=2),
        elanus.Field("n", elanus.DataType.INT64),
    )
    rows = database.create_collection("rows", schema=elanus.Schema(fields))
    stop = threading.Event()
    errors: list[ElanusError] = []

    def write(first: int) -> None:
        own = database["rows"]
        key = first
        try:
            while not stop.is_set():
                own.insert([{"id": key, "base": [0.0, 1.0], "n": -key}])
                key += 3
        except ElanusError as error:
            errors.append(error)
        written[first] = key

    written: dict[int, int] = {}
    threads = [threading.Thread(target=write, args=(first,)) for first in range(3)]
    for thread in threads:
        thread.start()
    for number in range(6):
        rows.add_field(elanus.Field(f"f{number}", elanus.DataType.INT32, nullable=True, default_value=number))
        if number % 2:
            rows.drop_field(f"f{number - 1}")
        rows.flush()
        if number == 3:
            rows.compact()
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors
    expected = sorted(key for first in range(3) for key in range(first, written[first], 3))
    for _ in ("running", "reopened"):
        found = database["rows"].query("id >= 0", output_fields=["*"]).to_list()
        assert [(row["id"], row["n"]) for row in found] == [(key, -key) for key in expected]
        assert {tuple(sorted(row)) for row in found} == {("base", "f1", "f3", "f5", "id", "n")}
        assert {(row["f1"], row["f3"], row["f5"]) for row in found} == {(1, 3, 5)}
        database.close()
        database = _connect(tmp_path)
    database.close()
