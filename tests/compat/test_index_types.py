"""Every index type as the genuine client asks for it: created, described, built, searched, over sealed and new rows."""

from typing import Any

import numpy as np
import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

from tests.compat.conftest import Connected

_RANDOM = np.random.default_rng(3)
_SEALED, _ALL = 1300, 1400
_DENSE = _RANDOM.normal(size=(_ALL, 16)).astype(np.float32)
_BITS = _RANDOM.integers(0, 256, (_ALL, 8), np.uint8)
_DENSE_TYPES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("IVF_PQ", "L2", {"nlist": 16, "m": 8, "nbits": 6}, {"nprobe": 16}),
    ("SCANN", "COSINE", {"nlist": 16, "with_raw_data": True}, {"nprobe": 16, "reorder_k": 200}),
    (
        "HNSW_SQ",
        "IP",
        {"M": 8, "efConstruction": 40, "sq_type": "SQ6", "refine": True, "refine_type": "SQ8"},
        {"ef": 64},
    ),
    ("HNSW_PQ", "L2", {"M": 8, "efConstruction": 40, "m": 8, "nbits": 6, "refine": True}, {"ef": 64, "refine_k": 5}),
    ("HNSW_PRQ", "COSINE", {"M": 8, "efConstruction": 40, "m": 4, "nrq": 2, "nbits": 4}, {"ef": 100}),
    ("FAISS", "L2", {"faiss_index_name": "IVF16,SQ8"}, {"nprobe": 16}),
]
_BIT_TYPES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("BIN_IVF_FLAT", "JACCARD", {"nlist": 16}, {"nprobe": 16}),
    ("MINHASH_LSH", "MHJACCARD", {"mh_element_bit_width": 16, "mh_lsh_band": 4}, {"mh_search_with_jaccard": True}),
    ("BIN_FLAT", "SUBSTRUCTURE", {}, {}),
    ("BIN_FLAT", "SUPERSTRUCTURE", {}, {}),
]


def _filled(client: MilvusClient, name: str, data_type: DataType, dim: int) -> list[Any]:
    """A collection with sealed and new rows, and the vectors in it."""
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", data_type, dim=dim)
    client.create_collection(name, schema=schema)
    vectors: list[Any] = [row.tolist() for row in _DENSE] if data_type is DataType.FLOAT_VECTOR else [
        row.tobytes() for row in _BITS
    ]  # fmt: skip
    client.insert(name, [{"id": key, "vector": vectors[key]} for key in range(_SEALED)])
    client.flush(name)
    client.insert(name, [{"id": key, "vector": vectors[key]} for key in range(_SEALED, _ALL)])
    return vectors


def _index(client: MilvusClient, name: str, index_type: str, metric: str, params: dict[str, Any]) -> None:
    indexes = client.prepare_index_params()
    indexes.add_index("vector", index_type=index_type, metric_type=metric, params=params)
    client.create_index(name, indexes)
    client.load_collection(name)


@pytest.mark.parametrize(("index_type", "metric", "build", "search"), _DENSE_TYPES)
def test_dense_types(
    connected: Connected, name: str, index_type: str, metric: str, build: dict[str, Any], search: dict[str, Any]
) -> None:
    client = connected.client
    vectors = _filled(client, name, DataType.FLOAT_VECTOR, 16)
    _index(client, name, index_type, metric, build)
    described = client.describe_index(name, "vector")
    assert described["index_type"] == index_type
    assert {key: str(described[key]).lower() for key in build} == {key: str(build[key]).lower() for key in build}
    for key in (5, 800, _ALL - 1):
        hits = client.search(name, [vectors[key]], limit=10, search_params={"params": search})[0]
        assert len(hits) == 10
        if metric != "IP":
            assert hits[0]["id"] == key
        ranged = client.search(
            name,
            [vectors[key]],
            limit=10,
            search_params={"params": {**search, "radius": hits[9]["distance"], "range_filter": hits[0]["distance"]}},
        )[0]
        assert {hit["id"] for hit in ranged} <= {hit["id"] for hit in hits[:9]}
    found: list[int] = []
    iterator = client.search_iterator(name, data=[vectors[7]], batch_size=500, search_params={"params": search})
    while page := iterator.next():
        found += page.ids()
    assert sorted(found) == list(range(_ALL))
    client.drop_collection(name)


@pytest.mark.parametrize(("index_type", "metric", "build", "search"), _BIT_TYPES)
def test_types_over_bits(
    client: MilvusClient, name: str, index_type: str, metric: str, build: dict[str, Any], search: dict[str, Any]
) -> None:
    vectors = _filled(client, name, DataType.BINARY_VECTOR, 64)
    _index(client, name, index_type, metric, build)
    for key in (3, _SEALED + 2):
        hits = client.search(name, [vectors[key]], limit=3, search_params={"params": search})[0]
        assert (hits[0]["id"], hits[0]["distance"]) == (key, 0.0)
    everything = {"SUBSTRUCTURE": b"\xff" * 8, "SUPERSTRUCTURE": b"\x00" * 8}.get(metric)
    if everything is not None:
        assert len(client.search(name, [everything], limit=2000)[0]) == _ALL
    client.drop_collection(name)


@pytest.mark.parametrize(
    ("index_type", "metric", "params", "told"),
    [
        ("IVF_PQ", "L2", {"m": 5}, "that divides the dimension, which is 16"),
        ("IVF_PQ", "L2", {}, "needs parameter m"),
        ("HNSW_SQ", "L2", {"sq_type": "SQ8", "refine_type": "SQ6"}, "more precise one than sq_type SQ8"),
        ("FAISS", "L2", {"faiss_index_name": "Magic7"}, "which faiss cannot make"),
        ("MINHASH_LSH", "MHJACCARD", {}, "does not take a FloatVector field"),
    ],
)
def test_what_is_refused(
    client: MilvusClient, name: str, index_type: str, metric: str, params: dict[str, Any], told: str
) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=16)
    client.create_collection(name, schema=schema)
    with pytest.raises(MilvusException, match=told) as raised:
        _index(client, name, index_type, metric, params)
    assert raised.value.code == 1100
    client.drop_collection(name)
