"""DISKANN and AISAQ on disk: recall, searches a second, reads and resident memory, as a table in Markdown.

    python benchmarks/disk.py FOLDER [--rows 100000] [--queries 500] [--metric COSINE] [--indexes INDEXES]

FOLDER has `base.npy` (rows, dim) and `queries.npy`, float32. Indexes are built below INDEXES, or in a temporary folder
that goes away. Each index is measured in a process of its own, which maps the column and the index as a server does:
what is resident is what its memory has grown by since before the index was opened, the process's own memory and pages
of files together. The disk's cache is warm; reads are counted by the kernels.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.vectors import dense_array
from elanus.index.disk.search import DiskIndex
from elanus.index.exact import ExactScan
from elanus.index.protocol import BuildContext, VectorColumn
from elanus.index.registry import index_type
from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.local import LocalStore
from elanus.runtime.pool import processor_count
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric
from elanus.storage.artefacts import ArtefactWriter, map_artefacts
from elanus.storage.manifest import ArtefactFile

_K = 10
_WARM_UP_QUERIES = 20
_HEADINGS = (
    "index",
    "build s",
    "on disk B/vector",
    "search_list",
    "recall@10",
    "searches/s",
    "searches/CPU s",
    "blocks read",
    "vectors read",
    "KiB read",
    "resident B/vector",
    "held B/vector",
)


@dataclass(frozen=True, slots=True)
class _Case:
    """An index to build, and the lengths of search lists to measure."""

    title: str
    name: str
    build: dict[str, Any]
    search_lists: tuple[int, ...]


_CASES = (
    _Case("DISKANN", "DISKANN", {}, (20, 50, 100)),
    _Case("DISKANN, nothing cached", "DISKANN", {"search_cache_budget_gb_ratio": 0.0}, (20, 50, 100)),
    _Case("AISAQ, defaults (fill)", "AISAQ", {}, (16, 30, 60)),
    _Case("AISAQ, performance", "AISAQ", {"inline_pq": 56}, (16, 30, 60)),
    _Case("AISAQ, scale", "AISAQ", {"inline_pq": 0}, (16, 30, 60)),
)


@dataclass(frozen=True, slots=True)
class _Task:
    """What one process measures."""

    case: _Case
    data: Path
    row_count: int
    query_count: int
    metric: Metric
    store: Path
    files: tuple[ArtefactFile, ...]
    exact: npt.NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--metric", type=Metric, default=Metric.COSINE)
    parser.add_argument("--indexes", type=Path)
    arguments = parser.parse_args()
    print(f"| {' | '.join(_HEADINGS)} |")
    print("|---" * len(_HEADINGS) + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        store = arguments.indexes or Path(folder)
        column, queries = _column(arguments.data, arguments.rows), _queries(arguments.data, arguments.queries)
        exact = ExactScan.over(column, arguments.metric).search(queries, _K, None).rows
        for number, case in enumerate(_CASES):
            prefix = store / f"{number}"
            prefix.mkdir(parents=True, exist_ok=True)
            files, seconds = _build(case, column, arguments.metric, prefix)
            size = sum(file.size_bytes for file in files) / len(column.array)
            task = _Task(
                case, arguments.data, arguments.rows, arguments.queries, arguments.metric, prefix, files, exact
            )
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                for line in process.submit(_measured, task).result():
                    print(f"| {case.title} | {seconds:.0f} | {size:,.0f} | {line}", flush=True)


def _column(data: Path, row_count: int) -> VectorColumn:
    """The first rows of the mapped file, not copied."""
    base = np.load(data / "base.npy", mmap_mode="r")[:row_count]
    field = Field("vector", DataType.FLOAT_VECTOR, dim=base.shape[1])
    like = dense_array(np.zeros((1, base.shape[1]), np.float32), field)
    values = pa.Array.from_buffers(like.type.value_type, base.size, [None, pa.py_buffer(base)])
    return VectorColumn(field, pa.FixedSizeListArray.from_arrays(values, type=like.type))


def _queries(data: Path, count: int) -> npt.NDArray[np.float32]:
    queries: npt.NDArray[np.float32] = np.ascontiguousarray(np.load(data / "queries.npy")[:count], np.float32)
    return queries


def _build(case: _Case, column: VectorColumn, metric: Metric, folder: Path) -> tuple[tuple[ArtefactFile, ...], float]:
    kind = index_type(case.name)
    params = kind.check_build_params(column.field, metric, case.build)
    writer = ArtefactWriter(LocalStore(LocalDisk(folder)), "index")
    started = time.perf_counter()
    context = BuildContext(thread_count=processor_count(), store_artefact=writer.write)
    for name, content in kind.build(column, metric, params, context).items():
        writer.write(name, [content])
    return writer.files, time.perf_counter() - started


def _measured(task: _Task) -> list[str]:
    """The rest of each line, one for each length of the search list."""
    return list(_lines(task))


def _lines(task: _Task) -> Iterator[str]:
    kind = index_type(task.case.name)
    column, queries = _column(task.data, task.row_count), _queries(task.data, task.query_count)
    params = kind.check_build_params(column.field, task.metric, task.case.build)
    store = LocalStore(LocalDisk(task.store))
    _load_libraries(queries)
    found = np.zeros_like(task.exact)
    # What comparing answers allocates is not the index's.
    _shared_count(found, task.exact)
    before = _resident_bytes()
    artefacts = map_artefacts(store, "index", task.files)
    index = kind.open(column, task.metric, params, artefacts)
    assert isinstance(index, DiskIndex)
    block_bytes = index.block_bytes
    for length in task.case.search_lists:
        searched = kind.check_search_params({"search_list": length}, build_params=params, k=_K)
        index.search(queries[:_WARM_UP_QUERIES], _K, searched, None)
        blocks = vectors = 0
        started, started_s = time.process_time(), time.perf_counter()
        for number in range(len(queries)):
            hits, reads = index.search_counting(queries[number : number + 1], _K, searched, None)
            found[number] = hits.rows[0]
            if reads is not None:
                blocks += int(reads.blocks[0])
                vectors += int(reads.vectors[0])
        seconds, wall_s = time.process_time() - started, time.perf_counter() - started_s
        resident = (_resident_bytes() - before) / task.row_count
        shared_count = _shared_count(found, task.exact)
        count = len(queries)
        read_bytes = blocks * block_bytes + vectors * 4 * queries.shape[1]
        held = index.size().memory_bytes / task.row_count
        yield (
            f"{length} | {shared_count / (count * _K):.4f} | {count / wall_s:,.0f} | {count / seconds:,.0f} "
            f"| {blocks / count:.1f} "
            f"| {vectors / count:.1f} | {read_bytes / count / 1024:.0f} | {resident:.2f} | {held:.2f} |"
        )


def _shared_count(found: npt.NDArray[np.int64], exact: npt.NDArray[np.int64]) -> int:
    return sum(len(set(got) & set(want)) for got, want in zip(found.tolist(), exact.tolist(), strict=True))


def _load_libraries(vectors: npt.NDArray[np.float32]) -> None:
    """Searches a small index in memory, so that no code is loaded while what is resident is measured."""
    field = Field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
    column = VectorColumn(field, dense_array(vectors, field))
    kind = index_type("DISKANN")
    params = kind.check_build_params(field, Metric.L2, {})
    built = kind.build(column, Metric.L2, params, BuildContext())
    index = kind.open(column, Metric.L2, params, {name: memoryview(content) for name, content in built.items()})
    searched = kind.check_search_params({}, build_params=params, k=_K)
    index.search(vectors[:_WARM_UP_QUERIES], _K, searched, None)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
