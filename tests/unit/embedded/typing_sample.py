"""What a user's program looks like to a type checker; run through mypy by `test_typing.py`, never executed."""

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import elanus
from elanus import Collection, DataType, Field, Hits, Rows, Schema


def program() -> None:
    with elanus.connect(":memory:", durability="none") as database:
        assert_type(database, elanus.Database)
        assert_type(database.list_collections(), list[str])
        assert_type("docs" in database, bool)
        schema = Schema((Field("id", DataType.INT64, is_primary=True), Field("v", DataType.FLOAT_VECTOR, dim=2)))
        docs = database.create_collection("docs", schema)
        assert_type(docs, Collection)
        assert_type(database["docs"], Collection)
        assert_type(docs.insert([{"id": 1, "v": [1.0, 0.0]}]), list[Any])
        docs.insert({"id": np.arange(3), "v": np.zeros((3, 2), np.float32)})
        docs.upsert([{"id": 1}], partial=True)
        assert_type(docs.delete([1]), int)
        assert_type(docs.delete(filter="id > 5"), int)
        assert_type(docs.count("id > 1"), int)
        assert_type(len(docs), int)
        hits = docs.search([1.0, 0.0], limit=3, params={"ef": 10})
        assert_type(hits, Hits)
        assert_type(hits.distances, npt.NDArray[np.float32])
        rows = docs.query("id > 0", output_fields=["id"])
        assert_type(rows, Rows)
        assert_type(rows[0], dict[str, Any])
        assert_type(rows[0:2], list[dict[str, Any]])
        assert_type(docs.get(1).to_list(), list[dict[str, Any]])
        docs.create_index("v", "HNSW", metric="L2", M=16)


def mistakes(docs: Collection) -> None:
    """Each is refused: an ignore that is not needed is an error too."""
    docs.search([1.0], limit="many")  # type: ignore[arg-type]
    docs.query(filter=5)  # type: ignore[arg-type]
    docs.query("id > 0", partitions=5)  # type: ignore[arg-type]
    docs.close()  # type: ignore[attr-defined]
    elanus.connect()  # type: ignore[call-arg]
