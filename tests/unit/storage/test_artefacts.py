"""Index artefacts: named bytes, checked when they are mapped."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from elanus.errors import DataCorrupt
from elanus.objectstore.memory import MemoryStore
from elanus.objectstore.store import ObjectStore
from elanus.storage.artefacts import ArtefactWriter, map_artefacts
from elanus.storage.manifest import ArtefactFile

_ARTEFACTS: dict[str, Any] = {
    "bytes": b"abc",
    "matrix": np.arange(12, dtype=np.float32).reshape(3, 4),
    "empty": b"",
    "empty matrix": np.empty((0, 4), np.float32),
    "empty rows": np.empty((4, 0), np.uint8),
    "view": np.arange(3).data,
}


def write_artefacts(store: ObjectStore, prefix: str, artefacts: Mapping[str, Any]) -> tuple[ArtefactFile, ...]:
    writer = ArtefactWriter(store, prefix)
    for name, content in artefacts.items():
        writer.write(name, [content])
    return writer.files


def test_an_artefact_may_be_made_while_it_is_written() -> None:
    store = MemoryStore()
    writer = ArtefactWriter(store, "p")
    writer.write("graph", (bytes([number]) * 3 for number in range(5)))
    assert [(file.name, file.size_bytes) for file in writer.files] == [("graph", 15)]
    assert bytes(map_artefacts(store, "p", writer.files)["graph"]) == bytes(np.repeat(np.arange(5, dtype=np.uint8), 3))


def test_artefacts_come_back_as_bytes() -> None:
    store = MemoryStore()
    files = write_artefacts(store, "s/index/5", _ARTEFACTS)
    assert [file.name for file in files] == list(_ARTEFACTS)
    assert [file.size_bytes for file in files] == [3, 48, 0, 0, 0, 24]
    mapped = map_artefacts(store, "s/index/5", files)
    assert {name: bytes(data) for name, data in mapped.items()} == {
        name: content if isinstance(content, bytes) else np.asarray(content).tobytes()
        for name, content in _ARTEFACTS.items()
    }


def test_leftovers_of_an_interrupted_build_are_replaced() -> None:
    store = MemoryStore()
    store.put("p/graph", [b"half of an older"])
    files = write_artefacts(store, "p", {"graph": b"new"})
    assert bytes(map_artefacts(store, "p", files)["graph"]) == b"new"


def test_an_index_may_have_no_files() -> None:
    assert write_artefacts(MemoryStore(), "p", {}) == ()
    assert map_artefacts(MemoryStore(), "p", ()) == {}


def test_a_missing_artefact_is_named() -> None:
    store = MemoryStore()
    files = write_artefacts(store, "p", {"graph": b"abc"})
    store.delete("p/graph")
    with pytest.raises(DataCorrupt, match="p/graph is missing"):
        map_artefacts(store, "p", files)


@pytest.mark.parametrize("damaged", [b"abd", b"ab", b"abc\0", b""])
def test_a_damaged_artefact_is_named(damaged: bytes) -> None:
    store = MemoryStore()
    files = write_artefacts(store, "p", {"graph": b"abc"})
    store.delete("p/graph")
    store.put("p/graph", [damaged])
    with pytest.raises(DataCorrupt, match="p/graph is damaged") as caught:
        map_artefacts(store, "p", files)
    assert caught.value.kind == "checksum_mismatch"
