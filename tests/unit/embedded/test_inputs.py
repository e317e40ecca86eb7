"""Every form in which rows and query vectors may be given means the same; anything else is refused in words."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from elanus.embedded.collection import Collection
from elanus.errors import InvalidInput

ROWS: list[dict[str, Any]] = [
    {"id": 1, "vector": [1.0, 0.0], "title": "Emma", "year": 1815},
    {"id": 2, "vector": [0.0, 1.0], "title": "Ulysses", "year": None},
    {"id": 3, "vector": [1.0, 1.0], "title": "", "year": -1},
]
COLUMNS: dict[str, list[Any]] = {name: [row[name] for row in ROWS] for name in ROWS[0]}
MATRIX = np.array(COLUMNS["vector"], np.float32)


class Proxy(Mapping[str, Any]):
    """A row that is no dict."""

    def __init__(self, row: dict[str, Any]) -> None:
        self._row = row

    def __getitem__(self, name: str) -> Any:
        return self._row[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)


def packed() -> pa.Table:
    """As Elanus itself gives rows out: fixed-size lists."""
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(MATRIX.reshape(-1)), 2)
    return pa.table({**COLUMNS, "vector": vectors})


def several_chunks() -> pa.Table:
    return pa.concat_tables([packed().slice(0, 1), packed().slice(1, 2)])


FORMS: dict[str, Callable[[], Any]] = {
    "a list of dicts": lambda: ROWS,
    "a tuple of mappings": lambda: tuple(map(Proxy, ROWS)),
    "lists": lambda: COLUMNS,
    "tuples": lambda: {name: tuple(values) for name, values in COLUMNS.items()},
    "arrays": lambda: {**COLUMNS, "id": np.array([1, 2, 3]), "vector": MATRIX, "title": np.array(COLUMNS["title"])},
    "float64 matrix": lambda: {**COLUMNS, "vector": MATRIX.astype(np.float64)},
    "strided matrix": lambda: {**COLUMNS, "vector": np.repeat(MATRIX, 2, axis=1)[:, ::2]},
    "Fortran matrix": lambda: {**COLUMNS, "vector": np.asfortranarray(MATRIX)},
    "a list of arrays": lambda: {**COLUMNS, "vector": list(MATRIX)},
    "object array": lambda: {**COLUMNS, "year": np.array([1815, None, -1], object)},
    "Arrow arrays": lambda: {name: pa.array(values) for name, values in COLUMNS.items()},
    "Arrow table": packed,
    "Arrow table with lists": lambda: pa.table(COLUMNS),
    "Arrow table in chunks": several_chunks,
    "record batch": lambda: packed().to_batches()[0],
    "sliced table": lambda: pa.concat_tables([packed(), packed()]).slice(3, 3),
    "dictionary text": lambda: packed().set_column(2, "title", pa.array(COLUMNS["title"]).dictionary_encode()),
    "pandas": lambda: pd.DataFrame({**COLUMNS, "year": pd.array([1815, None, -1], "Int16")}),
    "pandas with an index": lambda: pd.DataFrame(
        {**COLUMNS, "year": pd.array([1815, None, -1], "Int16")}, index=[9, 8, 7]
    ),
    "pandas of arrays": lambda: pd.DataFrame({**COLUMNS, "vector": list(MATRIX), "year": pd.array([1815, None, -1])}),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "polars arrays": lambda: pl.DataFrame(COLUMNS, schema_overrides={"vector": pl.Array(pl.Float32, 2)}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("write", ["insert", "upsert"])
def test_every_form_stores_the_same_rows(books: Collection, form: str, write: str) -> None:
    assert getattr(books, write)(FORMS[form]()) == [1, 2, 3]
    assert books.query("id > 0", output_fields=["*"]).to_list() == ROWS
    books.flush()
    assert books.query("id > 0", output_fields=["*"]).to_list() == ROWS


def test_one_row_is_a_dict(books: Collection) -> None:
    assert books.insert(ROWS[0]) == [1]
    assert books.insert({**ROWS[1], "id": np.int64(2)}) == [2]
    assert books.get([1, 2], output_fields=["*"]).to_list() == ROWS[:2]


def test_the_callers_memory_is_free_after_the_call(books: Collection) -> None:
    """Stored rows do not change when the array that was inserted does."""
    vectors = MATRIX.copy()
    books.insert({**COLUMNS, "vector": vectors})
    vectors[:] = 9
    assert books.query("id > 0", output_fields=["*"]).to_list() == ROWS


@pytest.mark.parametrize("empty", [[], (), {"id": [], "vector": [], "title": []}, pa.table({}), pd.DataFrame()])
def test_no_rows_are_no_mistake(books: Collection, empty: Any) -> None:
    assert books.insert(empty) == []
    assert books.upsert(empty) == []
    assert len(books) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        (row for row in ROWS),
        iter(ROWS),
        {1, 2},
        "rows",
        b"rows",
        7,
        None,
        np.zeros((3, 2)),
        pd.Series([1]),
        pa.array([1]),
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_are_no_rows_is_refused(books: Collection, wrong: Any) -> None:
    for write in (books.insert, books.upsert):
        with pytest.raises(InvalidInput, match="expected a list of dicts") as refused:
            write(wrong)
        assert refused.value.kind == "type_mismatch"
    assert len(books) == 0


@pytest.mark.parametrize("wrong", [1, "x", None, [1, 2], ("id", 1)])
def test_a_row_that_is_no_dict_is_named(books: Collection, wrong: Any) -> None:
    with pytest.raises(InvalidInput, match=r"row 1 is a \w+, expected a dict") as refused:
        books.insert([ROWS[0], wrong])
    assert refused.value.row == 1


QUERIES: list[tuple[Any, bool]] = [
    ([1, 0], True),
    ([1.0, 0.0], True),
    ((1, 0), True),
    (np.array([1, 0]), True),
    (np.array([1, 0], np.float32), True),
    (np.array([1, 0], np.float16), True),
    ([np.float32(1), np.float64(0)], True),
    ([[1, 0]], False),
    ([np.array([1, 0])], False),
    (np.array([[1, 0]]), False),
    (np.array([[1, 5, 0, 5]], np.float32)[:, ::2], False),
    (np.array([[1, 0], [9, 9]], np.float32)[:1], False),
]


@pytest.mark.parametrize(("vectors", "single"), QUERIES)
def test_every_form_of_query_vector(books: Collection, vectors: Any, single: bool) -> None:
    books.insert(ROWS)
    hits = books.search(vectors, limit=1, metric="L2").to_list()
    assert (hits if single else hits[0]) == [{"id": 1, "distance": 0.0}]


@pytest.mark.parametrize(
    "wrong", ["12", None, 5, {}, {0: 1.0}, [], object(), ["a", "b"], [None, 1], [[1, 0], [1]], np.zeros((1, 1, 2))]
)
def test_what_is_no_query_vector_is_refused(books: Collection, wrong: Any) -> None:
    books.insert(ROWS)
    with pytest.raises(InvalidInput) as refused:
        books.search(wrong)
    assert refused.value.field == "vector"


KEYS: list[Any] = [
    [1, 3],
    (1, 3),
    {1, 3},
    range(1, 4, 2),
    (key for key in (3, 1)),
    np.array([1, 3]),
    np.array([1, 3], np.uint8),
    pa.array([1, 3]),
    pa.chunked_array([[1], [3]]),
    pd.Series([1, 3]),
    pl.Series([3, 1]),
    {1: "a", 3: "b"}.keys(),
    [3, 1, 1, 99],
]


@pytest.mark.parametrize("keys", KEYS, ids=lambda value: type(value).__name__)
def test_every_form_of_primary_keys(books: Collection, keys: Any) -> None:
    keys = list(keys) if not hasattr(keys, "__len__") else keys
    books.insert(ROWS)
    assert books.get(keys, output_fields=["*"]).to_list() == [ROWS[0], ROWS[2]]
    assert books.delete(keys) == 2
    assert books.query("id > 0", output_fields=["*"]).to_list() == [ROWS[1]]


@pytest.mark.parametrize("key", [2, np.int64(2), np.int8(2)])
def test_one_primary_key(books: Collection, key: Any) -> None:
    books.insert(ROWS)
    assert books.get(key)[0]["title"] == "Ulysses"
    assert books.delete(key) == 1
    assert len(books) == 2


@pytest.mark.parametrize(
    "wrong", ["1", ["1"], [1.0], 1.5, [None], None, b"1", {1: 2}, [True], True, [[1]], [1 << 63], np.array([1.0])]
)
def test_what_are_no_primary_keys_is_refused(books: Collection, wrong: Any) -> None:
    books.insert(ROWS)
    with pytest.raises(InvalidInput):
        books.get(wrong)
    with pytest.raises(InvalidInput):
        books.delete(wrong)
    assert len(books) == 3


def test_no_primary_keys_find_nothing(books: Collection) -> None:
    books.insert(ROWS)
    for none in ([], (), np.array([], np.int64), pa.array([], pa.int64())):
        assert books.get(none).to_list() == []
        assert books.delete(none) == 0


def test_delete_wants_keys_or_a_filter(books: Collection) -> None:
    books.insert(ROWS)
    for arguments in ({}, {"ids": [1], "filter": "id == 1"}):
        with pytest.raises(InvalidInput, match="either primary keys or a filter"):
            books.delete(**arguments)
    with pytest.raises(InvalidInput):
        books.delete(filter="  ")
    assert len(books) == 3


def test_a_string_is_no_list_of_names(books: Collection) -> None:
    books.insert(ROWS)
    with pytest.raises(InvalidInput, match=r"expected a list: \['title'\]"):
        books.query("id > 0", output_fields="title")
    with pytest.raises(InvalidInput, match=r"expected a list: \['_default'\]"):
        books.search([1, 0], partitions="_default")
