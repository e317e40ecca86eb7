"""The foundation in numbers: durable insert, exact scan, call overhead, reopening, filtered scan.

    python benchmarks/foundation.py [--rows 100000] [--dim 768] [--data FOLDER_WITH_base.npy] [--out result.json]

Every figure stands beside a baseline measured in the same run and on the same files: the disk's own write-and-sync
rate, the memory's read rate on one core, and milvus-lite where it is installed. Ratios are medians over rounds in which
both sides take turns.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from memory_rate import read_rate_loop

import elanus
from elanus import DataType, Field, Schema
from elanus.kernels import info

BATCH = 10_000
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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--client-rows", type=int, default=20_000, help="rows for the clients that take dicts")
    parser.add_argument("--out", help="write the results there as JSON")
    return parser.parse_args()


def load(options: argparse.Namespace) -> Vectors:
    if options.data:
        return np.ascontiguousarray(np.load(Path(options.data) / "base.npy")[: options.rows], np.float32)
    vectors = np.random.default_rng(1).standard_normal((options.rows, options.dim), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def schema_of(dim: int) -> Schema:
    return Schema(
        (
            Field("id", DataType.INT64, is_primary=True),
            Field("vector", DataType.FLOAT_VECTOR, dim=dim),
            Field("number", DataType.INT32),
        )
    )


def columns(vectors: Vectors, start: int) -> dict[str, Any]:
    keys = np.arange(start, start + len(vectors))
    return {"id": keys, "vector": vectors, "number": (keys * 7919 % 1_000_000).astype(np.int32)}


def durable_insert(folder: Path, vectors: Vectors, rounds: int) -> dict[str, Any]:
    """Batches of 10,000 rows as NumPy columns and as Arrow tables, each synced before the answer, against the disk.

    Batch by batch the three take turns, so that a slow moment of a shared disk falls on all of them.
    """
    spent: dict[str, list[float]] = {"disk": [], "numpy": [], "arrow": []}
    for number in range(rounds):
        place = folder / f"insert-{number}"
        with elanus.connect(place, compaction_enabled=False) as database:
            targets = [database.create_collection(name, schema_of(vectors.shape[1])) for name in ("numpy", "arrow")]
            for start in range(0, len(vectors), BATCH):
                batch = columns(vectors[start : start + BATCH], start)
                spent["disk"].append(disk_seconds(place / "disk", BATCH * vectors.shape[1] * 4))
                spent["numpy"].append(seconds(lambda: targets[0].insert(batch)))  # noqa: B023 (called at once)
                table = as_table(batch)
                spent["arrow"].append(seconds(lambda: targets[1].insert(table)))  # noqa: B023 (called at once)
            assert all(len(target) == len(vectors) for target in targets)
    block_bytes = BATCH * vectors.shape[1] * 4
    return {
        "disk write and fdatasync, MB/s": round(block_bytes / statistics.median(spent["disk"]) / 1e6),
        "numpy batches, rows/s": round(BATCH / statistics.median(spent["numpy"])),
        "arrow batches, rows/s": round(BATCH / statistics.median(spent["arrow"])),
        "numpy share of the disk's rate": median_ratio(spent["disk"], spent["numpy"]),
        "arrow share of the disk's rate": median_ratio(spent["disk"], spent["arrow"]),
    }


def disk_seconds(path: Path, size_bytes: int) -> float:
    """Time to append a block to a file and have the disk take it."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    began = time.perf_counter()
    os.write(descriptor, _BLOCK[:size_bytes])
    os.fdatasync(descriptor)
    spent = time.perf_counter() - began
    os.close(descriptor)
    return spent


_BLOCK = memoryview(np.random.default_rng(2).bytes(64 << 20))


def as_table(batch: dict[str, Any]) -> pa.Table:
    vectors = batch["vector"]
    flat = pa.array(vectors.reshape(-1))
    return pa.table({**batch, "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])})


def seconds(action: Callable[[], Any]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def milvus_insert(folder: Path, vectors: Vectors) -> dict[str, Any]:
    """Rows as dicts in batches of 1,000 through the pymilvus client: ours in process and over gRPC, and milvus-lite."""
    rows = [{"id": key, "vector": vector} for key, vector in enumerate(vectors)]
    rates: dict[str, Any] = {}
    client = elanus.MilvusClient(str(folder / "client"))
    rates["in process, rows/s"] = client_rate(client, rows, vectors.shape[1])
    client.close()
    rates["over gRPC, rows/s"] = served_rate(folder / "served", rows, vectors.shape[1])
    try:
        import milvus_lite  # noqa: F401
        from pymilvus import MilvusClient
    except ImportError:
        rates["milvus-lite"] = "not installed"
        return rates
    lite = MilvusClient(str(folder / "lite.db"))
    rates["milvus-lite, rows/s"] = client_rate(lite, rows, vectors.shape[1])
    lite.close()
    for way in ("in process", "over gRPC"):
        rates[f"{way} against milvus-lite"] = round(rates[f"{way}, rows/s"] / rates["milvus-lite, rows/s"], 2)
    return rates


def client_rate(client: Any, rows: list[dict[str, Any]], dim: int) -> float:
    client.create_collection("rows", dimension=dim)
    began = time.perf_counter()
    for start in range(0, len(rows), 1000):
        client.insert("rows", rows[start : start + 1000])
    return round(len(rows) / (time.perf_counter() - began))


def served_rate(folder: Path, rows: list[dict[str, Any]], dim: int) -> float:
    with served(folder) as client:
        return client_rate(client, rows, dim)


@contextmanager
def served(folder: Path) -> Iterator[Any]:
    """A pymilvus client of a server in a process of its own, as clients have it."""
    from pymilvus import MilvusClient

    ports = [str(free_port()) for _ in range(2)]
    command = [sys.executable, "-c", "from elanus.cli.main import main; main()", "serve", "--data", str(folder)]
    process = subprocess.Popen([*command, "--port", ports[0], "--management-port", ports[1], "--log-level", "ERROR"])
    try:
        wait_for_port(int(ports[0]))
        client = MilvusClient(f"http://127.0.0.1:{ports[0]}")
        yield client
        client.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


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


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    return round(statistics.median(left / right for left, right in zip(ours, theirs, strict=True)), 3)


if __name__ == "__main__":
    main()
