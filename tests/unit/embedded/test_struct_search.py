"""The native API and arrays of structs: rows in and out, and searches with lists of vectors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elanus
from elanus.embedded.collection import Collection
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType


@pytest.fixture
def documents(tmp_path: Path) -> Iterator[Collection]:
    chunk = (Field("n", DataType.INT8), Field("emb", DataType.FLOAT_VECTOR, dim=2))
    schema = Schema(
        (
            Field("id", DataType.INT64, is_primary=True),
            Field("chunks", DataType.ARRAY, element_type=DataType.STRUCT, max_capacity=4, struct_fields=chunk),
        )
    )
    with elanus.connect(tmp_path, durability="none") as database:
        collection = database.create_collection("documents", schema)
        collection.insert(
            [
                {"id": 1, "chunks": [{"n": 1, "emb": [1.0, 1.0]}, {"n": 2, "emb": [1.0, 2.0]}]},
                {"id": 2, "chunks": []},
                {"id": 3, "chunks": [{"n": 3, "emb": [1.0, 3.0]}]},
            ]
        )
        yield collection


@pytest.mark.parametrize(
    "vectors", [[[1, 0], [0, 1]], np.array([[1, 0], [0, 1]], np.float32), [np.array([1, 0]), [0, 1]]]
)
def test_one_list(documents: Collection, vectors: Any) -> None:
    hits = documents.search(vectors, field="chunks[emb]", metric="MAX_SIM_IP", output_fields=["chunks[n]"])
    assert hits.to_list() == [
        {"id": 3, "distance": 4.0, "chunks": [{"n": 3}]},
        {"id": 1, "distance": 3.0, "chunks": [{"n": 1}, {"n": 2}]},
    ]


def test_many_lists_of_any_length(documents: Collection) -> None:
    hits = documents.search([[[1, 0], [0, 1]], [[0, -1]]], field="chunks[emb]", metric="MAX_SIM_L2", limit=1)
    assert [[hit["id"] for hit in of_query] for of_query in hits] == [[1], [1]]
    assert hits.distances.tolist() == [2.0, 5.0]


@pytest.mark.parametrize("vectors", [[1.0, 0.0, 0.0], [], "ab", 5, [[]], [[[1, 0, 0]]]])
def test_what_is_no_list_of_vectors(documents: Collection, vectors: Any) -> None:
    with pytest.raises(InvalidInput):
        documents.search(vectors, field="chunks[emb]")


def test_an_explanation(documents: Collection) -> None:
    told = documents.explain_search([[1, 0], [0, 1]], field="chunks[emb]", metric="MAX_SIM_IP", filter="id > 1")
    [segment] = told.segments
    assert segment.search is not None
    assert (segment.search.exact, segment.search.hit_count, segment.matched_count) == (True, 1, 2)
    assert "lists of vectors are compared row by row" in str(told)


def test_vectors_of_structs_may_be_arrays(documents: Collection) -> None:
    found = documents.query("id >= 0", output_fields=["chunks"])
    rows = [
        {
            "id": 100 + row["id"],
            "chunks": None
            if row["chunks"] is None
            else [{**chunk, "emb": np.array(chunk["emb"], np.float32)} for chunk in row["chunks"]],
        }
        for row in found
    ]
    documents.insert(rows)
    again = documents.query("id >= 100", output_fields=["chunks"])
    assert [row["chunks"] for row in again] == [row["chunks"] for row in found]
