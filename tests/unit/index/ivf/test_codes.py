"""Codes estimate what they stand for, and refinement chooses better than they do."""

from typing import Any

import numpy as np
import pytest

from elanus.index.exact import ExactScan
from elanus.index.faiss_bridge import load_faiss
from elanus.index.floats import FloatRows
from elanus.index.ivf.bit_codes import BitCodedLists
from elanus.index.ivf.byte_codes import ByteCodes
from elanus.index.ivf.grouping import grouped_rows
from elanus.index.ivf.refinement import Refinement, refinement_is_stored
from elanus.index.ivf.search import IvfIndex
from elanus.index.protocol import BuildContext
from elanus.index.registry import index_type
from elanus.schema.types import DataType, Metric


def test_byte_codes_decode_to_within_half_a_step(make_column: Any) -> None:
    vectors = FloatRows.of(make_column(DataType.FLOAT_VECTOR, 1500, null_every=4), Metric.L2)
    context = BuildContext()
    grouped = grouped_rows(vectors, 12, context)
    codes = ByteCodes.encoded(vectors, Metric.L2, grouped, context)
    rows = vectors.block(0, len(vectors))
    decoded = codes.codes[grouped.places()] * codes.scales + grouped.centroids[grouped.assigned]
    assert (np.abs(decoded - rows) <= 0.5001 * codes.scales + 1e-6).all()
    assert codes.codes.min() >= -127
    centroids = grouped.centroids[grouped.assigned].astype(np.float64)
    differences = rows - centroids
    constants = (differences**2).sum(axis=1) + 2 * ((centroids - codes.origin) * differences).sum(axis=1)
    np.testing.assert_allclose(codes.constants[grouped.places()], constants, rtol=1e-4, atol=1e-4)


def test_a_dimension_without_spread_has_scale_zero_and_code_zero() -> None:
    matrix = np.random.default_rng(1).normal(size=(200, 8)).astype(np.float32)
    matrix[:, 3] = 7.0
    vectors = FloatRows(matrix=matrix, data_type=DataType.FLOAT_VECTOR, rows=None, normalised=False)
    context = BuildContext()
    codes = ByteCodes.encoded(vectors, Metric.IP, grouped_rows(vectors, 2, context), context)
    assert codes.scales[3] < 1e-6
    decoded = codes.codes[:, 3] * codes.scales[3]
    assert np.abs(decoded).max() < 1e-5


@pytest.mark.parametrize(
    ("refine_type", "data_type", "stored"),
    [
        ("SQ6", DataType.FLOAT_VECTOR, True),
        ("FP16", DataType.FLOAT_VECTOR, True),
        ("FP32", DataType.FLOAT_VECTOR, False),
        ("BF16", DataType.FLOAT16_VECTOR, False),
        ("SQ8", DataType.FLOAT16_VECTOR, True),
        ("SQ8", DataType.INT8_VECTOR, False),
        ("SQ6", DataType.INT8_VECTOR, True),
    ],
)
def test_only_codes_narrower_than_the_column_are_stored(
    refine_type: str, data_type: DataType, stored: bool, make_column: Any
) -> None:
    assert refinement_is_stored(refine_type, data_type) is stored
    column = make_column(data_type, 1500)
    kind = index_type("IVF_RABITQ")
    params = kind.check_build_params(column.field, Metric.L2, {"nlist": 8, "refine": True, "refine_type": refine_type})
    assert ("refine_codes" in kind.build(column, Metric.L2, params, BuildContext())) is stored


@pytest.mark.parametrize("refine_type", ["SQ6", "SQ8", "FP16", "BF16"])
@pytest.mark.parametrize("metric", [Metric.L2, Metric.IP, Metric.COSINE])
def test_refinement_finds_most_of_the_best(
    refine_type: str, metric: Metric, make_column: Any, make_vectors: Any
) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 1500, null_every=4)
    vectors = FloatRows.of(column, metric)
    refinement = Refinement.encoded(vectors, metric, refine_type, BuildContext())
    scan = ExactScan.over(column, metric)
    query = make_vectors(DataType.FLOAT_VECTOR, 1, seed=2)[0]
    candidates = vectors.row_numbers()[::2].copy()
    unit = query / np.linalg.norm(query) if metric is Metric.COSINE else query
    best = refinement.best(unit.astype(np.float32), candidates, 20)
    exact = scan.scores(query, candidates)
    order = np.argsort(-exact if metric.larger_is_nearer else exact)[:20]
    assert len(set(best.tolist()) & set(candidates[order].tolist())) >= 18


def test_refinement_raises_the_recall_of_bit_codes(make_column: Any, make_vectors: Any) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 4000, dim=64)
    queries = make_vectors(DataType.FLOAT_VECTOR, 20, dim=64, seed=2)
    exact = ExactScan.over(column, Metric.L2).search(queries, 10, None).rows
    kind = index_type("IVF_RABITQ")
    recalls = []
    for given, searched in (
        ({"nlist": 16}, {"refine_k": 10}),
        ({"nlist": 16, "refine": True, "refine_type": "SQ8"}, {"refine_k": 10}),
    ):
        params = kind.check_build_params(column.field, Metric.L2, given)
        artefacts = {
            name: np.frombuffer(data, np.uint8).data
            for name, data in kind.build(column, Metric.L2, params, BuildContext()).items()
        }
        checked = kind.check_search_params(searched, build_params=params, k=10)
        found = kind.open(column, Metric.L2, params, artefacts).search(queries, 10, checked, None).rows
        recalls.append(sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), exact.tolist(), strict=True)) / 200)
    plain, refined = recalls
    assert refined >= 0.95
    assert refined > plain + 0.1


@pytest.mark.parametrize("bits", range(9))
def test_every_number_of_query_bits_answers(bits: int, make_column: Any, make_vectors: Any) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 3000, dim=64)
    kind = index_type("IVF_RABITQ")
    params = kind.check_build_params(column.field, Metric.IP, {"nlist": 16, "refine": True})
    artefacts = {
        name: np.frombuffer(data, np.uint8).data
        for name, data in kind.build(column, Metric.IP, params, BuildContext()).items()
    }
    searched = kind.check_search_params({"rbq_bits_query": bits, "refine_k": 20}, build_params=params, k=10)
    queries = make_vectors(DataType.FLOAT_VECTOR, 10, dim=64, seed=2)
    found = kind.open(column, Metric.IP, params, artefacts).search(queries, 10, searched, None).rows
    exact = ExactScan.over(column, Metric.IP).search(queries, 10, None).rows
    shared = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), exact.tolist(), strict=True))
    assert shared >= (60 if bits == 1 else 90)


def test_opened_bit_codes_are_read_where_they_are_mapped(make_column: Any, open_built: Any) -> None:
    opened = open_built("IVF_RABITQ", make_column(DataType.FLOAT_VECTOR, 3000), Metric.L2)
    assert isinstance(opened.index, IvfIndex)
    assert isinstance(opened.index.source, BitCodedLists)
    lists = load_faiss().extract_index_ivf(opened.index.source.codes.index).invlists
    start = np.frombuffer(opened.artefacts["bit_codes"], np.uint8).ctypes.data
    end = start + opened.artefacts["bit_codes"].nbytes
    for list_number in range(lists.nlist):
        assert start <= int(lists.get_codes(list_number)) < end
        assert start <= int(lists.get_ids(list_number)) < end
