"""Searches of rows that are in no segment yet, with and without interim indexes, as tables in Markdown.

    python benchmarks/growing.py [--data FOLDER] [--rows 80000] [--queries 200] [--index AUTOINDEX]

FOLDER has `base.npy` and `queries.npy`, float32; without it clustered vectors are made. Two databases on disk with
background work and the same rows, none of which is flushed; one of them has `growing_index_enabled=False`. The first
table: one query a call, ten rows wanted, when the rows were written at once and the background has come to rest; the
best of three rounds, the two databases by turns. `seconds` is how long the background went on after the last insert.
The second: inserts of a thousand and of a hundred rows, one after the other, into empty collections by turns, while the
background works: rows a second, milliseconds of the middle and of the slowest hundredth of all calls, and of calls with
pauses of as long between them.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import elanus

_K: Final = 10
_BATCH: Final = 1000
_ROUNDS: Final = 3
_NEVER: Final = 8 << 30
_IDLE_S: Final = 0.5
_IDLE_SHARE: Final = 0.05

Matrix = npt.NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=80_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--index", default="AUTOINDEX")
    options = parser.parse_args()
    base, queries = _vectors(options.data, options.rows, options.queries)
    print(f"{options.index}, COSINE, {base.shape[1]} dimensions\n")
    _searches(base, queries, options.index)
    print()
    _inserts(base, options.index)


def _searches(base: Matrix, queries: Matrix, index: str) -> None:
    print("| growing rows | scan us | indexed us | ratio | CPU ratio | recall@10 | seconds |")
    print("|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    with _opened(index, base.shape[1], enabled=True) as indexed, _opened(index, base.shape[1], enabled=False) as plain:
        written = 0
        for count in (part for part in (2_000, 5_000, 10_000, 20_000, 40_000, 80_000) if part <= len(base)):
            for rows in (plain, indexed):
                _insert(rows, base[written:count], first=written, batch=_BATCH)
            written = count
            seconds = _rest()
            slow, fast = _measured(lambda query: plain.search(query, limit=_K).ids, queries), (0.0, 0.0)
            fast = _measured(lambda query: indexed.search(query, limit=_K).ids, queries)
            for _ in range(_ROUNDS - 1):
                again = _measured(lambda query: plain.search(query, limit=_K).ids, queries)
                slow = min(slow[0], again[0]), min(slow[1], again[1])
                again = _measured(lambda query: indexed.search(query, limit=_K).ids, queries)
                fast = min(fast[0], again[0]), min(fast[1], again[1])
            print(
                f"| {count:,} | {slow[0] * 1e6:,.0f} | {fast[0] * 1e6:,.0f} | {slow[0] / fast[0]:.1f} "
                f"| {slow[1] / fast[1]:.1f} | {_recall(indexed, base[:count], queries):.4f} | {seconds:.1f} |",
                flush=True,
            )


def _inserts(base: Matrix, index: str) -> None:
    print("| inserts of | interim index | rows/s | p50 ms | p99 ms | paced p50 ms | paced p99 ms |")
    print("|--:|---|--:|--:|--:|--:|--:|", flush=True)
    for batch in (1000, 100):
        rows = base[: 40 * _BATCH] if batch == _BATCH else base[: 10 * _BATCH]
        best: dict[bool, list[float]] = {}
        for enabled in (False, True) * _ROUNDS:
            with _opened(index, base.shape[1], enabled=enabled) as collection:
                calls = _insert(collection, rows, first=0, batch=batch)
            with _opened(index, base.shape[1], enabled=enabled) as collection:
                paced = _insert(collection, rows, first=0, batch=batch, is_paced=True)
            told = [-len(rows) / calls.sum(), *np.percentile(calls, [50, 99]), *np.percentile(paced, [50, 99])]
            best[enabled] = told if enabled not in best else np.minimum(told, best[enabled]).tolist()
        for enabled, (rate, *times) in best.items():
            cells = " | ".join(f"{seconds * 1e3:.2f}" for seconds in times)
            print(f"| {batch} | {'on' if enabled else 'off'} | {-rate:,.0f} | {cells} |", flush=True)


@contextmanager
def _opened(index: str, dim: int, *, enabled: bool) -> Iterator[elanus.Collection]:
    """An empty collection whose rows are never flushed by themselves."""
    settings: dict[str, Any] = {"growing_index_enabled": enabled, "flush_bytes": _NEVER, "unflushed_bytes_max": _NEVER}
    with tempfile.TemporaryDirectory() as folder, elanus.connect(folder, **settings) as database:
        schema = elanus.Schema(
            (
                elanus.Field("id", elanus.DataType.INT64, is_primary=True),
                elanus.Field("vector", elanus.DataType.FLOAT_VECTOR, dim=dim),
            )
        )
        rows = database.create_collection("rows", schema=schema)
        rows.create_index("vector", index, metric="COSINE")
        yield rows
        database.drop_collection("rows")


def _insert(
    rows: elanus.Collection, vectors: Matrix, *, first: int, batch: int, is_paced: bool = False
) -> npt.NDArray[np.float64]:
    """Seconds of each call."""
    taken = []
    for start in range(0, len(vectors), batch):
        part = vectors[start : start + batch]
        keys = np.arange(first + start, first + start + len(part))
        began = time.perf_counter()
        rows.insert({"id": keys, "vector": part})
        taken.append(time.perf_counter() - began)
        if is_paced:
            time.sleep(taken[-1])
    return np.array(taken)


def _rest() -> float:
    """Waits until the process does nothing; seconds until it began to."""
    began = time.monotonic()
    while True:
        before, busy = time.monotonic(), time.process_time()
        time.sleep(_IDLE_S)
        if time.process_time() - busy < _IDLE_SHARE * _IDLE_S:
            return before - began


def _measured(search: Callable[[Any], Any], queries: Matrix) -> tuple[float, float]:
    """Seconds and CPU seconds of a call."""
    search(queries[0])
    busy, began = time.process_time(), time.perf_counter()
    for query in queries:
        search(query)
    return (time.perf_counter() - began) / len(queries), (time.process_time() - busy) / len(queries)


def _recall(rows: elanus.Collection, base: Matrix, queries: Matrix) -> float:
    unit = base / np.linalg.norm(base, axis=1, keepdims=True)
    true = np.argpartition(-(queries @ unit.T), _K, axis=1)[:, :_K]
    found = [set(rows.search(query, limit=_K).ids) for query in queries]
    return sum(len(keys & set(wanted)) for keys, wanted in zip(found, true.tolist(), strict=True)) / true.size


def _vectors(folder: Path | None, row_count: int, query_count: int) -> tuple[Matrix, Matrix]:
    if folder is not None:
        base: Matrix = np.load(folder / "base.npy", mmap_mode="r")[:row_count].copy()
        queries: Matrix = np.load(folder / "queries.npy")[:query_count]
        return base, queries
    random = np.random.default_rng(1)
    basis, centres = random.normal(size=(32, 256)), random.normal(size=(400, 32))
    count = row_count + query_count
    made = (centres[random.integers(0, 400, count)] + random.normal(size=(count, 32))) @ basis
    vectors = made.astype(np.float32)
    return vectors[query_count:].copy(), vectors[:query_count].copy()


if __name__ == "__main__":
    main()
