"""Delete files: what was written comes back, damage does not."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.errors import AlreadyExists, DataCorrupt
from elanus.objectstore.memory import MemoryStore
from elanus.storage.deletefile import read_deletes, write_deletes
from elanus.storage.manifest import DeleteFile

_ROWS = np.array([5, 2, 9], np.int64)
_STAMPS = np.array([10, 20, 2**63], np.uint64)


def _written(store: MemoryStore) -> DeleteFile:
    return write_deletes(store, "s/1", 7, _ROWS, _STAMPS)


def test_deletes_come_back_in_order_from_several_files() -> None:
    store = MemoryStore()
    files = [_written(store), write_deletes(store, "s/1", 8, _ROWS[:1], _STAMPS[:1])]
    assert [(file.name, file.entry_count) for file in files] == [
        ("deletes/00000000000000000007.arrow", 3),
        ("deletes/00000000000000000008.arrow", 1),
    ]
    rows, stamps = read_deletes(store, "s/1", 10, files).arrays()
    assert rows.tolist() == [5, 2, 9, 5]
    assert stamps.tolist() == [10, 20, 2**63, 10]


def test_no_files_are_no_deletes() -> None:
    deletes = read_deletes(MemoryStore(), "s/1", 10, [])
    assert (deletes.size, deletes.entry_count) == (10, 0)


def test_another_tool_can_read_them() -> None:
    store = MemoryStore()
    file = _written(store)
    table = pa.ipc.open_file(pa.py_buffer(store.get(f"s/1/{file.name}"))).read_all()
    assert table.schema.metadata == {b"elanus.format": b"1"}
    assert table.to_pydict() == {"row": [5, 2, 9], "timestamp": [10, 20, 2**63]}


def test_an_id_is_used_once() -> None:
    store = MemoryStore()
    _written(store)
    with pytest.raises(AlreadyExists):
        _written(store)


def test_a_missing_file_is_named() -> None:
    store = MemoryStore()
    file = _written(store)
    store.delete(f"s/1/{file.name}")
    with pytest.raises(DataCorrupt, match=r"s/1/deletes/0{19}7\.arrow is missing") as caught:
        read_deletes(store, "s/1", 10, [file])
    assert caught.value.kind == "missing_file"


@given(st.integers(0, 2000), st.integers(0, 7), st.booleans())
def test_any_damage_is_found(place: int, bit: int, cut: bool) -> None:
    store = MemoryStore()
    file = _written(store)
    key = f"s/1/{file.name}"
    data = bytearray(store.get(key))
    if cut:
        data = data[: place % len(data)]
    else:
        data[place % len(data)] ^= 1 << bit
    store.delete(key)
    store.put(key, [bytes(data)])
    with pytest.raises(DataCorrupt, match="is damaged"):
        read_deletes(store, "s/1", 10, [file])
