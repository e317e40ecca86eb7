"""Artefacts that do not belong to the column, or are not what their names say, are a named error."""

import re
from typing import Any

import numpy as np
import pytest

from elanus.errors import DataCorrupt
from elanus.index.registry import index_type
from elanus.schema.types import DataType, Metric

NAMES = ("IVF_FLAT", "IVF_SQ8", "IVF_RABITQ", "HNSW")


@pytest.fixture(scope="module", params=NAMES)
def built(request: pytest.FixtureRequest, make_column: Any, open_built: Any) -> Any:
    column = make_column(DataType.INT8_VECTOR, 2000, null_every=4)
    name = request.param
    kind = index_type(name)
    given = {"nlist": 16, "refine": True, "refine_type": "SQ6", "M": 8, "efConstruction": 20}
    params = kind.check_build_params(column.field, Metric.COSINE, given)
    return kind, column, params, open_built(name, column, Metric.COSINE).artefacts


def test_each_artefact_is_needed(built: Any) -> None:
    kind, column, params, artefacts = built
    for missing in artefacts:
        remaining = {file: data for file, data in artefacts.items() if file != missing}
        with pytest.raises(DataCorrupt) as caught:
            kind.open(column, Metric.COSINE, params, remaining)
        assert caught.value.kind == "missing_file"
        assert f"index artefact {missing!r} is missing" in caught.value.message


def test_no_artefacts_at_all_are_an_error_unless_every_row_is_null(built: Any, make_column: Any) -> None:
    kind, column, params, _ = built
    with pytest.raises(DataCorrupt, match="is missing, found: none"):
        kind.open(column, Metric.COSINE, params, {})
    kind.open(make_column(DataType.INT8_VECTOR, 5, null_every=1), Metric.COSINE, params, {})


def test_a_truncated_artefact_is_refused(built: Any) -> None:
    kind, column, params, artefacts = built
    for name, data in artefacts.items():
        with pytest.raises(DataCorrupt) as caught:
            kind.open(column, Metric.COSINE, params, {**artefacts, name: data[: len(data) // 2]})
        assert caught.value.kind == "malformed_file"


def test_artefacts_of_another_column_or_metric_are_refused(built: Any, make_column: Any) -> None:
    kind, column, params, artefacts = built
    for other, metric, difference in (
        (make_column(DataType.INT8_VECTOR, 2001, null_every=4), Metric.COSINE, "row count 2000"),
        (make_column(DataType.INT8_VECTOR, 2000, null_every=5), Metric.COSINE, "count of non-null rows 1500"),
        (make_column(DataType.INT8_VECTOR, 2000, dim=40, null_every=4), Metric.COSINE, "width 32"),
        (column, Metric.L2, "metric COSINE"),
    ):
        with pytest.raises(DataCorrupt) as caught:
            kind.open(other, metric, params, artefacts)
        assert caught.value.kind == "malformed_file"
        assert f"index artefacts have {difference}" in caught.value.message


def test_a_newer_format_says_so(built: Any) -> None:
    kind, column, params, artefacts = built
    name = "graph.json" if "graph.json" in artefacts else "lists.json"
    newer = re.sub(rb'"version":\d+', b'"version":99', bytes(artefacts[name]))
    with pytest.raises(DataCorrupt) as caught:
        kind.open(column, Metric.COSINE, params, {**artefacts, name: memoryview(newer)})
    assert caught.value.kind == "newer_format"


def test_lists_of_another_type_are_refused(built: Any) -> None:
    kind, column, params, artefacts = built
    other = next(name for name in NAMES if name != kind.name)
    with pytest.raises(DataCorrupt, match=r"index type|is missing"):
        index_type(other).open(column, Metric.COSINE, {**params, "refine": False, "nlist": 16}, artefacts)


def test_list_rows_outside_the_column_are_refused(make_column: Any, open_built: Any) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 2000)
    artefacts = open_built("IVF_FLAT", column, Metric.L2).artefacts
    kind = index_type("IVF_FLAT")
    rows = np.frombuffer(artefacts["list_rows"], np.int32).copy()
    rows[7] = 2000
    with pytest.raises(DataCorrupt, match="do not describe"):
        kind.open(column, Metric.L2, {"nlist": 32}, {**artefacts, "list_rows": memoryview(rows.tobytes())})
    offsets = np.frombuffer(artefacts["list_offsets"], np.int64).copy()
    offsets[3] = offsets[2] - 1
    with pytest.raises(DataCorrupt, match="do not describe"):
        kind.open(column, Metric.L2, {"nlist": 32}, {**artefacts, "list_offsets": memoryview(offsets.tobytes())})


def test_an_entry_outside_the_graph_is_refused(make_column: Any, open_built: Any) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 2000)
    artefacts = open_built("HNSW", column, Metric.L2).artefacts
    broken = np.array([2000], np.uint32).view(np.uint8).data
    with pytest.raises(DataCorrupt, match="entries"):
        index_type("HNSW").open(column, Metric.L2, {}, {**artefacts, "entries": broken})
