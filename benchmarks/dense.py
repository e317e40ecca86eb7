"""Dense search in numbers: recall against queries per CPU second, without and with filters, beside other libraries.

    python benchmarks/dense.py --data FOLDER [--passes 3] [--queries 1000] [--out dense]

FOLDER holds base.npy, queries.npy, gt_none.npy and, for filters, rand.npy, label.npy, qlabel.npy and gt_<filter>.npy,
as the side-by-side harness makes them. Every index is asked one query a call on one thread; passes visit all of them in
turn and the best pass of a point counts, because a disturbance only slows down. Peers that are installed join (faiss
always, hnswlib, rabitqlib). Writes `dense.md` (tables) and `dense.svg` (recall against queries per CPU second).
"""

import argparse
import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from dense_report import markdown, plot

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.index.protocol import BuildContext, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

K = 10
EFS = (10, 12, 14, 17, 20, 24, 32, 48, 64, 96, 160)
PROBES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
FILTERS = {"s50": 500_000, "s10": 100_000, "s1": 10_000, "s01": 1_000, "neg": None}
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Engine:
    """Something that is searched: `search(query (1, dim), effort, allow)` gives rows (1, k)."""

    name: str
    build_cpu_s: float
    efforts: Sequence[int]
    search: Callable[[Any, int, Any], Rows]
    filters: bool = False


@dataclass
class Point:
    """What an effort gave: the mean recall and the best rate of the passes, in queries a CPU second."""

    effort: int
    recall: float = 0.0
    rate: float = 0.0


@dataclass
class Dataset:
    """A folder of the harness."""

    folder: Path
    base: npt.NDArray[np.float32] = field(init=False)
    queries: npt.NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        self.base = np.load(self.folder / "base.npy")
        self.queries = np.load(self.folder / "queries.npy")

    def truth(self, name: str) -> Rows:
        return np.asarray(np.load(self.folder / f"gt_{name}.npy")[:, :K], np.int64)

    def masks(self, name: str, count: int) -> list[Bitset]:
        """The allowed rows of each query."""
        limit = FILTERS[name]
        if limit is not None:
            return [Bitset.from_bool(np.load(self.folder / "rand.npy") < limit)] * count
        label, wanted = np.load(self.folder / "label.npy"), np.load(self.folder / "qlabel.npy")[:count]
        of_label = {value: Bitset.from_bool(label == value) for value in np.unique(wanted).tolist()}
        return [of_label[value] for value in wanted.tolist()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--out", default="dense")
    options = parser.parse_args()
    data = Dataset(options.data)
    engines = [*own_engines(data), *peer_engines(data)]
    curves = measure(engines, data, options)
    filtered = {
        name: measure([one for one in engines if one.filters], data, options, name)
        for name in FILTERS
        if (data.folder / f"gt_{name}.npy").exists()
    }
    text = markdown(data.base.shape, {one.name: one.build_cpu_s for one in engines}, curves, filtered)
    Path(f"{options.out}.md").write_text(text, encoding="utf-8")
    Path(f"{options.out}.svg").write_text(plot(curves), encoding="utf-8")
    print(text)


def own_engines(data: Dataset) -> list[Engine]:
    lists = {"nlist": max(1, round(math.sqrt(len(data.base))))}
    return [
        own_engine(data, "HNSW", {"M": 16, "efConstruction": 100}, "ef", EFS),
        own_engine(data, "IVF_FLAT", lists, "nprobe", PROBES),
        own_engine(data, "IVF_SQ8", lists, "nprobe", PROBES),
        own_engine(data, "IVF_RABITQ", {**lists, "refine": True, "refine_type": "SQ8"}, "nprobe", PROBES),
    ]


def own_engine(data: Dataset, name: str, build: dict[str, Any], effort_name: str, efforts: Sequence[int]) -> Engine:
    vector = Field("v", DataType.FLOAT_VECTOR, dim=data.base.shape[1])
    column = VectorColumn(vector, dense_array(data.base, vector))
    kind = index_type(name)
    params = kind.check_build_params(vector, Metric.COSINE, build)
    start = time.process_time()
    artefacts = kind.build(column, Metric.COSINE, params, BuildContext(thread_count=2))
    seconds = time.process_time() - start
    index = kind.open(column, Metric.COSINE, params, {key: memoryview(value) for key, value in artefacts.items()})

    def search(query: Any, effort: int, allow: Any) -> Rows:
        return index.search(query, K, {**defaults, effort_name: effort}, allow).rows

    defaults = kind.check_search_params({effort_name: efforts[0]}, build_params=params, k=K)
    return Engine(f"elanus {name}", seconds, efforts, search, filters=True)


def peer_engines(data: Dataset) -> list[Engine]:
    import faiss

    faiss.omp_set_num_threads(2)
    start = time.process_time()
    graph = faiss.IndexHNSWSQ(data.base.shape[1], faiss.ScalarQuantizer.QT_8bit, 16, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = 200
    graph.train(data.base)
    graph.add(data.base)
    seconds = time.process_time() - start
    faiss.omp_set_num_threads(1)

    def search_faiss(query: Any, effort: int, _allow: Any) -> Rows:
        return np.asarray(graph.search(query, K, params=faiss.SearchParametersHNSW(efSearch=effort))[1])

    engines = [Engine("faiss HNSW_SQ8", seconds, EFS, search_faiss)]
    if importlib.util.find_spec("hnswlib"):
        engines.append(hnswlib_engine(data))
    if importlib.util.find_spec("rabitqlib"):
        engines.append(rabitqlib_engine(data))
    return engines


def hnswlib_engine(data: Dataset) -> Engine:
    import hnswlib

    index = hnswlib.Index("ip", data.base.shape[1])
    index.init_index(len(data.base), M=16, ef_construction=200)
    start = time.process_time()
    index.add_items(data.base, num_threads=2)
    seconds = time.process_time() - start
    index.set_num_threads(1)

    def search(query: Any, effort: int, _allow: Any) -> Rows:
        index.set_ef(effort)
        return index.knn_query(query, K)[0].astype(np.int64)

    return Engine("hnswlib", seconds, EFS, search)


def rabitqlib_engine(data: Dataset) -> Engine:
    import rabitqlib

    index = rabitqlib.SymqgIndex(data.base.shape[1], 32, "l2", 0)
    start = time.process_time()
    index.build(data.base, 200, 2)
    seconds = time.process_time() - start

    def search(query: Any, effort: int, _allow: Any) -> Rows:
        return np.asarray(index.search(query, K, effort, num_threads=1)[0]).astype(np.int64)

    return Engine("rabitqlib SymphonyQG", seconds, EFS, search)


def measure(engines: Sequence[Engine], data: Dataset, options: Any, name: str = "none") -> dict[str, list[Point]]:
    """The curve of every engine under a filter."""
    count = min(options.queries, len(data.queries))
    truth = data.truth(name)[:count]
    allowed: Sequence[Bitset | None] = [None] * count if name == "none" else data.masks(name, count)
    curves = {one.name: [Point(effort) for effort in one.efforts] for one in engines}
    for _ in range(options.passes):
        for engine in engines:
            for point in curves[engine.name]:
                start = time.process_time()
                found = [
                    engine.search(data.queries[number : number + 1], point.effort, allowed[number])[0]
                    for number in range(count)
                ]
                point.rate = max(point.rate, count / (time.process_time() - start))
                point.recall = recall_of(found, truth)
    return curves


def recall_of(found: Sequence[npt.NDArray[np.int64]], truth: Rows) -> float:
    shares = []
    for rows, true in zip(found, truth, strict=True):
        wanted = true[true >= 0]
        if len(wanted):
            shares.append(len(np.intersect1d(rows, wanted)) / len(wanted))
    return float(np.mean(shares))


if __name__ == "__main__":
    main()
