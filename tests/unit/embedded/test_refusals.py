"""Bad input is refused whole: the error names field and row, and no row, no log byte and no commit is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import elanus
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.errors import ElanusError, InvalidInput, NotFound
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("vector", DataType.FLOAT_VECTOR, dim=2),
        Field("half", DataType.FLOAT16_VECTOR, dim=2, nullable=True),
        Field("brain", DataType.BFLOAT16_VECTOR, dim=2, nullable=True),
        Field("bytes", DataType.INT8_VECTOR, dim=2, nullable=True),
        Field("bits", DataType.BINARY_VECTOR, dim=8, nullable=True),
        Field("sparse", DataType.SPARSE_FLOAT_VECTOR, nullable=True),
        Field("flag", DataType.BOOL, nullable=True),
        Field("tiny", DataType.INT8, nullable=True),
        Field("large", DataType.INT64, nullable=True),
        Field("single", DataType.FLOAT, nullable=True),
        Field("double", DataType.DOUBLE, nullable=True),
        Field("text", DataType.VARCHAR, max_length=4),
        Field("tags", DataType.ARRAY, element_type=DataType.INT8, max_capacity=2, nullable=True),
        Field("names", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=2, max_length=2, nullable=True),
        Field("document", DataType.JSON, nullable=True),
    )
)
GOOD: dict[str, Any] = {"id": 1, "vector": [1.0, 0.0], "text": "a"}
NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Unchanged:
    """A collection, and what must not change."""

    collection: Collection
    folder: Path

    def state(self) -> tuple[Any, ...]:
        rows = self.collection.query("id > -9223372036854775808", output_fields=["*"]).to_list()
        files = sorted((str(file), file.stat().st_size) for file in self.folder.rglob("*") if file.is_file())
        return rows, len(self.collection), files


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unchanged]:
    """Two rows, one of them replaced since the flush."""
    folder = tmp_path_factory.mktemp("data")
    settings: dict[str, Any] = {"durability": "none", "background_maintenance": False, "vector_field_count_max": 8}
    with elanus.connect(folder, **settings) as database:
        collection = database.create_collection("c", SCHEMA)
        collection.insert([GOOD, {**GOOD, "id": 2, "tiny": 5}])
        collection.flush()
        collection.upsert([{**GOOD, "id": 2, "tiny": 6}])
        yield Unchanged(collection, folder)


@pytest.fixture
def unchanged(watched: Unchanged) -> Iterator[Unchanged]:
    """Checked at the end of the test: rows, their number, and every file's length."""
    before = watched.state()
    assert len(before[0]) == 2
    yield watched
    assert watched.state() == before


VALUES: list[tuple[str, Any, str]] = [
    ("vector", [1.0], "dimension_mismatch"),
    ("vector", [1.0, 2.0, 3.0], "dimension_mismatch"),
    ("vector", [], "dimension_mismatch"),
    ("vector", [1.0, NAN], "not_finite"),
    ("vector", [INF, 0.0], "not_finite"),
    ("vector", [1e39, 0.0], "not_finite"),
    ("vector", "ab", "type_mismatch"),
    ("vector", 5, "type_mismatch"),
    ("vector", ["a", "b"], "type_mismatch"),
    ("vector", [None, 1.0], "type_mismatch"),
    ("vector", {0: 1.0}, "type_mismatch"),
    ("vector", None, "null_not_allowed"),
    ("half", [1.0], "dimension_mismatch"),
    ("half", [NAN, 0.0], "not_finite"),
    ("half", [1e6, 0.0], "not_finite"),
    ("brain", [1.0, 2.0, 3.0], "dimension_mismatch"),
    ("brain", [INF, 0.0], "not_finite"),
    ("bytes", [128, 0], "out_of_range"),
    ("bytes", [-129, 0], "out_of_range"),
    ("bytes", [1.5, 0], "type_mismatch"),
    ("bits", b"", "dimension_mismatch"),
    ("bits", b"ab", "dimension_mismatch"),
    ("bits", [2] * 8, "dimension_mismatch"),
    ("sparse", {-1: 1.0}, "out_of_range"),
    ("sparse", {1 << 32: 1.0}, "out_of_range"),
    ("sparse", {0: NAN}, "not_finite"),
    ("sparse", {0: "x"}, "type_mismatch"),
    ("sparse", {"a": 1.0}, "type_mismatch"),
    ("sparse", [1.0, 2.0], "type_mismatch"),
    ("flag", 1, "type_mismatch"),
    ("flag", "true", "type_mismatch"),
    ("tiny", 128, "out_of_range"),
    ("tiny", -129, "out_of_range"),
    ("tiny", 1.0, "type_mismatch"),
    ("tiny", "1", "type_mismatch"),
    ("tiny", True, "type_mismatch"),
    ("large", 1 << 63, "out_of_range"),
    ("large", -(1 << 63) - 1, "out_of_range"),
    ("large", np.float64(1), "type_mismatch"),
    ("single", NAN, "not_finite"),
    ("single", 1e39, "not_finite"),
    ("single", "1", "type_mismatch"),
    ("double", INF, "not_finite"),
    ("double", NAN, "not_finite"),
    ("double", 10**400, "out_of_range"),
    ("text", "abcde", "length_exceeded"),
    ("text", "ééé", "length_exceeded"),
    ("text", 5, "type_mismatch"),
    ("text", b"a", "type_mismatch"),
    ("text", None, "null_not_allowed"),
    ("text", "\ud800", "invalid_value"),
    ("tags", [1, 2, 3], "length_exceeded"),
    ("tags", [128], "out_of_range"),
    ("tags", [None], "type_mismatch"),
    ("tags", ["a"], "type_mismatch"),
    ("tags", 5, "type_mismatch"),
    ("tags", "ab", "type_mismatch"),
    ("names", ["abc"], "length_exceeded"),
    ("names", [1], "type_mismatch"),
    ("document", {"a": object()}, "type_mismatch"),
    ("document", object(), "type_mismatch"),
    ("id", None, "null_not_allowed"),
    ("id", "1", "type_mismatch"),
    ("id", 1.5, "type_mismatch"),
    ("id", 1 << 63, "out_of_range"),
    ("id", True, "type_mismatch"),
]


@pytest.mark.parametrize(("name", "value", "kind"), VALUES)
def test_a_wrong_value_names_field_and_row(unchanged: Unchanged, name: str, value: Any, kind: str) -> None:
    rows = [{**GOOD, name: GOOD.get(name)}, {**GOOD, "id": 5}, {**GOOD, "id": 3, name: value}]
    for write in (unchanged.collection.insert, unchanged.collection.upsert):
        with pytest.raises(InvalidInput) as refused:
            write(rows)
        assert (refused.value.kind, refused.value.field, refused.value.row) == (kind, name, 2)
        assert repr(name) in refused.value.message


@pytest.mark.parametrize(("name", "value", "kind"), VALUES)
def test_a_wrong_value_in_a_column_names_field_and_row(unchanged: Unchanged, name: str, value: Any, kind: str) -> None:
    columns = {field: [given, given] for field, given in GOOD.items()}
    columns["id"] = [5, 6]
    columns[name] = [GOOD.get(name), value]
    with pytest.raises(InvalidInput) as refused:
        unchanged.collection.insert(columns)
    assert (refused.value.kind, refused.value.field, refused.value.row) == (kind, name, 1)


ARRAYS: list[tuple[str, Any, str]] = [
    ("vector", np.zeros((2, 3)), "dimension_mismatch"),
    ("vector", np.zeros(2), "dimension_mismatch"),
    ("vector", np.array([[0, 0], [NAN, 0]]), "not_finite"),
    ("vector", np.array([["a", "b"], ["c", "d"]]), "type_mismatch"),
    ("vector", pa.array([1, 2]), "type_mismatch"),
    ("vector", pa.array([[1.0, 2.0], [1.0]]), "dimension_mismatch"),
    ("bytes", np.full((2, 2), 300), "out_of_range"),
    ("tiny", np.array([1, 300]), "out_of_range"),
    ("tiny", np.array([1.0, 2.0]), "type_mismatch"),
    ("tiny", pa.array([1, 300]), "out_of_range"),
    ("tiny", pa.array(["1", "2"]), "type_mismatch"),
    ("large", np.array([0, 1 << 63], np.uint64), "out_of_range"),
    ("double", np.array([0, NAN]), "not_finite"),
    ("double", pa.array([0, INF]), "not_finite"),
    ("text", np.array(["a", "abcde"]), "length_exceeded"),
    ("text", pa.array(["a", None]), "null_not_allowed"),
    ("text", pa.array([b"a", b"\xff"]), "type_mismatch"),
    ("id", pa.array([5, None]), "null_not_allowed"),
    ("id", np.array(["5", "6"]), "type_mismatch"),
    ("flag", np.array([0, 1]), "type_mismatch"),
]


@pytest.mark.parametrize(("name", "values", "kind"), ARRAYS)
def test_a_wrong_array_names_its_field(unchanged: Unchanged, name: str, values: Any, kind: str) -> None:
    columns: dict[str, Any] = {"id": [5, 6], "vector": [[1, 0], [0, 1]], "text": ["a", "b"]}
    columns[name] = values
    with pytest.raises(InvalidInput) as refused:
        unchanged.collection.insert(columns)
    assert (refused.value.kind, refused.value.field) == (kind, name)


def test_missing_and_unknown_fields(unchanged: Unchanged) -> None:
    collection = unchanged.collection
    cases: list[tuple[Any, str, str | None]] = [
        ([{"id": 5, "text": "a"}], "missing_field", "vector"),
        ([{"vector": [1, 0], "text": "a"}], "missing_field", "id"),
        ([GOOD, {"id": 5, "vector": [1, 0]}], "null_not_allowed", "text"),
        ([{**GOOD, "extra": 1}], "unknown_field", "extra"),
        ([{}], "missing_field", None),
        ({"id": [5], "text": ["a"]}, "missing_field", "vector"),
        ({"id": [5], "vector": [[1, 0]], "text": ["a"], "extra": [1]}, "unknown_field", "extra"),
        ({"id": [5, 6], "vector": [[1, 0]], "text": ["a"]}, "row_count_mismatch", None),
        (pa.table({"id": [5], "extra": [1]}), "unknown_field", "extra"),
        (pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"]), "invalid_argument", None),
        ([{5: 1, **GOOD}], "unknown_field", "5"),
    ]
    for rows, kind, field in cases:
        for write in (collection.insert, collection.upsert):
            with pytest.raises(InvalidInput) as refused:
                write(rows)
            assert (refused.value.kind, refused.value.field) == (kind, field), rows


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([{"id": 2, "tiny": 300}], "out_of_range"),
        ([{"id": 2, "text": None}], "null_not_allowed"),
        ([{"id": 99, "tiny": 1}], "missing_field"),
        ([{"id": 2, "tiny": 1}, {"id": 99, "tiny": 1}], "missing_field"),
        ([{"tiny": 1}], "missing_field"),
        ([{"id": 1, "tiny": 1}, {"id": 2}], "missing_field"),
        ([{"id": None, "tiny": 1}], "null_not_allowed"),
        ([{"id": 2, "extra": 1}], "unknown_field"),
        ({"id": [2], "vector": np.zeros((1, 3))}, "dimension_mismatch"),
    ],
)
def test_wrong_partial_rows(unchanged: Unchanged, rows: Any, kind: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        unchanged.collection.upsert(rows, partial=True)
    assert refused.value.kind == kind


def test_wrong_partitions(unchanged: Unchanged) -> None:
    collection = unchanged.collection
    for call in (
        lambda: collection.insert([GOOD], partition="absent"),
        lambda: collection.upsert([GOOD], partition="absent"),
        lambda: collection.delete(1, partition="absent"),
        lambda: collection.delete(filter="id == 1", partition="absent"),
        lambda: collection.query("id > 0", partitions=["absent"]),
        lambda: collection.search([1, 0], field="vector", partitions=["_default", "absent"]),
        lambda: collection.drop_partition("absent"),
    ):
        with pytest.raises(NotFound, match="partition not found: 'absent'"):
            call()
    for name in ("", "a b", "1a", "x" * 256, "é"):
        with pytest.raises(InvalidInput):
            collection.create_partition(name)
    with pytest.raises(InvalidInput):
        collection.drop_partition("_default")


@pytest.mark.parametrize(
    "text", ["id ==", "absent > 1", "text > 5", "id in 5", "((", "id == {missing}", "1 + 1", "text like 5", "id > 'a'"]
)
def test_wrong_filters(unchanged: Unchanged, text: str) -> None:
    collection = unchanged.collection
    for call in (
        lambda: collection.delete(filter=text),
        lambda: collection.query(text),
        lambda: collection.count(text),
        lambda: collection.search([1, 0], field="vector", filter=text),
    ):
        with pytest.raises(InvalidInput) as refused:
            call()
        assert refused.value.kind == "invalid_filter"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"limit": 0}, "out_of_range"),
        ({"limit": -1}, "out_of_range"),
        ({"limit": 16_385}, "limit_exceeded"),
        ({"limit": 16_384, "offset": 1}, "limit_exceeded"),
        ({"offset": -1}, "out_of_range"),
        ({"metric": "HAMMING"}, "metric_mismatch"),
        ({"metric": "nearest"}, "metric_mismatch"),
        ({"field": "absent"}, "invalid_argument"),
        ({"field": "text"}, "invalid_argument"),
        ({"field": ""}, "invalid_argument"),
        ({"field": "sparse"}, "type_mismatch"),
        ({"output_fields": ["absent"]}, "invalid_argument"),
        ({"params": {"radius": "x"}}, "invalid_argument"),
        ({"params": {"radius": NAN}}, "invalid_argument"),
        ({"params": {"range_filter": 1.0}}, "invalid_argument"),
        ({"metric": "L2", "params": {"radius": 1.0, "range_filter": 2.0}}, "out_of_range"),
        ({"metric": "IP", "params": {"radius": 2.0, "range_filter": 1.0}}, "out_of_range"),
    ],
)
def test_wrong_searches(unchanged: Unchanged, arguments: dict[str, Any], kind: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        unchanged.collection.search([1, 0], **{"field": "vector", **arguments})
    assert refused.value.kind == kind


@pytest.mark.parametrize(
    "vectors", [[1.0], [1.0, 2.0, 3.0], [NAN, 0], [INF, 0], [[1.0, 0], [1.0, NAN]], np.zeros((1, 3)), np.zeros((0, 2))]
)
def test_wrong_query_vectors(unchanged: Unchanged, vectors: Any) -> None:
    with pytest.raises(InvalidInput):
        unchanged.collection.search(vectors, field="vector")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"limit": 0}, "out_of_range"),
        ({"limit": -5}, "out_of_range"),
        ({"limit": 16_385}, "limit_exceeded"),
        ({"limit": 10, "offset": -1}, "out_of_range"),
        ({"filter": "", "limit": None}, "out_of_range"),
        ({"output_fields": ["absent"]}, "invalid_argument"),
        ({"output_fields": ["count(*)", "id"]}, "invalid_argument"),
    ],
)
def test_wrong_queries(unchanged: Unchanged, arguments: dict[str, Any], kind: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        unchanged.collection.query(**{"filter": "id > 0", **arguments})
    assert refused.value.kind == kind


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("vector", "NONE_SUCH"), "invalid_index"),
        (("text", "HNSW"), "invalid_index"),
        (("bits", "HNSW"), "invalid_index"),
        (("sparse", "IVF_FLAT"), "invalid_index"),
        (("absent", "HNSW"), "field_not_found"),
        (("", "HNSW"), "invalid_argument"),
    ],
)
def test_wrong_indexes(unchanged: Unchanged, arguments: tuple[str, str], kind: str) -> None:
    with pytest.raises(ElanusError) as refused:
        unchanged.collection.create_index(*arguments)
    assert refused.value.kind == kind
    assert unchanged.collection.indexes() == []


@pytest.mark.parametrize(
    "params", [{"M": 1}, {"M": "many"}, {"M": 1 << 20}, {"efConstruction": 0}, {"metric": "HAMMING"}, {"name": "a b"}]
)
def test_wrong_index_parameters(unchanged: Unchanged, params: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        unchanged.collection.create_index("vector", "HNSW", **params)
    assert unchanged.collection.indexes() == []


@pytest.mark.parametrize("name", ["", "a b", "1a", "é", "x" * 256, "a-b", "a/b", "../a"])
def test_wrong_names(database: Database, books: Collection, name: str) -> None:
    """Of collections, aliases and databases; nothing is made."""
    for call in (
        lambda: database.create_collection(name, dimension=2),
        lambda: database.rename_collection("books", name),
        lambda: database.create_alias(name, "books"),
        lambda: database.create_database(name),
    ):
        with pytest.raises(InvalidInput):
            call()
    assert database.list_collections() == ["books"]
    assert database.list_databases() == ["default"]


def test_a_batch_that_is_refused_does_not_use_up_a_generated_key_twice(database: Database) -> None:
    collection = database.create_collection(
        "auto",
        Schema(
            (
                Field("id", DataType.INT64, is_primary=True, auto_id=True),
                Field("vector", DataType.FLOAT_VECTOR, dim=2),
            )
        ),
    )
    first = collection.insert([{"vector": [1, 0]}] * 3)
    with pytest.raises(InvalidInput):
        collection.insert([{"vector": [1, 0]}, {"vector": [1, NAN]}])
    with pytest.raises(InvalidInput, match="generated"):
        collection.insert([{"id": 5, "vector": [1, 0]}])
    second = collection.insert([{"vector": [1, 0]}] * 3)
    assert len({*first, *second}) == 6
    assert collection.query("id > 0").to_list() == [{"id": key} for key in sorted([*first, *second])]


def test_keys_given_twice_in_one_batch(books: Collection) -> None:
    """An insert keeps both rows and finds the newer one; an upsert keeps the last."""
    rows = [{"id": 1, "vector": [1, 0], "title": title} for title in ("a", "b", "c")]
    assert books.upsert(rows) == [1, 1, 1]
    assert len(books) == 1
    assert books.get(1)[0]["title"] == "c"
    assert books.insert(rows) == [1, 1, 1]
    assert len(books) == 4
    assert books.query("id == 1").to_list() == [{"id": 1, "title": "c", "year": None}]
    assert len(books.search([1, 0])) == 1
    assert books.delete(1) == 4
