"""Codes estimate what they stand for, and refinement chooses better than they do."""

from typing import Any

import numpy as np
import pytest

from elanus.index.exact import ExactScan
from elanus.index.floats import FloatRows
from elanus.index.ivf.bit_codes import BitCodedLists
from elanus.index.ivf.byte_codes import ByteCodes
from elanus.index.ivf.grouping import grouped_rows
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
    ("given", "data_type", "bits"),
    [
        ({}, DataType.FLOAT_VECTOR, 1),
        ({"refine": True}, DataType.FLOAT_VECTOR, 1),
        ({"refine": True, "refine_type": "SQ6"}, DataType.FLOAT_VECTOR, 6),
        ({"refine": True, "refine_type": "SQ8"}, DataType.FLOAT16_VECTOR, 8),
        ({"refine": True, "refine_type": "FP16"}, DataType.FLOAT_VECTOR, 1),
        ({"refine": True, "refine_type": "FP32"}, DataType.FLOAT_VECTOR, 1),
        ({"refine": True, "refine_type": "SQ8"}, DataType.INT8_VECTOR, 1),
        ({"refine": True, "refine_type": "SQ6"}, DataType.INT8_VECTOR, 6),
        ({"refine": False, "refine_type": "SQ8"}, DataType.FLOAT_VECTOR, 1),
        ({"rbq_bits": 3}, DataType.FLOAT_VECTOR, 3),
        ({"rbq_bits": 3, "refine": True, "refine_type": "SQ8"}, DataType.FLOAT_VECTOR, 8),
        ({"rbq_bits": 7, "refine": True, "refine_type": "SQ6"}, DataType.BFLOAT16_VECTOR, 7),
    ],
)
def test_codes_have_the_bits_that_refinement_or_the_user_asks_for(
    given: dict[str, Any], data_type: DataType, bits: int, make_column: Any
) -> None:
    column = make_column(data_type, 1500)
    kind = index_type("IVF_RABITQ")
    params = kind.check_build_params(column.field, Metric.L2, {"nlist": 8, **given})
    built = kind.build(column, Metric.L2, params, BuildContext())
    sizes = {name: len(np.frombuffer(data, np.uint8)) for name, data in built.items()}
    assert sizes["bit_codes"] == 47 * 32 * 64 // 8
    assert sizes.get("fine_codes", 0) == 1500 * 64 * (bits - 1) // 8


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


def test_opened_codes_are_read_where_they_are_mapped(make_column: Any, open_built: Any) -> None:
    opened = open_built("IVF_RABITQ", make_column(DataType.FLOAT_VECTOR, 3000), Metric.L2)
    assert isinstance(opened.index, IvfIndex)
    assert isinstance(opened.index.source, BitCodedLists)
    codes, lists = opened.index.source.codes, opened.index.centroids.lists
    for name, array in (
        ("bit_codes", codes.blocks),
        ("bit_factors", codes.factors),
        ("fine_codes", codes.fine),
        ("fine_factors", codes.fine_factors),
        ("centroids", lists.centroids),
        ("centroid_codes", lists.codes),
        ("list_rows", lists.members),
    ):
        assert np.shares_memory(array, np.frombuffer(opened.artefacts[name], np.uint8))


@pytest.mark.parametrize(("bits", "recall_min"), [(1, 0.6), (2, 0.85), (4, 0.97), (8, 0.99)])
def test_more_bits_find_more_without_refinement(
    bits: int, recall_min: float, make_column: Any, make_vectors: Any
) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 4000, dim=64)
    queries = make_vectors(DataType.FLOAT_VECTOR, 20, dim=64, seed=2)
    exact = ExactScan.over(column, Metric.COSINE).search(queries, 10, None).rows
    kind = index_type("IVF_RABITQ")
    params = kind.check_build_params(column.field, Metric.COSINE, {"nlist": 16, "rbq_bits": bits})
    built = kind.build(column, Metric.COSINE, params, BuildContext())
    artefacts = {name: np.frombuffer(data, np.uint8).data for name, data in built.items()}
    checked = kind.check_search_params({"nprobe": 12}, build_params=params, k=10)
    found = kind.open(column, Metric.COSINE, params, artefacts).search(queries, 10, checked, None).rows
    assert sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), exact.tolist(), strict=True)) >= recall_min * 200
