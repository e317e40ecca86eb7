"""Files of scalar indexes that do not belong together are refused, by a DataCorrupt that says why."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.columns.bitset import Bitset
from elanus.errors import DataCorrupt, Unavailable
from elanus.index.protocol import BuildContext
from elanus.index.scalar.files import build_scalar_index, open_scalar_index
from elanus.index.scalar.protocol import RowSets, ScalarColumn

_VALUES = pa.array(["b", "a", None, "b", "c"] * 40)
_ABSENT = Bitset.from_rows(np.arange(2, 200, 5), 200)


_BOXES = pa.array([None if row % 5 == 2 else [row, 0, row + 1, 2] for row in range(200)], pa.list_(pa.float64(), 4))


def _files(index_type: str) -> dict[str, bytes]:
    column = ScalarColumn(_BOXES if index_type == "RTREE" else _VALUES, RowSets(200, absent=_ABSENT))
    params = {"min_gram": 1, "max_gram": 2}
    files = build_scalar_index(column, index_type, params, BuildContext())
    return {name: bytes(memoryview(content)) for name, content in files.items()}


def _open(files: dict[str, bytes], row_count: int = 200) -> Any:
    return open_scalar_index({name: memoryview(content) for name, content in files.items()}, row_count)


def _described(files: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    description = {**json.loads(files["index.json"]), **changes}
    return {**files, "index.json": json.dumps(description).encode()}


@pytest.mark.parametrize("index_type", ["INVERTED", "BITMAP", "NGRAM", "RTREE"])
def test_every_file_is_needed_and_has_its_size(index_type: str) -> None:
    files = _files(index_type)
    assert _open(files).size().mapped_bytes == sum(map(len, files.values()))
    for name, content in files.items():
        if name == "offsets" and index_type == "INVERTED":
            expected = "belong to another column"
        else:
            expected = "missing|belong|bytes|valid|points"
        with pytest.raises(DataCorrupt, match=expected):
            _open({other: data for other, data in files.items() if other != name})
        if content:
            with pytest.raises(DataCorrupt):
                _open({**files, name: content[:-1]})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda files: _described(files, format=2), "this program reads up to 1"),
        (lambda files: _described(files, structure="tree"), "does not know"),
        (lambda files: _described(files, key_type="complex"), "expected one of"),
        (lambda files: _described(files, key_count=7), "elements"),
        (lambda files: {**files, "index.json": b"[]"}, "not a valid description"),
    ],
)
def test_what_the_description_says_must_hold(change: Callable[[dict[str, bytes]], dict[str, bytes]], told: str) -> None:
    with pytest.raises(DataCorrupt, match=told):
        _open(change(_files("INVERTED")))


@pytest.mark.parametrize("index_type", ["BITMAP", "RTREE"])
def test_an_index_of_another_column_is_refused(index_type: str) -> None:
    with pytest.raises(DataCorrupt, match="belong to another column"):
        _open(_files(index_type), row_count=201)


def test_boxes_that_do_not_fit_their_count_are_refused() -> None:
    with pytest.raises(DataCorrupt, match="elements"):
        _open(_described(_files("RTREE"), key_count=159))


@pytest.mark.parametrize("index_type", ["INVERTED", "NGRAM", "RTREE"])
def test_a_cancelled_build_ends(index_type: str) -> None:
    column = ScalarColumn(_BOXES if index_type == "RTREE" else _VALUES, RowSets(200, absent=_ABSENT))
    with pytest.raises(Unavailable, match="cancelled"):
        build_scalar_index(column, index_type, {"min_gram": 1, "max_gram": 2}, BuildContext(cancelled=lambda: True))


@pytest.mark.parametrize(("limit", "structure"), [(3, "bitmaps"), (2, "postings")])
def test_autoindex_chooses_by_the_number_of_distinct_values(limit: int, structure: str) -> None:
    column = ScalarColumn(_VALUES, RowSets(200, absent=_ABSENT))
    files = build_scalar_index(column, "AUTOINDEX", {"bitmap_cardinality_limit": limit}, BuildContext())
    assert json.loads(bytes(memoryview(files["index.json"])))["structure"] == structure
