"""The IVF family against itself and against faiss and rabitqlib, over the same centroids, all in one run.

    python benchmarks/ivf.py [--data FOLDER] [--lists 316] [--queries 1000] [--passes 3] [--filter 0.1]

FOLDER has `base.npy` and `queries.npy` (float32, unit length); without it clustered vectors are made. Each pass visits
every index with every nprobe, one query a call on one thread, and the best rate of the passes counts: disturbance only
slows down. A rate at a recall is interpolated along an index's points. rabitqlib is measured where it can be imported.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.index.exact import ExactScan
from elanus.index.ivf.search import IvfIndex
from elanus.index.protocol import BuildContext, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

_K: Final = 10
_PROBES: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_TARGETS: Final = (0.90, 0.95, 0.99)
_OWN: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "IVF_FLAT": ("IVF_FLAT", {}),
    "IVF_SQ8": ("IVF_SQ8", {}),
    "IVF_RABITQ": ("IVF_RABITQ", {}),
    "IVF_RABITQ 4 bits": ("IVF_RABITQ", {"rbq_bits": 4}),
    "IVF_RABITQ refine": ("IVF_RABITQ", {"refine": True}),
    "IVF_RABITQ SQ6": ("IVF_RABITQ", {"refine": True, "refine_type": "SQ6"}),
    "IVF_RABITQ SQ8": ("IVF_RABITQ", {"refine": True, "refine_type": "SQ8"}),
}
_FAISS: Final = ("faiss Flat", "faiss SQ8", "faiss RaBitQ SQ8")
_RABITQLIB: Final = {"rabitqlib 7 bits": 7, "rabitqlib raw": 32}

Search = Callable[[npt.NDArray[np.float32], int], npt.NDArray[np.int64]]


@dataclass
class Contender:
    """An index: how it is asked, its bytes a row beside the vectors, and the best rate and the recall by nprobe."""

    name: str
    search: Search
    row_bytes: float
    points: dict[int, tuple[float, float]] = field(default_factory=dict)

    def rate_at(self, recall: float) -> float | None:
        """Queries a second at a recall, between the points around it; None when it is not reached."""
        reached = sorted(self.points.values())
        for (low, low_rate), (high, high_rate) in pairwise(reached):
            if low <= recall <= high and high > low:
                share = (recall - low) / (high - low)
                return float(np.exp((1 - share) * np.log(low_rate) + share * np.log(high_rate)))
        above = [rate for found, rate in reached if found >= recall]
        return max(above, default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--lists", type=int, default=316)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--only", default="", help="names of contenders, separated by commas; all by default")
    parser.add_argument("--filter", type=float, help="share of the rows that may be found; ours and faiss only")
    options = parser.parse_args()
    base, queries = _vectors(options.data, options.queries)
    faiss.omp_set_num_threads(1)
    allow = None
    if options.filter is not None:
        allow = Bitset.from_bool(np.random.default_rng(5).random(len(base)) < options.filter)
    spec = Field("vector", DataType.FLOAT_VECTOR, dim=base.shape[1])
    column = VectorColumn(spec, dense_array(base, spec))
    exact = ExactScan.over(column, Metric.IP).search(queries, _K, allow).rows
    wanted = set(options.only.split(",")) if options.only else {*_OWN, *_FAISS, *_RABITQLIB}
    contenders, centroids = _own(column, options.lists, allow, wanted)
    contenders += _faiss(base, centroids, allow, wanted)
    if allow is None:
        contenders += _rabitqlib(base, centroids, wanted)
    for _ in range(options.passes):
        for contender in contenders:
            _measure(contender, queries, exact)
    _report(contenders)


def _vectors(folder: Path | None, query_count: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    if folder is not None:
        base = np.load(folder / "base.npy")
        queries: npt.NDArray[np.float32] = np.load(folder / "queries.npy")[:query_count]
        return base, queries
    random = np.random.default_rng(1)
    centres = random.normal(size=(300, 256))
    made = centres[random.integers(0, 300, 20_000 + query_count)] + random.normal(size=(20_000 + query_count, 256))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    vectors = made.astype(np.float32)
    return vectors[query_count:].copy(), vectors[:query_count].copy()


def _own(
    column: VectorColumn, list_count: int, allow: Bitset | None, wanted: set[str]
) -> tuple[list[Contender], npt.NDArray[np.float32]]:
    """Our indexes, whose builds find the same centroids, and those."""
    contenders: list[Contender] = []
    centroids = np.empty((0, 0), np.float32)
    for name, (kind_name, given) in _OWN.items():
        if name not in wanted:
            continue
        kind = index_type(kind_name)
        params = kind.check_build_params(column.field, Metric.IP, {"nlist": list_count, **given})
        built = kind.build(column, Metric.IP, params, BuildContext())
        artefacts = {file: memoryview(np.frombuffer(data, np.uint8)) for file, data in built.items()}
        index = kind.open(column, Metric.IP, params, artefacts)
        assert isinstance(index, IvfIndex)
        centroids = index.centroids.lists.centroids

        def search(
            query: npt.NDArray[np.float32], nprobe: int, index: IvfIndex = index, name: str = name
        ) -> npt.NDArray[np.int64]:
            checked = {"nprobe": nprobe, "max_empty_result_buckets": 1}
            if name.startswith("IVF_RABITQ"):
                checked |= {"rbq_query_bits": 0, "refine_k": 1.0}
            rows: npt.NDArray[np.int64] = index.search(query, _K, checked, allow).rows[0]
            return rows

        contenders.append(Contender(name, search, index.size().mapped_bytes / column.row_count))
    return contenders, centroids


def _faiss(
    base: npt.NDArray[np.float32], centroids: npt.NDArray[np.float32], allow: Bitset | None, wanted: set[str]
) -> list[Contender]:
    """faiss's indexes over the same centroids."""
    dim, count, metric = base.shape[1], len(centroids), faiss.METRIC_INNER_PRODUCT
    selector = None if allow is None else faiss.IDSelectorBitmap(allow.packed())
    contenders = []
    for name in _FAISS:
        if name not in wanted:
            continue
        rotation = faiss.RandomRotationMatrix(dim, dim)
        rotation.init(7)
        is_rotated = "RaBitQ" in name
        coarse = faiss.IndexFlatIP(dim)
        coarse.add(rotation.apply(centroids) if is_rotated else centroids)
        match name:
            case "faiss Flat":
                lists: Any = faiss.IndexIVFFlat(coarse, dim, count, metric)
            case "faiss SQ8":
                lists = faiss.IndexIVFScalarQuantizer(coarse, dim, count, faiss.ScalarQuantizer.QT_8bit, metric)
            case _:
                lists = faiss.IndexIVFRaBitQFastScan(coarse, dim, count, metric, 32, True, 1)
        index: Any = lists
        if is_rotated:
            index = faiss.IndexPreTransform(rotation, lists)
            store = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_8bit, metric)
            store.train(base)
            index = faiss.IndexRefine(index, store)
        index.train(base)
        index.add(base)
        kept = (rotation, coarse, lists, index)

        def search(
            query: npt.NDArray[np.float32], nprobe: int, kept: Any = kept, is_rotated: bool = is_rotated
        ) -> npt.NDArray[np.int64]:
            params: Any
            if is_rotated:
                inner = faiss.IVFRaBitQSearchParameters(nprobe=nprobe, qb=8, sel=selector)
                outer = faiss.SearchParametersPreTransform(index_params=inner)
                params = faiss.IndexRefineSearchParameters(k_factor=8, base_index_params=outer)
            else:
                params = faiss.SearchParametersIVF(nprobe=nprobe, sel=selector)
            rows: npt.NDArray[np.int64] = kept[-1].search(query, _K, params=params)[1][0]
            return rows

        contenders.append(Contender(name, search, len(faiss.serialize_index(index)) / len(base)))
    return contenders


def _rabitqlib(base: npt.NDArray[np.float32], centroids: npt.NDArray[np.float32], wanted: set[str]) -> list[Contender]:
    """rabitqlib's inverted lists with codes of 7 bits, and with the vectors themselves."""
    try:
        import rabitqlib
    except ImportError:
        return []
    coarse = faiss.IndexFlatL2(base.shape[1])
    coarse.add(centroids)
    assigned = coarse.search(base, 1)[1][:, 0].astype(np.uint32)
    contenders = []
    for name, bits in _RABITQLIB.items():
        if name not in wanted:
            continue
        index = rabitqlib.IvfIndex(base.shape[1], len(base), len(centroids), bits, "ip")
        index.build(base, np.ascontiguousarray(centroids), assigned, 1, True)

        def search(query: npt.NDArray[np.float32], nprobe: int, index: Any = index) -> npt.NDArray[np.int64]:
            return np.asarray(index.search(query, _K, nprobe, num_threads=1)[0]).astype(np.int64)[0]

        contenders.append(Contender(name, search, float("nan")))
    return contenders


def _measure(contender: Contender, queries: npt.NDArray[np.float32], exact: npt.NDArray[np.int64]) -> None:
    for nprobe in _PROBES:
        found = np.empty((len(queries), _K), np.int64)
        start = time.process_time()
        for number in range(len(queries)):
            found[number] = contender.search(queries[number : number + 1], nprobe)
        rate = len(queries) / (time.process_time() - start)
        shared = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), exact.tolist(), strict=True))
        best = max(rate, contender.points.get(nprobe, (0.0, 0.0))[1])
        contender.points[nprobe] = (shared / exact.size, best)


def _report(contenders: list[Contender]) -> None:
    flat = next((contender for contender in contenders if contender.name == "IVF_FLAT"), contenders[0])
    print("queries per CPU second, and in brackets how often IVF_FLAT's at the same recall\n")
    print("| index | B/row | " + " | ".join(f"recall {target}" for target in _TARGETS) + " | most recall |")
    print("|---|--:|" + "--:|" * (len(_TARGETS) + 1))
    for contender in contenders:
        told = []
        for target in _TARGETS:
            rate, other = contender.rate_at(target), flat.rate_at(target)
            told.append("-" if rate is None or other is None else f"{rate:,.0f} ({rate / other:.2f})")
        most = max(recall for recall, _ in contender.points.values())
        print(f"| {contender.name} | {contender.row_bytes:.0f} | " + " | ".join(told) + f" | {most:.4f} |")
    print("\n| index | " + " | ".join(f"nprobe {nprobe}" for nprobe in _PROBES) + " |")
    print("|---|" + "--:|" * len(_PROBES))
    for contender in contenders:
        cells = [f"{recall:.4f} {rate:,.0f}" for recall, rate in contender.points.values()]
        print(f"| {contender.name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
