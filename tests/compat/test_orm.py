"""The older interface of pymilvus, which many programs still use: connections, Collection and utility."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pymilvus import (
    AnnSearchRequest,
    Collection,
    CollectionSchema,
    DataType,
    FieldSchema,
    Partition,
    RRFRanker,
    WeightedRanker,
    connections,
    utility,
)
from pymilvus.exceptions import MilvusException

from tests.compat.conftest import Connected

# pymilvus announces the end of this interface; it works until then.
pytestmark = pytest.mark.filterwarnings("ignore::pymilvus.decorators.PyMilvusDeprecationWarning")

_ALIAS = "orm"


@pytest.fixture(scope="module")
def orm(connected: Connected) -> Iterator[str]:
    if connected.server is None:
        pytest.skip("the older interface connects by address")
    connections.connect(_ALIAS, uri=f"http://{connected.server.address}")
    yield _ALIAS
    connections.disconnect(_ALIAS)


@pytest.fixture
def rows(orm: str, name: str) -> Collection:
    schema = CollectionSchema(
        [
            FieldSchema("id", DataType.INT64, is_primary=True),
            FieldSchema("kind", DataType.VARCHAR, max_length=9),
            FieldSchema("price", DataType.FLOAT, nullable=True),
            FieldSchema("vector", DataType.FLOAT_VECTOR, dim=2),
            FieldSchema("other", DataType.FLOAT_VECTOR, dim=2),
        ],
        description="an example",
        enable_dynamic_field=True,
    )
    collection = Collection(name, schema, using=orm, consistency_level="Strong")
    keys = list(range(40))
    collection.insert(
        [
            keys,
            [f"k{key % 4}" for key in keys],
            [None if key % 5 == 0 else float(key) for key in keys],
            np.array([[key, 0] for key in keys], np.float32),
            [[0.0, float(key)] for key in keys],
        ]
    )
    for field in ("vector", "other"):
        collection.create_index(field, {"index_type": "IVF_FLAT", "metric_type": "L2", "params": {"nlist": 4}})
    collection.load()
    return collection


def test_descriptions(rows: Collection, orm: str) -> None:
    assert utility.has_collection(rows.name, using=orm)
    assert rows.name in utility.list_collections(using=orm)
    assert (rows.description, rows.primary_field.name, rows.is_empty) == ("an example", "id", False)
    assert rows.schema.enable_dynamic_field
    assert {index.field_name for index in rows.indexes} == {"vector", "other"}
    assert rows.index(index_name="vector").params["index_type"] == "IVF_FLAT"
    assert utility.load_state(rows.name, using=orm).name == "Loaded"
    assert utility.index_building_progress(rows.name, "vector", using=orm)["pending_index_rows"] == 0
    rows.flush()
    assert rows.num_entities == 40
    assert Collection(rows.name, using=orm).schema == rows.schema


def test_searches(rows: Collection) -> None:
    for _ in ("growing", "sealed"):
        found = rows.search(
            [[3.2, 0.0]], "vector", {"metric_type": "L2", "params": {"nprobe": 4}}, limit=3, expr="price > 0",
            output_fields=["kind", "price"], offset=1, round_decimal=1,
        )  # fmt: skip
        assert found[0].ids == [4, 2, 1]
        assert [hit.entity.get("kind") for hit in found[0]] == ["k0", "k2", "k1"]
        assert [round(distance, 1) for distance in found[0].distances] == [0.6, 1.4, 4.8]
        inside = {"metric_type": "L2", "params": {"nprobe": 4, "radius": 9.5, "range_filter": 1.0}}
        assert sorted(rows.search([[10.0, 0.0]], "vector", inside, limit=20)[0].ids) == [7, 8, 9, 11, 12, 13]
        grouped = rows.search(
            [[0.0, 0.0]], "vector", {"metric_type": "L2", "params": {"nprobe": 4}}, limit=2, offset=1,
            group_by_field="kind", group_size=2, strict_group_size=True, output_fields=["kind"],
        )  # fmt: skip
        assert grouped[0].ids == [1, 5, 2, 6]
        rows.flush()
    assert len(rows.search([[0.0, 0.0]], "vector", {"metric_type": "L2"}, limit=5, ignore_growing=True)[0]) == 5


def test_growing_rows_are_left_out_when_asked(rows: Collection) -> None:
    params = {"metric_type": "L2", "params": {"nprobe": 4}}
    assert len(rows.search([[0.0, 0.0]], "vector", params, limit=5, ignore_growing=True)[0]) == 0
    for level in ("Strong", "Bounded", "Session", "Eventually"):
        assert len(rows.search([[0.0, 0.0]], "vector", params, limit=5, consistency_level=level)[0]) == 5
        assert len(rows.query("id < 3", consistency_level=level)) == 3


@pytest.mark.parametrize("ranker", [RRFRanker(10), WeightedRanker(0.7, 0.3)])
def test_hybrid_searches(rows: Collection, ranker: Any) -> None:
    requests = [
        AnnSearchRequest([[5.0, 0.0]], "vector", {"metric_type": "L2", "params": {"nprobe": 4}}, limit=4),
        AnnSearchRequest([[0.0, 5.0]], "other", {"metric_type": "L2", "params": {"nprobe": 4}}, limit=4),
    ]
    found = rows.hybrid_search(requests, ranker, limit=3, output_fields=["kind"])
    assert found[0].ids[0] == 5
    assert found[0][0].entity.get("kind") == "k1"


def test_queries_and_iterators(rows: Collection) -> None:
    assert rows.query("", output_fields=["count(*)"]) == [{"count(*)": 40}]
    page = rows.query("id >= 0", limit=3, offset=2, output_fields=["id", "price"])
    assert page == [{"id": 2, "price": 2.0}, {"id": 3, "price": 3.0}, {"id": 4, "price": 4.0}]
    iterator = rows.query_iterator(batch_size=15, expr="id < 32", output_fields=["id"])
    found = []
    while batch := iterator.next():
        found += [row["id"] for row in batch]
    iterator.close()
    assert found == list(range(32))
    search = rows.search_iterator(
        [[0.0, 0.0]], "vector", {"metric_type": "L2", "params": {"nprobe": 4}}, batch_size=9, limit=20
    )
    hits = []
    while batch := search.next():
        hits += batch.ids()
    search.close()
    assert hits == list(range(20))


def test_writes(rows: Collection) -> None:
    rows.upsert([{"id": 1, "kind": "new", "price": 1.5, "vector": [1.0, 0.0], "other": [0.0, 1.0], "color": "red"}])
    [row] = rows.query("color == 'red'", output_fields=["kind", "color"])
    assert (row["id"], row["kind"], row["color"]) == (1, "new", "red")
    assert rows.delete("id in [1, 2]").delete_count == 2
    assert rows.query("id < 4", output_fields=["id"]) == [{"id": 0}, {"id": 3}]


def test_partitions(rows: Collection, orm: str) -> None:
    part = Partition(rows, "extra")
    part.insert([[100], ["p"], [None], [[100.0, 0.0]], [[0.0, 0.0]]])
    assert rows.has_partition("extra")
    assert sorted(one.name for one in rows.partitions) == ["_default", "extra"]
    part.load()
    assert [row["id"] for row in part.query("id >= 0")] == [100]
    assert utility.list_collections(using=orm)
    rows.release()
    rows.drop_partition("extra")
    assert not rows.has_partition("extra")


def test_aliases_names_and_properties(rows: Collection, orm: str) -> None:
    utility.create_alias(rows.name, "another_name", using=orm)
    assert utility.list_aliases(rows.name, using=orm) == ["another_name"]
    assert Collection("another_name", using=orm).num_entities >= 0
    utility.drop_alias("another_name", using=orm)
    rows.set_properties({"collection.ttl.seconds": 1800})
    with pytest.raises(MilvusException, match="whole number of seconds"):
        rows.set_properties({"collection.ttl.seconds": "soon"})
    old = rows.name
    utility.rename_collection(old, f"{old}_x", using=orm)
    assert utility.has_collection(f"{old}_x", using=orm)
    utility.rename_collection(f"{old}_x", old, using=orm)


def test_indexes_are_dropped_and_rows_compacted(rows: Collection, orm: str) -> None:
    rows.flush()
    rows.compact()
    rows.wait_for_compaction_completed()
    rows.release()
    rows.drop_index(index_name="vector")
    assert not rows.has_index(index_name="vector")
    utility.drop_collection(rows.name, using=orm)
    assert not utility.has_collection(rows.name, using=orm)
