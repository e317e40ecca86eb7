"""Elanus in the side-by-side harness of embedded engines: copy this to its `peers/ours_peer.py` and name it there.

Variants whose name ends in `_index` are the index itself, as the raw libraries among the peers are; the others are the
whole database through the native API, which keeps what a filter found for as long as nothing is written.
"""

import shutil
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
from common import FILTERS
from peers.base import Peer

import elanus
from elanus import DataType, Field, Schema
from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.index.protocol import BuildContext, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.types import Metric

_EFS = (10, 12, 14, 17, 20, 24, 32, 48, 64, 96, 128)
_PROBES = (4, 8, 12, 16, 24, 32, 48, 64, 96)


class Ours(Peer):
    NAME, KIND, FILTER, BATCH, THREAD_SAFE = "ours", "db", True, True, True
    VARIANTS: ClassVar = {
        "hnsw_index": {"type": "HNSW", "build": {"M": 16, "efConstruction": 100}},
        "hnsw_db": {"type": "HNSW", "build": {"M": 16, "efConstruction": 100}},
        "ivf_sq8_index": {"type": "IVF_SQ8", "build": {"nlist": 316}},
        "ivf_flat_index": {"type": "IVF_FLAT", "build": {"nlist": 316}},
        "ivf_rabitq_index": {"type": "IVF_RABITQ", "build": {"nlist": 316, "refine": True, "refine_type": "SQ8"}},
    }

    def build(self):
        if self._is_bare():
            return self._build_index()
        phases = {}
        shutil.rmtree(self.path("db"), ignore_errors=True)
        start = time.time()
        with elanus.connect(self.path("db")) as database:
            fields = [
                Field("id", DataType.INT64, is_primary=True),
                Field("rand", DataType.INT64),
                Field("label", DataType.INT64),
                Field("v", DataType.FLOAT_VECTOR, dim=self.ds.dim),
            ]
            rows = database.create_collection("bench", Schema(fields))
            for first in range(0, self.ds.n, 10_000):
                last = min(first + 10_000, self.ds.n)
                columns = {"id": np.arange(first, last), "v": np.ascontiguousarray(self.ds.base[first:last])}
                rows.insert({**columns, "rand": self.ds.rand[first:last], "label": self.ds.label[first:last]})
            rows.flush()
            rows.compact(segment_bytes=1 << 40)
            phases["insert"] = time.time() - start
            rows.create_index("v", self.cfg["type"], metric="COSINE", **self.cfg["build"])
            for name in ("rand", "label"):
                rows.create_index(name, "INVERTED")
            rows.wait_for_indexes()
        phases["total"] = time.time() - start
        return phases

    def open(self):
        if not self._is_bare():
            self.database = elanus.connect(self.path("db"), search_thread_count=1)
            self.rows = self.database.collection("bench")
            return
        self.last = None
        kind, column, self.params = self._kind_column_params()
        folder = Path(self.path("index"))
        artefacts = {path.name: memoryview(np.memmap(path, np.uint8, "r")) for path in folder.iterdir()}
        self.kind, self.index = kind, kind.open(column, Metric.COSINE, self.params, artefacts)

    def _build_index(self):
        kind, column, params = self._kind_column_params()
        start = time.time()
        artefacts = kind.build(column, Metric.COSINE, params, BuildContext(thread_count=2))
        phases = {"total": time.time() - start}
        folder = Path(self.path("index"))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, data in artefacts.items():
            (folder / name).write_bytes(data)
        return phases

    def _kind_column_params(self):
        field = Field("v", DataType.FLOAT_VECTOR, dim=self.ds.dim)
        kind = index_type(self.cfg["type"])
        column = VectorColumn(field, dense_array(self.ds.base_ram(), field))
        return kind, column, kind.check_build_params(field, Metric.COSINE, self.cfg["build"])

    def close(self):
        if not self._is_bare():
            self.database.close()

    def sweep(self, filt):  # noqa: ARG002 (the harness passes it)
        name, values = ("ef", _EFS) if "HNSW" in self.cfg["type"] else ("nprobe", _PROBES)
        return [{name: value} for value in values]

    def prepare_filter(self, name, value=None):
        if FILTERS[name] is None:
            return None
        if self._is_bare():
            return Bitset.from_bool(np.ascontiguousarray(self.ds.mask(name, value)))
        operator, column, bound = FILTERS[name]
        return f"{column} {'<' if operator == 'lt' else '=='} {value if bound is None else bound}"

    def search(self, q, k, flt, p):
        if self._is_bare():
            return self.index.search(q, k, self._search_params(p, k), flt).rows
        hits = self.rows.search(q, limit=k, params=p, filter=flt or "")
        ids = np.asarray(hits.ids)
        if len(ids) == len(q) * k:
            return ids.reshape(len(q), k)
        return np.asarray([[hit["id"] for hit in one] + [-1] * (k - len(one)) for one in hits])

    def _search_params(self, p, k):
        if self.last != (p, k):
            self.last, self.checked = (p, k), self.kind.check_search_params(p, build_params=self.params, k=k)
        return self.checked

    def stats(self):
        return {}

    def _is_bare(self):
        return self.variant.endswith("_index")


PEER = Ours
