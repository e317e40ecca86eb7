"""The foundation in numbers: durable insert, exact scan, call overhead, reopening, filtered scan.

    python benchmarks/foundation.py [--rows 100000] [--dim 768] [--data FOLDER_WITH_base.npy] [--out result.json]

Every figure stands beside a baseline measured in the same run and on the same files: the disk's own write-and-sync
rate, the memory's read rate on one core, and milvus-lite where it is installed. Ratios are medians over rounds in which
both sides take turns. What inserts cost hangs on whether the host of a virtual machine has the memory at hand;
`inserts.py` does rounds until it has, and reports the two cases apart.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from inserts import BATCH, columns, durable_insert, milvus_insert, schema_of, served
from memory_rate import read_rate_loop

import elanus
from elanus.kernels import info

Vectors = npt.NDArray[np.float32]


def main() -> None:
    options = parse_options()
    vectors = load(options)
    results: dict[str, Any] = {"rows": len(vectors), "dim": vectors.shape[1], "kernels": info().level}
    with tempfile.TemporaryDirectory(prefix="elanus-bench-", dir=options.work) as name:
        folder = Path(name)
        results["durable insert"] = durable_insert(folder, vectors, options.rounds)
        results["milvus client insert"] = milvus_insert(folder, vectors[: options.client_rows])
        results["exact scan"] = exact_scan(folder, vectors)
        results["call overhead"] = call_overhead(folder)
        results["reopen"] = reopen(folder, vectors)
        results["filtered scan"] = filtered_scan(folder, vectors)
    results["import"] = import_cost()
    print(json.dumps(results, indent=1))
    if options.out:
        Path(options.out).write_text(json.dumps(results, indent=1), encoding="utf-8")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--data", help="a folder with base.npy; random unit vectors if left out")
    parser.add_argument("--work", help="folder for the files, on the disk to be measured")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of durable inserts, at least")
    parser.add_argument("--client-rows", type=int, default=20_000, help="rows for the clients that take dicts")
    parser.add_argument("--out", help="write the results there as JSON")
    return parser.parse_args()


def load(options: argparse.Namespace) -> Vectors:
    if options.data:
        return np.ascontiguousarray(np.load(Path(options.data) / "base.npy")[: options.rows], np.float32)
    vectors = np.random.default_rng(1).standard_normal((options.rows, options.dim), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def exact_scan(folder: Path, vectors: Vectors) -> dict[str, Any]:
    """One query over all rows on one core, against the memory's read rate measured in the same rounds."""
    with elanus.connect(folder / "scan", search_thread_count=1) as database:
        collection = database.create_collection("rows", schema_of(vectors.shape[1]))
        for start in range(0, len(vectors), BATCH):
            collection.insert(columns(vectors[start : start + BATCH], start))
        collection.flush()
        collection.compact()
        shares: dict[str, list[float]] = {"L2": [], "IP": [], "COSINE": []}
        rates = []
        read_rate = read_rate_loop()
        for round_number in range(15):
            rate = read_rate(256 << 20)
            rates.append(rate / 1e9)
            for metric, of_metric in shares.items():
                query = vectors[round_number]
                began = time.perf_counter()
                hits = collection.search(query, limit=10, metric=metric)
                seconds = time.perf_counter() - began
                assert hits.ids[0] == round_number
                of_metric.append(vectors.nbytes / seconds / rate)
    return {
        "memory read rate, GB/s": round(statistics.median(rates), 1),
        **{f"{metric} share of it": round(statistics.median(of_metric), 3) for metric, of_metric in shares.items()},
    }


def call_overhead(folder: Path) -> dict[str, Any]:
    """One search of ten rows: everything but the scan itself."""
    results: dict[str, Any] = {}
    with elanus.connect(folder / "tiny") as database:
        collection = database.create_collection("rows", dimension=8)
        collection.insert([{"id": key, "vector": [float(key)] * 8, "year": 2000 + key} for key in range(10)])
        query = np.ones(8, np.float32)
        results["native search, us"] = microseconds(lambda: collection.search(query, limit=3))
        results["native search with the same filter, us"] = microseconds(
            lambda: collection.search(query, limit=3, filter="year > 2005")
        )
    client = elanus.MilvusClient(str(folder / "tiny"))
    client.load_collection("rows")
    plain = [query.tolist()]
    results["pymilvus in process, us"] = microseconds(lambda: client.search("rows", plain, limit=3), 300)
    client.close()
    results["pymilvus over gRPC, us"] = served_search(folder / "tiny", plain)
    return results


def served_search(folder: Path, query: list[list[float]]) -> float:
    with served(folder) as client:
        return microseconds(lambda: client.search("rows", query, limit=3), 1000)


def microseconds(action: Callable[[], Any], count: int = 2000) -> float:
    """The median of many calls, after some that do not count."""
    for _ in range(count // 10):
        action()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return round(statistics.median(times) * 1e6, 1)


REOPEN = """
import sys, time
began = time.perf_counter()
import numpy as np
from elanus import connect
imported = time.perf_counter()
database = connect(sys.argv[1])
collection = database["rows"]
opened = time.perf_counter()
hits = collection.search(np.ones(int(sys.argv[2]), np.float32), limit=10)
searched = time.perf_counter()
print(imported - began, opened - imported, searched - opened)
"""


def reopen(folder: Path, vectors: Vectors) -> dict[str, Any]:
    """A database of about 1 GB, opened by a new process: time to open and to the first answer."""
    place = folder / "large"
    copies = max(1, (1 << 30) // vectors.nbytes)
    with elanus.connect(place) as database:
        collection = database.create_collection("rows", schema_of(vectors.shape[1]))
        for copy in range(copies):
            for start in range(0, len(vectors), BATCH):
                collection.insert(columns(vectors[start : start + BATCH], copy * len(vectors) + start))
        collection.flush()
        collection.compact()
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    lives = []
    for _ in range(5):
        command = [sys.executable, "-c", REOPEN, str(place), str(vectors.shape[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lives.append([float(part) for part in done.stdout.split()])
    imported, opened, searched = (statistics.median(column) for column in zip(*lives, strict=True))
    return {
        "bytes": size,
        "import of all modules, s": round(imported, 3),
        "open, s": round(opened, 3),
        "first search (exact scan of all), s": round(searched, 3),
        "open and first search, s": round(opened + searched, 3),
    }


def filtered_scan(folder: Path, vectors: Vectors) -> dict[str, Any]:
    """An exact scan of all rows against one of the 1 % that pass an integer range, in turns."""
    with elanus.connect(folder / "scan", search_thread_count=1) as database:
        collection = database["rows"]
        ratios = []
        for round_number in range(15):
            # Another bound each time, because what a filter found is kept while nothing is written.
            condition = f"number < {10_000 + round_number}"
            query = vectors[round_number]
            began = time.perf_counter()
            collection.search(query, limit=10)
            middle = time.perf_counter()
            collection.search(query, limit=10, filter=condition)
            ratios.append((middle - began) / (time.perf_counter() - middle))
        passing = collection.count("number < 10000") / len(vectors)
    return {"share of rows that pass": round(passing, 4), "times faster": round(statistics.median(ratios), 1)}


_CONNECT = "import elanus; elanus.connect(':memory:').close()"


def import_cost() -> dict[str, Any]:
    """CPU seconds of a process that only imports, less those of one that does nothing; and of the first connect."""
    nothing = cpu_seconds("pass")
    return {
        "import elanus, CPU s": round(cpu_seconds("import elanus") - nothing, 3),
        "import and connect, CPU s": round(
            cpu_seconds("import elanus; elanus.connect(':memory:').close()") - nothing, 3
        ),
    }


def cpu_seconds(code: str) -> float:
    times = []
    for _ in range(5):
        before = os.times()
        subprocess.run([sys.executable, "-c", code], check=True)
        after = os.times()
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(times)


if __name__ == "__main__":
    main()
