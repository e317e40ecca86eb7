"""The process that is killed: writes through the public API and says what was acknowledged, until it dies."""

import json
import random
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import elanus
from elanus.embedded.collection import Collection

# Small enough that flushes, merges and index builds happen all the time.
SETTINGS: dict[str, Any] = {
    "flush_bytes": 24_000,
    "segment_bytes_max": 400_000,
    "index_rows_min": 64,
    "wal_file_bytes_max": 16_000,
    "checkpoint_commit_count": 5,
    "wal_view_bytes_min": 900,
}
KEY_COUNT = 400
DIM = 8


def row(key: int, version: int) -> dict[str, Any]:
    return {"id": key, "vector": [float(key), float(version % 65_536)] + [0.5] * (DIM - 2), "version": version}


def write_until_killed(root: str, seed: int, reports: "list[Connection]") -> None:
    """One thread a collection; each message on its pipe is an operation begun or acknowledged."""
    database = elanus.connect(Path(root), **SETTINGS)
    threads = []
    for number, report in enumerate(reports):
        name = f"c{number}"
        if name not in database:
            collection = database.create_collection(name, dimension=DIM, metric="L2")
        else:
            collection = database[name]
        target = threading.Thread(target=_write, args=(collection, seed * 10 + number, report), daemon=True)
        target.start()
        threads.append(target)
    for thread in threads:
        thread.join()


def _write(collection: Collection, seed: int, report: "Connection") -> None:
    luck = random.Random(seed)
    version = seed * 100_000
    while True:
        version += 1
        operation = _operation(luck, version)
        report.send_bytes(json.dumps({"begin": operation}).encode())
        _perform(collection, operation)
        report.send_bytes(json.dumps({"ack": version}).encode())


def _operation(luck: random.Random, version: int) -> dict[str, Any]:
    kind = luck.choices(["upsert", "delete", "flush", "compact"], [80, 15, 4, 1])[0]
    keys = luck.sample(range(KEY_COUNT), luck.choice([1, 3, 20, 120]))
    return {"kind": kind, "version": version, "keys": keys}


def _perform(collection: Collection, operation: dict[str, Any]) -> None:
    match operation["kind"]:
        case "upsert":
            collection.upsert([row(key, operation["version"]) for key in operation["keys"]])
        case "delete":
            collection.delete(operation["keys"])
        case "flush":
            collection.flush()
        case "compact":
            collection.compact()
