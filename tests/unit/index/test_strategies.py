"""What every index says of a search: its text as a golden file, and that it is what the search does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.index.protocol import BuildContext, VectorColumn
from elanus.index.registry import index_type
from elanus.index.strategy import ExplainedIndex
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

_GOLDEN = Path(__file__).parents[2] / "golden" / "query" / "strategies.txt"
ROW_COUNT = 20_000
FLOATS = Field("vector", DataType.FLOAT_VECTOR, dim=16)
BITS = Field("vector", DataType.BINARY_VECTOR, dim=256)

# Field, metric, build parameters, search parameters.
CASES: dict[str, tuple[Field, Metric, dict[str, Any], dict[str, Any]]] = {
    "IVF_PQ": (FLOATS, Metric.L2, {"nlist": 64, "m": 4, "nbits": 4}, {"nprobe": 4}),
    "SCANN": (FLOATS, Metric.L2, {"nlist": 64}, {"nprobe": 4}),
    "HNSW_SQ": (FLOATS, Metric.L2, {"M": 8, "efConstruction": 20, "sq_type": "SQ8"}, {"ef": 30}),
    "HNSW_PQ": (FLOATS, Metric.L2, {"M": 8, "efConstruction": 20, "m": 4, "nbits": 4}, {"ef": 30}),
    "HNSW_PRQ": (FLOATS, Metric.L2, {"M": 8, "efConstruction": 20, "m": 4, "nbits": 4, "nrq": 1}, {"ef": 30}),
    "FAISS": (FLOATS, Metric.L2, {"faiss_index_name": "IVF64,SQ8"}, {"nprobe": 4}),
    "DISKANN": (FLOATS, Metric.L2, {"max_degree": 16, "search_list_size": 20}, {"search_list": 20}),
    "AISAQ": (FLOATS, Metric.L2, {"max_degree": 16, "search_list_size": 20}, {}),
    "BIN_FLAT": (BITS, Metric.HAMMING, {}, {}),
    "BIN_IVF_FLAT": (BITS, Metric.HAMMING, {"nlist": 64}, {"nprobe": 4}),
    "MINHASH_LSH": (BITS, Metric.MHJACCARD, {"mh_element_bit_width": 8, "mh_lsh_band": 16}, {}),
}
# Counts of walks, which depend on how the processor rounds.
WALKS = ("DISKANN", "AISAQ")


def data_of(field: Field, count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    if field is BITS:
        return random.integers(0, 4, (count, 32)).astype(np.uint8)
    return random.normal(size=(count, 16)).astype(np.float32)


def explained(name: str) -> str:
    field, metric, build, given = CASES[name]
    kind = index_type(name)
    params = kind.check_build_params(field, metric, build)
    column = VectorColumn(field, dense_array(data_of(field, ROW_COUNT, 1), field))
    built = kind.build(column, metric, params, BuildContext(thread_count=2))
    artefacts = {file: memoryview(np.frombuffer(data, np.uint8).tobytes()) for file, data in built.items()}
    index = kind.open(column, metric, params, artefacts)
    assert isinstance(index, ExplainedIndex)
    queries = data_of(field, 2, 2)
    checked = kind.check_search_params(given, build_params=params, k=10)
    lines = []
    for title, every in (("every row", 1), ("half of them", 2), ("few", 500)):
        mask = np.arange(ROW_COUNT) % every == 0
        allow = None if every == 1 else Bitset.from_bool(mask)
        told = index.explain(queries, 10, checked, allow)
        hits = index.search(queries, 10, checked, allow)
        assert (hits.rows >= 0).all()
        if told.exact:
            assert told.compared_count == 2 * mask.sum()
            exact = index.scan.search(queries, 10, allow) if hasattr(index, "scan") else hits
            np.testing.assert_array_equal(hits.rows, exact.rows)
        compared, read = told.compared_count, told.read_count
        if name in WALKS and not told.exact:
            assert compared is not None
            assert compared > 20
            assert read is not None
            assert read >= 20
            compared, read = "N", "N"
        lines.append(
            f"  {title}: {'exact' if told.exact else 'index'}, {told.reason}, {compared} compared, {read} read"
        )
    return "\n".join([name, *lines])


def test_every_index_tells_how_it_searches(*, update_golden: bool) -> None:
    text = "".join(f"{explained(name)}\n" for name in CASES)
    if update_golden:
        _GOLDEN.write_text(text, encoding="utf-8")
    assert text == _GOLDEN.read_text(encoding="utf-8")


def test_queries_that_a_walk_is_given_up_for_are_told() -> None:
    """Half the rows are allowed, the farthest, so that no walk meets them in time."""
    column = VectorColumn(FLOATS, dense_array(data_of(FLOATS, ROW_COUNT, 1), FLOATS))
    kind = index_type("AISAQ")
    params = kind.check_build_params(FLOATS, Metric.L2, {"max_degree": 16, "search_list_size": 20})
    built = kind.build(column, Metric.L2, params, BuildContext(thread_count=2))
    index = kind.open(column, Metric.L2, params, {name: memoryview(data) for name, data in built.items()})
    query = data_of(FLOATS, 1, 2)
    distances = ((data_of(FLOATS, ROW_COUNT, 1) - query) ** 2).sum(axis=1)
    allow = Bitset.from_bool(distances > np.quantile(distances, 0.5))
    assert isinstance(index, ExplainedIndex)
    told = index.explain(query, 10, kind.check_search_params({}, build_params=params, k=10), allow)
    assert told.reason.endswith(f"given up for a scan of {ROW_COUNT // 2} rows 1 times")
    assert told.compared_count is not None
    assert told.compared_count > ROW_COUNT // 2


@pytest.mark.parametrize("name", ["DISKANN", "AISAQ"])
def test_few_rows_are_scored_without_a_read(name: str) -> None:
    field, metric, build, given = CASES[name]
    kind = index_type(name)
    params = kind.check_build_params(field, metric, build)
    column = VectorColumn(field, dense_array(data_of(field, 2000, 1), field))
    built = kind.build(column, metric, params, BuildContext())
    index = kind.open(column, metric, params, {file: memoryview(data) for file, data in built.items()})
    assert isinstance(index, ExplainedIndex)
    allow = Bitset.from_bool(np.arange(2000) < 4)
    checked = kind.check_search_params(given, build_params=params, k=10)
    told = index.explain(data_of(field, 1, 2), 10, checked, allow)
    assert (told.exact, told.compared_count, told.read_count) == (True, 4, None)
