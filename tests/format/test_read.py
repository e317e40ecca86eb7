"""Every released format is read: each kept database gives every row that was in it, and goes on from there."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elanus
from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.local import LocalStore
from elanus.objectstore.versioned import VersionedLog
from elanus.schema.collection import Schema
from elanus.storage.manifest import Manifest, apply, decode_changes, decode_manifest
from tests.format.database import COLLECTIONS, DIM, plain
from tests.format.make_files import SETTINGS

_HERE = Path(__file__).parent
_VERSIONS = sorted(path.name for path in _HERE.glob("v*") if path.is_dir())


@pytest.fixture(params=_VERSIONS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a kept database; opening one writes to it."""
    root = tmp_path / "data"
    shutil.copytree(_HERE / request.param / "data", root)
    return root


@pytest.fixture
def database(kept: Path) -> Iterator[elanus.Database]:
    with elanus.connect(kept, **SETTINGS) as opened:
        yield opened


@pytest.fixture
def expected(request: pytest.FixtureRequest) -> dict[str, Any]:
    version = request.node.callspec.params["kept"]
    loaded: dict[str, Any] = json.loads((_HERE / version / "expected.json").read_text(encoding="utf-8"))
    return loaded


def _found(database: elanus.Database, name: str) -> list[Any]:
    """Every row, in order of its key, without keys of fields that were added since."""
    return [plain(row) for row in database[name].query(output_fields=["*"], limit=1000).to_list()]


def _by_key(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["id"])


def test_at_least_one_format_is_kept() -> None:
    assert "v1" in _VERSIONS


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_row_is_there_with_every_value(database: elanus.Database, expected: dict[str, Any], name: str) -> None:
    found = _found(database, name)
    wanted = _by_key(expected["collections"][name])
    assert [row["id"] for row in found] == [row["id"] for row in wanted]
    for row, known in zip(found, wanted, strict=True):
        assert {key: row.get(key) for key in known} == known
    assert database[name].count() == len(wanted)


def test_defaults_and_fields_nobody_set_are_there(database: elanus.Database) -> None:
    rows = database["scalars"].query(output_fields=["d_int32"], limit=1000).to_list()
    assert all(isinstance(row["d_int32"], int) for row in rows)
    schema = database["scalars"].schema
    assert schema.field("d_int32").default_value == -7
    assert [field.name for field in schema.user_fields] == [field.name for field in COLLECTIONS["scalars"].user_fields]


@pytest.mark.parametrize("name", ["scalars", "bytes"])
def test_searches_find_the_nearest(database: elanus.Database, expected: dict[str, Any], name: str) -> None:
    params = {"ef": 64, "nprobe": 4}
    found = database[name].search(np.ones(DIM, np.int8 if name == "bytes" else np.float32), limit=5, params=params)
    assert found.ids == expected["nearest"][name]


def test_filters_and_keys_find_rows(database: elanus.Database, expected: dict[str, Any]) -> None:
    wanted = _by_key(expected["collections"]["scalars"])
    assert database["scalars"].count("version == 2") == sum(row.get("version") == 2 for row in wanted)
    assert database["scalars"].count("f_int8 is null") == sum(row["f_int8"] is None for row in wanted)
    keys = [row["id"] for row in expected["collections"]["vectors"]]
    assert [row["id"] for row in database["vectors"].get(keys).to_list()] == sorted(keys)
    tenants = [row["tenant"] for row in expected["collections"]["vectors"]]
    for tenant in sorted(set(tenants)):
        assert database["vectors"].count(f'tenant == "{tenant}"') == tenants.count(tenant)


def test_names_aliases_partitions_and_indexes_are_there(database: elanus.Database) -> None:
    assert sorted(database.list_collections()) == sorted(COLLECTIONS)
    assert len(database["everything"]) == len(database["scalars"])
    assert sorted(database["scalars"].partitions()) == ["_default", "side"]
    assert [(index.definition.field_name, index.definition.index_type) for index in database["scalars"].indexes()] == [
        ("vector", "HNSW")
    ]
    assert [index.definition.index_type for index in database["bytes"].indexes()] == ["IVF_FLAT"]


def test_the_files_are_those_meant_to_be_kept(kept: Path, expected: dict[str, Any]) -> None:
    """Segments, deletes, artefacts of an index, checkpoints, and a log without an end: otherwise nothing is tested."""
    names = [str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()]
    for part in ("/segments/", "/deletes/", "/index/", "checkpoint.json", ".wal", "catalog/"):
        assert any(part in name for name in names), part
    store = LocalStore(LocalDisk(kept))
    segments = 0
    for number in store.list_folders("collections"):
        manifest = _manifest(store, f"collections/{number}/manifest")
        segments += len(manifest.segments)
        assert isinstance(manifest.schema, Schema)
    assert segments >= 2 * len(expected["collections"])


def _manifest(store: LocalStore, prefix: str) -> Manifest:
    loaded = VersionedLog(store, prefix).load()
    state = None if loaded.checkpoint is None else decode_manifest(loaded.checkpoint)
    for number, body in enumerate(loaded.commits, start=loaded.checkpoint_version + 1):
        state = apply(state, decode_changes(body), number)
    assert state is not None
    return state


def test_the_database_goes_on(kept: Path, expected: dict[str, Any]) -> None:
    """Rows are changed, flushed and compacted together with the old ones, and read by the next opening."""
    with elanus.connect(kept, **SETTINGS) as database:
        collection = database["bytes"]
        collection.upsert([{"id": 1_000_000, "vector": [1] * DIM}])
        removed = expected["collections"]["bytes"][0]["id"]
        assert collection.delete([removed]) == 1
        collection.flush()
        collection.compact()
        assert collection.wait_for_indexes()
    wanted = [*expected["collections"]["bytes"][1:], {"id": 1_000_000, "vector": [1] * DIM}]
    with elanus.connect(kept, **SETTINGS) as database:
        assert _found(database, "bytes") == _by_key(wanted)
        assert database["bytes"].search([1] * DIM, limit=1).ids == [1_000_000]
