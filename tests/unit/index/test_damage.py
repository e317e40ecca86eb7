"""Artefacts that are missing, cut short or of another column are refused as corrupt, by every type that stores any."""

from typing import Any

import pytest

from elanus.errors import DataCorrupt
from elanus.index.protocol import VectorColumn
from elanus.index.registry import index_type
from elanus.schema.types import DataType, Metric

NAMES = ("IVF_FLAT", "IVF_SQ8", "IVF_RABITQ", "IVF_PQ", "SCANN", "HNSW", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "FAISS")


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest, make_column: Any, open_built: Any, fast_params: Any) -> Any:
    column = make_column(DataType.FLOAT_VECTOR, 1300, null_every=10)
    opened = open_built(request.param, column, Metric.L2)
    kind = index_type(request.param)
    params = kind.check_build_params(column.field, Metric.L2, fast_params[request.param][0])
    return kind, column, params, opened.artefacts


def test_a_missing_artefact(case: Any) -> None:
    kind, column, params, artefacts = case
    assert artefacts
    for missing in artefacts:
        with pytest.raises(DataCorrupt):
            kind.open(column, Metric.L2, params, {file: data for file, data in artefacts.items() if file != missing})


def test_an_artefact_that_was_cut_short(case: Any) -> None:
    kind, column, params, artefacts = case
    # Faiss does not see that the last codes of its own files are missing. Checksums do, and other types keep sizes.
    shares = (0.0,) if kind.name == "IVF_RABITQ" else (0.0, 0.5, 1.0)
    for damaged, data in artefacts.items():
        for share in shares:
            size = max(0, int(data.nbytes * share) - 1)
            with pytest.raises(DataCorrupt):
                kind.open(column, Metric.L2, params, {**artefacts, damaged: data[:size]})


def test_artefacts_of_another_column_or_metric(case: Any) -> None:
    kind, column, params, artefacts = case
    with pytest.raises(DataCorrupt) as caught:
        kind.open(VectorColumn(column.field, column.array.slice(0, 1299)), Metric.L2, params, artefacts)
    assert "rebuild the index" in caught.value.message
    with pytest.raises(DataCorrupt):
        kind.open(column, Metric.IP, params, artefacts)


def test_artefacts_of_another_index_type(case: Any, open_built: Any) -> None:
    kind, column, params, _ = case
    other = open_built("IVF_FLAT" if kind.name != "IVF_FLAT" else "IVF_PQ", column, Metric.L2).artefacts
    with pytest.raises(DataCorrupt):
        kind.open(column, Metric.L2, params, other)
