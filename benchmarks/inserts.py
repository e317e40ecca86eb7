"""Durable inserts in numbers: native ones against the disk, those of pymilvus clients against milvus-lite.

A page of memory that nobody used for a while may cost ten times what it costs otherwise: on a virtual machine the host
has to find it first (10 to 25 us instead of 1). Which of the two a run meets is luck, and it may change in the middle.
So each insert stands between two writes of the same size by the disk alone, which tell by their CPU time a page which
regime it is, and the regimes are reported apart: `cold` when both paid for the host, `warm` when neither did. An insert
between a cold and a warm write counts for neither. There are rounds until memory was warm for a while, or as many as
allowed; cold memory cannot be had at will, and its figures are missing when none was met.

Clients take turns batch by batch, so that a slow moment of the machine, or of memory, falls on all of them.
"""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import elanus
from elanus import DataType, Field, Schema

__all__ = ["BATCH", "columns", "durable_insert", "milvus_insert", "schema_of", "served"]

BATCH: Final = 10_000
_CLIENT_BATCH: Final = 1_000
# CPU time of the disk's own write by page: below, the host had the pages; above, it had to find them.
_WARM_US_MAX: Final = 3.0
_COLD_US_MIN: Final = 6.0
_WARM_INSERTS_MIN: Final = 10

Vectors = npt.NDArray[np.float32]
_BLOCK: Final = memoryview(np.random.default_rng(2).bytes(64 << 20))


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


@dataclass(frozen=True, slots=True)
class _DiskWrite:
    """A block that the disk has taken: how long all of it took, and the CPU time of the write by page."""

    seconds: float
    page_us: float

    @property
    def regime(self) -> str:
        if self.page_us <= _WARM_US_MAX:
            return "warm"
        return "cold" if self.page_us >= _COLD_US_MIN else "between"


@dataclass(frozen=True, slots=True)
class _Insert:
    """One insert and the mean of the disk's two writes around it."""

    way: str
    regime: str
    seconds: float
    disk_seconds: float


def durable_insert(folder: Path, vectors: Vectors, rounds: int) -> dict[str, Any]:
    """Batches of 10,000 rows as NumPy columns and as Arrow tables, each synced before the answer, against the disk.

    At least `rounds` rounds, and up to four times as many until memory was warm for ten inserts of each way.
    """
    inserts: list[_Insert] = []
    for number in range(4 * rounds):
        warm = [insert for insert in inserts if insert.regime == "warm"]
        if number >= rounds and len(warm) >= 2 * _WARM_INSERTS_MIN:
            break
        inserts += _round(folder / f"insert-{number}", vectors)
    report: dict[str, Any] = {
        regime: _figures([insert for insert in inserts if insert.regime == regime], vectors.shape[1])
        for regime in ("warm", "cold")
    }
    report["all"] = _figures(inserts, vectors.shape[1])
    return report


def _round(place: Path, vectors: Vectors) -> list[_Insert]:
    inserts = []
    block_bytes = BATCH * vectors.shape[1] * 4
    with elanus.connect(place, compaction_enabled=False) as database:
        targets = {name: database.create_collection(name, schema_of(vectors.shape[1])) for name in ("numpy", "arrow")}
        before = _disk_write(place / "disk", block_bytes)
        for start in range(0, len(vectors), BATCH):
            batch = columns(vectors[start : start + BATCH], start)
            for way, given in (("numpy", batch), ("arrow", _as_table(batch))):
                seconds = _seconds(lambda: targets[way].insert(given))  # noqa: B023 (called at once)
                after = _disk_write(place / "disk", block_bytes)
                regime = before.regime if before.regime == after.regime else "between"
                inserts.append(_Insert(way, regime, seconds, (before.seconds + after.seconds) / 2))
                before = after
        assert all(len(target) == len(vectors) for target in targets.values())
    # The first bring modules in, and begin log files.
    return inserts[2:]


def _figures(inserts: list[_Insert], dim: int) -> dict[str, Any] | str:
    if not inserts:
        return "not met"
    block_bytes = BATCH * dim * 4
    disk = statistics.median(insert.disk_seconds for insert in inserts)
    figures: dict[str, Any] = {"disk write and fdatasync, MB/s": round(block_bytes / disk / 1e6)}
    for way in ("numpy", "arrow"):
        of_way = [insert for insert in inserts if insert.way == way]
        if of_way:
            share = statistics.median(insert.disk_seconds / insert.seconds for insert in of_way)
            figures[f"{way} batches, rows/s"] = round(BATCH / statistics.median(insert.seconds for insert in of_way))
            figures[f"{way} share of the disk's rate"] = round(share, 3)
            figures[f"{way} batches measured"] = len(of_way)
    return figures


def _disk_write(path: Path, size_bytes: int) -> _DiskWrite:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    began, cpu = time.perf_counter(), time.thread_time()
    written = os.write(descriptor, _BLOCK[:size_bytes])
    write_cpu = time.thread_time() - cpu
    os.fdatasync(descriptor)
    spent = time.perf_counter() - began
    os.close(descriptor)
    return _DiskWrite(spent, write_cpu * 1e6 / (written / os.sysconf("SC_PAGE_SIZE")))


def _as_table(batch: dict[str, Any]) -> pa.Table:
    vectors = batch["vector"]
    flat = pa.array(vectors.reshape(-1))
    return pa.table({**batch, "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])})


def _seconds(action: Callable[[], Any]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def milvus_insert(folder: Path, vectors: Vectors) -> dict[str, Any]:
    """Rows as dicts in batches of 1,000 through pymilvus, in turns: ours in process and over gRPC, and milvus-lite.

    Rates are of all batches together, those in which a client waits for its own work in the background too.
    """
    rows = [{"id": key, "vector": vector} for key, vector in enumerate(vectors)]
    with ExitStack() as stack:
        clients: dict[str, Any] = {
            "in process": stack.enter_context(_closing(elanus.MilvusClient(str(folder / "client")))),
            "over gRPC": stack.enter_context(served(folder / "served")),
        }
        try:
            import milvus_lite  # noqa: F401
            from pymilvus import MilvusClient
        except ImportError:
            pass
        else:
            clients["milvus-lite"] = stack.enter_context(_closing(MilvusClient(str(folder / "lite.db"))))
        rates = _client_rates(clients, rows, vectors.shape[1])
    report: dict[str, Any] = {f"{name}, rows/s": round(rate) for name, rate in rates.items()}
    if "milvus-lite" not in rates:
        return {**report, "milvus-lite": "not installed"}
    for way in ("in process", "over gRPC"):
        report[f"{way} against milvus-lite"] = round(rates[way] / rates["milvus-lite"], 2)
    return report


def _client_rates(clients: Mapping[str, Any], rows: list[dict[str, Any]], dim: int) -> dict[str, float]:
    spent = dict.fromkeys(clients, 0.0)
    for client in clients.values():
        client.create_collection("rows", dimension=dim)
        client.insert("rows", rows[:1])
        client.delete("rows", ids=[rows[0]["id"]])
    for start in range(0, len(rows), _CLIENT_BATCH):
        for name, client in clients.items():
            spent[name] += _seconds(lambda: client.insert("rows", rows[start : start + _CLIENT_BATCH]))  # noqa: B023
    return {name: len(rows) / seconds for name, seconds in spent.items()}


@contextmanager
def _closing(client: Any) -> Iterator[Any]:
    yield client
    client.close()


@contextmanager
def served(folder: Path) -> Iterator[Any]:
    """A pymilvus client of a server in a process of its own, as clients have it."""
    from pymilvus import MilvusClient

    ports = [str(_free_port()) for _ in range(2)]
    command = [sys.executable, "-c", "from elanus.cli.main import main; main()", "serve", "--data", str(folder)]
    process = subprocess.Popen([*command, "--port", ports[0], "--management-port", ports[1], "--log-level", "ERROR"])
    try:
        _wait_for_port(int(ports[0]))
        client = MilvusClient(f"http://127.0.0.1:{ports[0]}")
        yield client
        client.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")
