"""Load states: what the Milvus protocol may read, and the error that says why not."""

from collections.abc import Callable

import numpy as np
import pytest

from elanus.columns.rows import batch_from_rows
from elanus.errors import Conflict, NotFound
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.service.local import LocalService
from elanus.service.requests.collections import (
    CreateCollection,
    CreatePartition,
    DropPartition,
    GetLoadState,
    ListPartitions,
    LoadCollection,
    LoadStatus,
    ReleaseCollection,
)
from elanus.service.requests.data import Insert
from elanus.service.requests.indexes import CreateIndex, DropIndex
from elanus.service.requests.query import Query, Search

Read = Callable[..., list[int]]
SCHEMA = Schema((Field("id", DataType.INT64, is_primary=True), Field("vector", DataType.FLOAT_VECTOR, dim=2)))


@pytest.fixture
def loading(service: LocalService) -> LocalService:
    """Keys 1 to 3, each in a partition of its own: _default, a, b. Not loaded."""
    service.execute(CreateCollection("c", SCHEMA))
    for key, partition in enumerate(["_default", "a", "b"], 1):
        if key > 1:
            service.execute(CreatePartition("c", partition))
        batch = batch_from_rows([{"id": key, "vector": [1, 0]}], SCHEMA)
        service.execute(Insert("c", batch, partition=partition))
    service.execute(CreateIndex("c", "vector", "FLAT", metric="L2"))
    return service


@pytest.fixture(params=["search", "query", "count"])
def read(request: pytest.FixtureRequest, loading: LocalService) -> Read:
    """Keys found, or for a count their number."""

    def ask(*partitions: str, require_loaded: bool = True) -> list[int]:
        if request.param == "search":
            search = Search("c", np.zeros((1, 2), np.float32), 10, partitions=partitions, require_loaded=require_loaded)
            return sorted(loading.execute(search).ids.to_pylist())
        counting = request.param == "count"
        query = Query(
            "c", filter="id > 0", partitions=partitions, require_loaded=require_loaded,
            output_fields=("count(*)",) if counting else ("id",),
        )  # fmt: skip
        reply = loading.execute(query)
        return [-1] * (reply.count or 0) if counting else reply.columns.column("id").to_pylist()

    return ask


def same(found: list[int], *keys: int) -> bool:
    """Whether these were found; a count tells only how many."""
    return len(found) == len(keys) if -1 in found else found == list(keys)


def test_nothing_is_read_before_loading(loading: LocalService, read: Read) -> None:
    for partitions in ((), ("a",), ("a", "_default")):
        with pytest.raises(Conflict, match="collection not loaded: 'c'"):
            read(*partitions)
    assert same(read(require_loaded=False), 1, 2, 3)
    loading.execute(LoadCollection("c"))
    assert same(read(), 1, 2, 3)
    assert same(read("a"), 2)
    loading.execute(ReleaseCollection("c"))
    with pytest.raises(Conflict):
        read()


def test_only_loaded_partitions_are_read(loading: LocalService, read: Read) -> None:
    """Without naming any, those that are loaded; naming one that is not is refused."""
    loading.execute(LoadCollection("c", ("a",)))
    assert same(read(), 2)
    assert same(read("a"), 2)
    for partitions in (("b",), ("a", "b")):
        with pytest.raises(Conflict):
            read(*partitions)
    loading.execute(LoadCollection("c", ("b",)))
    assert same(read(), 2, 3)
    loading.execute(LoadCollection("c"))
    assert same(read(), 1, 2, 3)
    loading.execute(ReleaseCollection("c", ("a",)))
    assert same(read(), 1, 3)
    with pytest.raises(Conflict):
        read("a")


@pytest.mark.parametrize("loaded", [None, (), ("a",)])
def test_an_unknown_partition_is_not_found_whatever_is_loaded(
    loading: LocalService, read: Read, loaded: tuple[str, ...] | None
) -> None:
    if loaded is not None:
        loading.execute(LoadCollection("c", loaded))
    for partitions in (("absent",), ("a", "absent"), ("b", "absent")):
        with pytest.raises(NotFound) as refused:
            read(*partitions)
        assert refused.value.kind == "partition_not_found"


def test_dropping_the_loaded_partition_leaves_nothing_loaded(loading: LocalService, read: Read) -> None:
    loading.execute(LoadCollection("c", ("a",)))
    loading.execute(DropPartition("c", "a"))
    with pytest.raises(Conflict):
        read()


def test_states_that_are_told(loading: LocalService) -> None:
    def told(*partitions: str) -> LoadStatus:
        return loading.execute(GetLoadState("c", partitions)).status

    assert told() is told("a") is LoadStatus.NOT_LOADED
    loading.execute(LoadCollection("c", ("a",), replica_count=2))
    assert told() is told("a") is LoadStatus.LOADED
    assert told("b") is told("a", "b") is LoadStatus.NOT_LOADED
    assert loading.execute(GetLoadState("c")).replica_count == 2
    assert [item.loaded for item in loading.execute(ListPartitions("c"))] == [False, True, False]
    loading.execute(ReleaseCollection("c", ("a",)))
    assert told() is LoadStatus.NOT_LOADED
    assert loading.execute(GetLoadState("absent")).status is LoadStatus.NOT_EXIST
    for request in (GetLoadState("c", ("x",)), LoadCollection("c", ("x",)), ReleaseCollection("c", ("x",))):
        with pytest.raises(NotFound):
            loading.execute(request)


def test_loading_wants_an_index_and_a_loaded_index_stays(loading: LocalService) -> None:
    loading.execute(LoadCollection("c"))
    with pytest.raises(Conflict, match="release the collection first"):
        loading.execute(DropIndex("c", "vector"))
    loading.execute(ReleaseCollection("c"))
    loading.execute(DropIndex("c", "vector"))
    with pytest.raises(NotFound, match="create an index before loading"):
        loading.execute(LoadCollection("c"))
