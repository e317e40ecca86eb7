"""A JSON field taken apart: what gets columns, what lies in the files, and what damage is found."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.columns.json_values import ARRAY, INTEGER, MISSING, STRING
from elanus.columns.layout import TIMESTAMP_COLUMN
from elanus.errors import DataCorrupt
from elanus.objectstore.memory import MemoryStore
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.storage.segment.reader import SealedSegment, open_segment
from elanus.storage.segment.shredding import ShreddingRules
from elanus.storage.segment.writer import WrittenSegment, write_segment
from tests.unit.storage.segment.segments import PREFIX, blocks_of, replaced

_FIELD = Field("doc", DataType.JSON, nullable=True, field_id=105)
_RULES = ShreddingRules(column_count_max=64, share_min=0.25)
_DIRECTORY = f"{PREFIX}/data/json-105.json"
# Twenty rows: all have `n`, half `s`, some arrays, one a rare key, one a repeated key, one is NULL.
_DOCUMENTS: list[str | None] = [
    *(f'{{"n": {row}, "s": "{"ab"[row % 2]}", "in": {{"x": {row / 2}}}}}' for row in range(9)),
    *(f'{{"n": {row}, "a": [{row}, "e", null], "in": {{}}}}' for row in range(9, 17)),
    '{"n": 17, "rare": {"deep": true}}',
    '{"n": 1, "n": 18}',
    None,
]


def _written(documents: list[str | None], rules: ShreddingRules | None) -> tuple[MemoryStore, WrittenSegment]:
    columns = {
        "doc": pa.array(documents, pa.string()),
        TIMESTAMP_COLUMN: pa.array(np.arange(len(documents), dtype=np.uint64)),
    }
    store = MemoryStore()
    return store, write_segment(
        store, PREFIX, 42, [_FIELD], blocks_of(columns), row_count=len(columns["doc"]), shredding=rules
    )


def _opened(store: MemoryStore, made: WrittenSegment) -> SealedSegment:
    return open_segment(store, PREFIX, made.meta_crc32c, [_FIELD])


def test_without_rules_there_are_no_columns() -> None:
    segment = _opened(*_written(_DOCUMENTS, None))
    assert segment.json_values("doc", ("n",)) is None
    assert segment.meta.side_files() == []


def test_frequent_paths_have_columns_and_rare_ones_their_rows() -> None:
    segment = _opened(*_written(_DOCUMENTS, _RULES))
    numbers = segment.json_values("doc", ("n",))
    assert numbers is not None
    assert numbers.integers is not None
    assert numbers.kinds.tolist() == [INTEGER] * 18 + [MISSING] * 2
    assert numbers.integers.tolist()[:18] == list(range(18))
    assert numbers.text_rows.tolist() == [18]
    rare = segment.json_values("doc", ("rare", "deep"))
    assert rare is not None
    assert rare.text_rows.tolist() == [17, 18]
    assert not rare.kinds.any()
    nowhere = segment.json_values("doc", ("nowhere",))
    assert nowhere is not None
    assert nowhere.text_rows.tolist() == [18]


def test_repeated_strings_are_coded_and_elements_kept() -> None:
    segment = _opened(*_written(_DOCUMENTS, _RULES))
    strings = segment.json_values("doc", ("s",))
    assert strings is not None
    assert isinstance(strings.strings, pa.DictionaryArray)
    assert np.flatnonzero(strings.kinds == STRING).tolist() == list(range(9))
    arrays = segment.json_values("doc", ("a",))
    assert arrays is not None
    assert arrays.elements is not None
    assert np.flatnonzero(arrays.kinds == ARRAY).tolist() == list(range(9, 17))
    assert arrays.elements.sizes().tolist() == [0] * 9 + [3] * 8 + [0] * 3
    first = segment.json_values("doc", ("a", 0))
    assert first is not None
    assert first.integers is not None
    assert first.integers[9:17].tolist() == list(range(9, 17))


def test_only_the_most_frequent_paths_get_columns() -> None:
    store, made = _written(_DOCUMENTS, replace(_RULES, column_count_max=2))
    directory = json.loads(store.get(_DIRECTORY))
    assert [entry["key"] for entry in directory["paths"] if entry["column"]] == ["", "n"]
    in_text = _opened(store, made).json_values("doc", ("s",))
    assert in_text is not None
    assert set(range(9)) <= set(in_text.text_rows.tolist())


def test_documents_come_back_as_inserted() -> None:
    assert _opened(*_written(_DOCUMENTS, _RULES)).column("doc").to_pylist() == _DOCUMENTS


def test_files_are_as_documented() -> None:
    """Reads docs/file-format.md's description with nothing of the package."""
    store, _ = _written(_DOCUMENTS, _RULES)
    directory = json.loads(store.get(_DIRECTORY))
    files = [store.get(f"{PREFIX}/{name}") for name in directory["files"]]
    assert directory["files"] == ["data/json-105-0.bin", "data/json-105-1.bin"]

    def array(place: dict[str, int], dtype: str) -> list[Any]:
        start, size = place["start"], place["size_bytes"]
        assert start % 64 == 0
        found: list[Any] = np.frombuffer(files[place["file"]][start : start + size], dtype).tolist()
        return found

    paths: list[tuple[str, ...]] = []
    for entry in directory["paths"]:
        paths.append(() if entry["parent"] < 0 else (*paths[entry["parent"]], entry["key"]))
    by_path = dict(zip(paths, directory["paths"], strict=True))
    assert directory["row_count"] == 20
    assert array(directory["unread"], "<i4") == [18]
    assert by_path[("n",)]["counts"] == [0, 0, 0, 18, 0, 0, 0, 0, 0]
    assert by_path[("n",)]["rows"] is None
    assert array(by_path[("n",)]["column"]["integers"], "<i8") == [*range(18), 0, 0]
    strings = by_path[("s",)]
    assert array(strings["rows"], "<i4") == list(range(9))
    assert strings["column"]["present"] == [6]
    assert array(strings["column"]["strings"]["codes"], "<i4") == [0, 1] * 4 + [0]
    assert array(strings["column"]["strings"]["offsets"], "<i4") == [0, 1, 2]
    assert bytes(array(strings["column"]["strings"]["data"], "u1")) == b"ab"
    elements = by_path[("a",)]["elements"]
    assert elements["count"] == 24
    assert array(elements["offsets"], "<i4") == list(range(0, 25, 3))
    assert array(elements["column"]["kinds"], "u1") == [3, 6, 1] * 8
    assert array(by_path[("in", "x")]["column"]["doubles"], "<f8") == [row / 2 for row in range(9)]
    assert by_path[("rare", "deep")]["column"] is None
    assert array(by_path[("rare", "deep")]["rows"], "<i4") == [17]


def test_strings_of_few_values_have_a_dictionary_beside_them() -> None:
    values = [None if row % 7 == 0 else "ab"[row % 2] for row in range(2000)]
    field = Field("s", DataType.VARCHAR, max_length=8, nullable=True, field_id=106)
    columns = {"s": pa.array(values), TIMESTAMP_COLUMN: pa.array(np.arange(2000, dtype=np.uint64))}
    store = MemoryStore()
    made = write_segment(store, PREFIX, 42, [field], blocks_of(columns), row_count=len(columns[field.name]))
    segment = open_segment(store, PREFIX, made.meta_crc32c, [field])
    strings = segment.strings("s")
    assert isinstance(strings, pa.DictionaryArray)
    assert strings.to_pylist() == values
    assert len(strings.dictionary) == 2
    assert segment.column("s").equals(columns["s"])
    key = f"{PREFIX}/data/codes-106.bin"
    damaged = replaced(store, key, b"\1" + store.get(key)[1:])
    with pytest.raises(DataCorrupt, match=r"codes-106.bin is damaged"):
        open_segment(damaged, PREFIX, made.meta_crc32c, [field]).strings("s")


@pytest.mark.parametrize("row_count", [100, 2000])
def test_strings_that_do_not_repeat_have_none(row_count: int) -> None:
    field = Field("s", DataType.VARCHAR, max_length=8, field_id=106)
    texts = [str(row) if row_count > 1000 else "a" for row in range(row_count)]
    columns = {"s": pa.array(texts), TIMESTAMP_COLUMN: pa.array(np.arange(row_count, dtype=np.uint64))}
    store = MemoryStore()
    made = write_segment(store, PREFIX, 42, [field], blocks_of(columns), row_count=len(columns[field.name]))
    assert made.meta.coded == []
    assert open_segment(store, PREFIX, made.meta_crc32c, [field]).strings("s").to_pylist() == texts


@pytest.mark.parametrize("name", ["data/json-105.json", "data/json-105-1.bin"])
def test_damage_is_found_before_a_value_is_seen(name: str) -> None:
    store, made = _written(_DOCUMENTS, _RULES)
    key = f"{PREFIX}/{name}"
    data = bytearray(store.get(key))
    data[len(data) // 2] ^= 4
    damaged = _opened(replaced(store, key, bytes(data)), made)
    with pytest.raises(DataCorrupt, match=name):
        damaged.json_values("doc", ("n",))
    with pytest.raises(DataCorrupt, match=name):
        damaged.verify()
    assert damaged.column("doc").to_pylist() == _DOCUMENTS


@pytest.mark.parametrize("name", ["data/json-105.json", "data/json-105-1.bin"])
def test_a_missing_or_cut_file_is_found(name: str) -> None:
    store, made = _written(_DOCUMENTS, _RULES)
    key = f"{PREFIX}/{name}"
    cut = _opened(replaced(store, key, store.get(key)[:-1]), made)
    with pytest.raises(DataCorrupt, match="truncated"):
        cut.json_values("doc", ("n",))
    segment = _opened(store, made)
    store.delete(key)
    with pytest.raises(DataCorrupt, match=f"{name} is missing"):
        segment.json_values("doc", ("n",))
