"""Growing rows against plain arrays, while runs of them are indexed and sealed: graphs large enough to be walked.

Whatever the graphs find, a search returns as many live rows as there are, with their exact scores; nearly all of the
nearest are among them, and all where every candidate is kept.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.engine.joining import join_rows
from elanus.runtime.clock import ManualClock
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

DIM = 24
CENTRES = np.random.default_rng(7).normal(size=(20, DIM))
KEY_MAX = 9000
INDEXES = {"HNSW": {}, "IVF_FLAT": {"nlist": 64}, "AUTOINDEX": {}}
EFFORTS = {"HNSW": {"ef": 10}, "IVF_FLAT": {"nprobe": 4}, "AUTOINDEX": {"recall": 0.96}}
ALL = {"HNSW": {"ef": KEY_MAX}, "IVF_FLAT": {"nprobe": 64}, "AUTOINDEX": {"ef": KEY_MAX}}


def made(rng: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    chosen = CENTRES[rng.integers(0, len(CENTRES), count)]
    return (chosen + 0.4 * rng.normal(size=(count, DIM))).astype(np.float32)


class Growing:
    """One collection whose rows mostly stay unflushed, and its rows as arrays by key."""

    def __init__(self, seed: int, index: str, metric: str) -> None:
        chosen = Settings(background_maintenance=False, search_thread_count=1, growing_index_rows_min=900)
        self.service = service_on_disk(SimulatedDisk(), chosen, clock=ManualClock())
        schema = Schema((
            Field("id", DataType.INT64, is_primary=True),
            Field("v", DataType.FLOAT_VECTOR, dim=DIM),
            Field("n", DataType.INT32),
        ))  # fmt: skip
        self.docs = Database(self.service, "simulated").create_collection("c", schema=schema)
        self.docs.create_index("v", index, metric=metric, wait=False, **INDEXES[index])
        self.metric, self.index = metric, index
        self.luck = np.random.default_rng(seed)
        self.vectors = np.zeros((KEY_MAX, DIM), np.float32)
        self.live = np.zeros(KEY_MAX, np.bool_)
        self.written = 0
        self.run_count = 0

    def insert(self) -> None:
        count = min(int(self.luck.integers(200, 900)), KEY_MAX - self.written)
        keys = np.arange(self.written, self.written + count)
        if count:
            self.docs.insert(self._write(keys))
        self.written += count

    def upsert(self) -> None:
        keys = np.unique(self.luck.integers(0, max(1, self.written), 150))
        self.docs.upsert(self._write(keys))
        self.written = max(self.written, 1)

    def delete(self) -> None:
        keys = self.luck.integers(0, max(1, self.written), 200)
        self.docs.delete(keys.tolist())
        self.live[keys] = False

    def join(self) -> None:
        while join_rows(self.service.engine.collection("default", "c")):
            self.run_count += 1

    def flush(self) -> None:
        """What is sealed keeps its graphs: nobody builds an index."""
        self.docs.flush()

    def search(self) -> None:
        below, limit = int(self.luck.choice([100, 100, 40, 3])), int(self.luck.choice([1, 10, 40]))
        allowed = np.flatnonzero(self.live & (np.arange(KEY_MAX) % 100 < below))
        text = "" if below == 100 else f"n < {below}"
        queries = made(self.luck, 20)
        assert self._found(queries, limit, text, EFFORTS[self.index], allowed) >= 0.95
        assert self._found(queries, limit, text, ALL[self.index], allowed) == 1.0
        assert self.docs.count() == int(self.live.sum())

    def _write(self, keys: npt.NDArray[np.int64]) -> dict[str, Any]:
        self.vectors[keys], self.live[keys] = made(self.luck, len(keys)), True
        return {"id": keys, "v": self.vectors[keys], "n": (keys % 100).astype(np.int32)}

    def _found(
        self, queries: npt.NDArray[np.float32], limit: int, text: str, params: dict[str, Any], allowed: npt.NDArray[Any]
    ) -> float:
        """The share of the nearest that is found, by score; that hits are what they should be is checked."""
        hits = self.docs.search(queries, limit=limit, filter=text, params=params)
        shares = []
        for query, of_query in zip(queries, hits, strict=True):
            keys, scores = np.array(of_query.ids, np.int64), np.array(of_query.distances)
            assert len(keys) == len(set(keys.tolist())) == min(limit, len(allowed))
            assert np.isin(keys, allowed).all()
            exact = self._scores(query, allowed)
            np.testing.assert_allclose(scores, exact[np.searchsorted(allowed, keys)], rtol=1e-4, atol=1e-4)
            ranked = np.sort(exact if self.metric == "L2" else -exact)[:limit]
            own = scores if self.metric == "L2" else -scores
            shares.append(1.0 if not len(own) else float(np.mean(own <= ranked[-1] + 1e-4)))
        return float(np.mean(shares))

    def _scores(self, query: npt.NDArray[np.float32], keys: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        rows, one = self.vectors[keys].astype(np.float64), query.astype(np.float64)
        if self.metric == "L2":
            return np.asarray(((rows - one) ** 2).sum(axis=1))
        products = rows @ one
        if self.metric == "COSINE":
            products /= np.linalg.norm(rows, axis=1) * np.linalg.norm(one)
        return np.asarray(products)


@pytest.mark.parametrize("metric", ["L2", "IP", "COSINE"])
@pytest.mark.parametrize("index", list(INDEXES))
@pytest.mark.parametrize("seed", range(1))
def test_searches_while_growing_rows_are_indexed(index: str, metric: str, seed: int) -> None:
    growing = Growing(seed, index, metric)
    steps = [growing.insert, growing.upsert, growing.delete, growing.join, growing.search, growing.flush]
    for number in growing.luck.choice(len(steps), 60, p=[0.27, 0.05, 0.05, 0.25, 0.35, 0.03]):
        steps[number]()
    growing.join()
    growing.search()
    assert growing.run_count >= 2
    growing.service.close()
