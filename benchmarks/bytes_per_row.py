"""Bytes a row on disk and in memory, for 768-d float vectors with each index type.

    python benchmarks/bytes_per_row.py [--rows 20000] [--dim 768]

Disk is what lies in the collection's folder after a flush and a compaction; memory is what the index holds beside its
mapped files. The vectors are there once, whatever the index.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import elanus
from elanus import DataType, Field, Schema
from elanus.app.compose import local_service
from elanus.embedded.database import Database

INDEXES: list[tuple[str, dict[str, Any]]] = [
    ("FLAT", {}),
    ("IVF_FLAT", {"nlist": 128}),
    ("IVF_SQ8", {"nlist": 128}),
    ("IVF_RABITQ", {"nlist": 128}),
    ("IVF_RABITQ", {"nlist": 128, "refine": True, "refine_type": "SQ8"}),
    ("HNSW", {"M": 16, "efConstruction": 100}),
    ("HNSW", {}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=768)
    options = parser.parse_args()
    vectors = np.random.default_rng(1).standard_normal((options.rows, options.dim), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    print(f"| index of {options.rows:,} rows | data, B/row | index on disk, B/row | index in memory, B/row |")
    print("|---|--:|--:|--:|")
    for index_type, params in INDEXES:
        with tempfile.TemporaryDirectory(prefix="elanus-bytes-") as folder:
            data, disk, memory = measure(Path(folder), vectors, index_type, params)
        told = " ".join([index_type, *(f"{name}={value}" for name, value in params.items())])
        print(f"| {told} | {data:.0f} | {disk:.0f} | {memory:.0f} |")


def measure(folder: Path, vectors: np.ndarray[Any, Any], index_type: str, params: dict[str, Any]) -> tuple[float, ...]:
    row_count, dim = vectors.shape
    service = local_service(folder, elanus.Settings())
    database = Database(service, str(folder))
    schema = Schema((Field("id", DataType.INT64, is_primary=True), Field("v", DataType.FLOAT_VECTOR, dim=dim)))
    collection = database.create_collection("c", schema)
    collection.insert({"id": np.arange(row_count), "v": vectors})
    collection.flush()
    collection.create_index("v", index_type, metric="L2", **params)
    collection.search(vectors[0])
    units = service.engine.collection("default", "c").state.sealed
    memory = sum(index.size().memory_bytes for unit in units if (index := unit.index("v")) is not None)
    data = sum(path.stat().st_size for path in folder.rglob("data/*"))
    disk = sum(path.stat().st_size for path in folder.rglob("index/*/*/*"))
    database.close()
    return data / row_count, disk / row_count, memory / row_count


if __name__ == "__main__":
    main()
