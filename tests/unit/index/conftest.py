"""Made columns: clustered vectors of every dense type, with or without nulls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.columns.vectors import bfloat16_from_float32, dense_array
from elanus.index.protocol import Artefacts, BuildContext, VectorColumn, VectorIndex
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

FAST_PARAMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "FLAT": ({}, {}),
    "IVF_FLAT": ({"nlist": 32}, {"nprobe": 8}),
    "IVF_SQ8": ({"nlist": 32}, {"nprobe": 8}),
    "IVF_RABITQ": ({"nlist": 32, "refine": True, "refine_type": "SQ6"}, {"nprobe": 8, "refine_k": 8}),
    "IVF_PQ": ({"nlist": 32, "m": 16, "nbits": 6}, {"nprobe": 16}),
    "SCANN": ({"nlist": 32}, {"nprobe": 16, "reorder_k": 100}),
    "HNSW_SQ": ({"M": 8, "efConstruction": 40, "refine": True, "refine_type": "FP16"}, {"ef": 32, "refine_k": 2}),
    "HNSW_PQ": ({"M": 8, "efConstruction": 40, "m": 16, "nbits": 6, "refine": True}, {"ef": 64, "refine_k": 4}),
    "HNSW_PRQ": ({"M": 8, "efConstruction": 40, "m": 8, "nbits": 4, "refine": True}, {"ef": 64, "refine_k": 4}),
    "FAISS": ({"faiss_index_name": "PCA16,IVF16,SQ8"}, {"nprobe": 16}),
    "HNSW": ({"M": 8, "efConstruction": 40}, {"ef": 32}),
    "DISKANN": ({"max_degree": 16, "search_list_size": 40}, {"search_list": 32}),
    "AISAQ": ({"max_degree": 16, "search_list_size": 40}, {"search_list": 32}),
}


@dataclass(frozen=True)
class Opened:
    """A built and opened index, and what it was built from."""

    column: VectorColumn
    artefacts: Artefacts
    index: VectorIndex
    search_params: dict[str, Any]


def elements(vectors: npt.NDArray[np.float32], data_type: DataType) -> npt.NDArray[Any]:
    match data_type:
        case DataType.FLOAT16_VECTOR:
            return vectors.astype(np.float16)
        case DataType.BFLOAT16_VECTOR:
            return bfloat16_from_float32(vectors)
        case DataType.INT8_VECTOR:
            return np.clip(np.rint(vectors * 20), -127, 127).astype(np.int8)
        case _:
            return vectors


@pytest.fixture(scope="session")
def make_vectors() -> Callable[..., npt.NDArray[Any]]:
    """(count, dim) vectors around 24 centres, of the element type of a field."""

    def make(data_type: DataType, count: int, *, dim: int = 32, seed: int = 1) -> npt.NDArray[Any]:
        centres = np.random.default_rng(99).normal(size=(24, dim))
        random = np.random.default_rng(seed)
        vectors = centres[random.integers(0, len(centres), count)] + 0.5 * random.normal(size=(count, dim))
        return elements(vectors.astype(np.float32), data_type)

    return make


@pytest.fixture(scope="session")
def make_column(make_vectors: Callable[..., npt.NDArray[Any]]) -> Callable[..., VectorColumn]:
    """A column of made vectors in which every `null_every`-th row is null."""

    def make(
        data_type: DataType, count: int, *, dim: int = 32, seed: int = 1, null_every: int | None = None
    ) -> VectorColumn:
        field = Field("vector", data_type, dim=dim, nullable=null_every is not None)
        valid = None
        if null_every is not None:
            valid = np.ones(count, np.bool_)
            valid[::null_every] = False
        return VectorColumn(field, dense_array(make_vectors(data_type, count, dim=dim, seed=seed), field, valid=valid))

    return make


@pytest.fixture(scope="session")
def open_built() -> Callable[..., Opened]:
    """Builds an index with quick parameters, passes its artefacts through bytes, and opens it."""

    def build(name: str, column: VectorColumn, metric: Metric, *, k: int = 10, seed: int = 42) -> Opened:
        kind = index_type(name)
        given_build, given_search = FAST_PARAMS[name]
        params = kind.check_build_params(column.field, metric, given_build)
        built = kind.build(column, metric, params, BuildContext(seed=seed))
        artefacts = {file: memoryview(np.frombuffer(data, np.uint8).tobytes()) for file, data in built.items()}
        return Opened(
            column=column,
            artefacts=artefacts,
            index=kind.open(column, metric, params, artefacts),
            search_params=kind.check_search_params(given_search, build_params=params, k=k),
        )

    return build


@pytest.fixture(scope="session")
def fast_params() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Quick build and search parameters by index type, as `open_built` uses them."""
    return FAST_PARAMS
