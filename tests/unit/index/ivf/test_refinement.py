"""Finer codes of a column choose better among candidates, and are stored where they are narrower than it."""

from typing import Any

import numpy as np
import pytest

from elanus.index.exact import ExactScan
from elanus.index.floats import FloatRows
from elanus.index.ivf.refinement import Refinement, refinement_is_stored
from elanus.index.protocol import BuildContext
from elanus.schema.types import DataType, Metric


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
def test_only_codes_narrower_than_the_column_are_stored(refine_type: str, data_type: DataType, stored: bool) -> None:
    assert refinement_is_stored(refine_type, data_type) is stored


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
