"""Parameters of DISKANN and AISAQ: ranges, names from configuration files, and those that depend on each other."""

from typing import Any

import pytest

from elanus.errors import InvalidInput
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

FIELD = Field("vector", DataType.FLOAT_VECTOR, dim=16)


def build_params(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return index_type(name).check_build_params(FIELD, Metric.L2, given)


def search_params(name: str, given: dict[str, Any], k: int = 10) -> dict[str, Any]:
    kind = index_type(name)
    return kind.check_search_params(given, build_params=build_params(name, {}), k=k)


@pytest.mark.parametrize(
    "given",
    [
        {"max_degree": "40", "search_list_size": 9},
        {"MaxDegree": 40, "SearchListSize": "9"},
        {"common.DiskIndex.MaxDegree": 40, "common.DiskIndex.SearchListSize": 9},
        {"knowhere.DISKANN.build.max_degree": 40, "knowhere.DISKANN.build.search_list_size": 9},
        {"max_degree": 40, "MaxDegree": 50, "search_list_size": 9},
    ],
)
def test_names_of_configuration_files_are_those_of_the_index(given: dict[str, Any]) -> None:
    complete = build_params("DISKANN", given)
    assert (complete["max_degree"], complete["search_list_size"]) == (40, 9)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("DISKANN", {"max_degree": 0}),
        ("DISKANN", {"max_degree": 513}),
        ("DISKANN", {"search_list_size": 0}),
        ("DISKANN", {"pq_code_budget_gb_ratio": 0}),
        ("DISKANN", {"PQCodeBudgetGBRatio": 0.26}),
        ("DISKANN", {"search_cache_budget_gb_ratio": 0.3}),
        ("DISKANN", {"beam_width_ratio": 0}),
        ("DISKANN", {"beam_width_ratio": 129}),
        ("AISAQ", {"search_list_size": 513}),
        ("AISAQ", {"inline_pq": -2}),
        ("AISAQ", {"inline_pq": 57}),
        ("AISAQ", {"max_degree": 20, "inline_pq": 21}),
        ("AISAQ", {"num_entry_points": 1001}),
        ("AISAQ", {"disk_pq_code_budget_gb_ratio": 0.3}),
        ("AISAQ", {"pq_cache_size": (1 << 30) + 1}),
    ],
)
def test_build_values_out_of_range_are_refused(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        build_params(name, given)
    assert caught.value.kind == "out_of_range"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("DISKANN", {"search_list": 0}),
        ("AISAQ", {"beamwidth": 17}),
        ("AISAQ", {"vectors_beamwidth": 5}),
        ("AISAQ", {"beamwidth": 2, "vectors_beamwidth": 3}),
        ("AISAQ", {"pq_read_page_cache_size": (32 << 20) + 1}),
        ("AISAQ", {"search_list": 9}),
    ],
)
def test_search_values_out_of_range_are_refused(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        search_params(name, given)
    assert caught.value.kind == "out_of_range"


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        build_params("DISKANN", {"common.DiskIndex.MaxDegrees": 40})
    assert caught.value.kind == "invalid_index"


def test_lists_are_by_default_longer_than_k() -> None:
    assert search_params("AISAQ", {}, k=5)["search_list"] == 16
    assert search_params("AISAQ", {}, k=50)["search_list"] == 150
    assert search_params("AISAQ", {"search_list": 50}, k=50)["search_list"] == 50
    assert search_params("DISKANN", {"search_list": 5}, k=50)["search_list"] == 5
