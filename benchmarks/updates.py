"""Recall through deletes, upserts of every row and compaction, at one recall asked for, as a table in Markdown.

    python benchmarks/updates.py [--data FOLDER] [--rows 20000] [--queries 200] [--recall 0.95] [--only HNSW,IVF_RABITQ]

FOLDER has `base.npy` and `queries.npy`, float32; without it clustered vectors are made. Each index lives in a database
of its own, on disk, in which nothing happens in the background; waiting for indexes also merges segments where the
policy asks for it. A phase changes rows and is then measured: the share of the true ten nearest live rows that searches
find, one query a call, and queries a CPU second. What is true is computed from the rows that should be there, so that a
deleted row that came back, or a replaced one, would cost recall.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import elanus

_K: Final = 10
_CHUNK: Final = 2000
_PARTS: Final = 4
_INDEXES: Final[dict[str, dict[str, Any]]] = {
    "HNSW": {"M": 16, "efConstruction": 100},
    "IVF_RABITQ": {"nlist": 128, "refine": True, "refine_type": "SQ8"},
    "AUTOINDEX": {},
}
_HEADINGS: Final = ("index", "after", "live rows", "recall@10", "queries/CPU s", "took s")

Matrix = npt.NDArray[np.float32]


@dataclass
class Mirror:
    """The rows that should be there: vectors by primary key, and which of them are live."""

    vectors: Matrix
    live: npt.NDArray[np.bool_]

    def nearest(self, queries: Matrix) -> npt.NDArray[np.int64]:
        """(query_count, 10) keys of the live rows with the largest products."""
        keys = np.flatnonzero(self.live)
        products = queries @ self.vectors[keys].T
        return keys[np.argpartition(-products, _K, axis=1)[:, :_K]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--recall", type=float, default=0.95)
    parser.add_argument("--only", default=",".join(_INDEXES))
    options = parser.parse_args()
    base, queries = _vectors(options.data, options.rows, options.queries)
    print(f"recall asked for: {options.recall}; {len(base)} rows of {base.shape[1]} dimensions\n")
    print(f"| {' | '.join(_HEADINGS)} |")
    print("|---|---" + "|--:" * (len(_HEADINGS) - 2) + "|", flush=True)
    for name in options.only.split(","):
        with (
            tempfile.TemporaryDirectory() as folder,
            elanus.connect(folder, background_maintenance=False) as database,
        ):
            rows = database.create_collection("rows", schema=_schema(base.shape[1]))
            mirror = Mirror(base.copy(), np.zeros(len(base), np.bool_))
            for phase, change in _phases(rows, mirror, name):
                start = time.monotonic()
                change()
                seconds = time.monotonic() - start
                recall, rate = _measured(rows, mirror, queries, options.recall)
                told = (name, phase, f"{mirror.live.sum():,}", f"{recall:.4f}", f"{rate:,.0f}", f"{seconds:.1f}")
                print(f"| {' | '.join(told)} |", flush=True)


def _phases(rows: elanus.Collection, mirror: Mirror, name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is done, in order."""
    count = len(mirror.live)
    random = np.random.default_rng(7)
    doomed = np.array_split(random.permutation(count)[: count * 3 // 10], 3)
    order = random.permutation(count)
    moved = mirror.vectors[random.permutation(count)]

    def put(keys: npt.NDArray[np.int64], vectors: Matrix) -> None:
        for part in np.array_split(np.arange(len(keys)), max(1, len(keys) // _CHUNK)):
            rows.upsert({"id": keys[part], "vector": vectors[part]})
        mirror.vectors[keys], mirror.live[keys] = vectors, True

    def fill() -> None:
        put(np.arange(count), mirror.vectors.copy())
        rows.flush()
        rows.create_index("vector", name, metric="IP", **_INDEXES[name])
        rows.wait_for_indexes()

    def delete(keys: npt.NDArray[np.int64]) -> None:
        rows.delete(keys.tolist())
        mirror.live[keys] = False

    def seal() -> None:
        rows.flush()
        rows.wait_for_indexes()

    def compact() -> None:
        rows.compact()
        rows.wait_for_indexes()

    yield "building", fill
    for number, keys in enumerate(doomed, 1):
        yield f"{10 * number} % deleted", lambda keys=keys: delete(keys)
    yield "compaction", compact
    half = count // 2
    yield "half of all keys upserted with other vectors", lambda: put(order[:half], moved[order[:half]])
    yield "flush", seal

    def put_and_seal() -> None:
        for keys in np.array_split(np.arange(half, count), _PARTS):
            put(order[keys], moved[order[keys]])
            seal()

    yield f"the other half upserted in {_PARTS} flushed parts", put_and_seal
    yield "compaction", compact


def _measured(rows: elanus.Collection, mirror: Mirror, queries: Matrix, recall: float) -> tuple[float, float]:
    """The share of the true nearest that is found, and queries a CPU second."""
    true = mirror.nearest(queries)
    params = {"recall": recall}
    rows.search(queries[0], limit=_K, params=params)
    start = time.process_time()
    found = [rows.search(query, limit=_K, params=params).ids for query in queries]
    rate = len(queries) / (time.process_time() - start)
    shared = sum(len(set(keys) & set(wanted)) for keys, wanted in zip(found, true.tolist(), strict=True))
    return shared / true.size, rate


def _schema(dim: int) -> elanus.Schema:
    return elanus.Schema(
        (
            elanus.Field("id", elanus.DataType.INT64, is_primary=True),
            elanus.Field("vector", elanus.DataType.FLOAT_VECTOR, dim=dim),
        )
    )


def _vectors(folder: Path | None, row_count: int, query_count: int) -> tuple[Matrix, Matrix]:
    if folder is not None:
        base: Matrix = np.load(folder / "base.npy", mmap_mode="r")[:row_count].copy()
        queries: Matrix = np.load(folder / "queries.npy")[:query_count]
        return base, queries
    random = np.random.default_rng(1)
    basis, centres = random.normal(size=(32, 256)), random.normal(size=(400, 32))
    count = row_count + query_count
    made = (centres[random.integers(0, 400, count)] + random.normal(size=(count, 32))) @ basis
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    vectors = made.astype(np.float32)
    return vectors[query_count:].copy(), vectors[:query_count].copy()


if __name__ == "__main__":
    main()
