"""Sparse scans: overlap decides what is a hit; damaged offsets are refused."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.kernels.sparse import sparse_scan_range, sparse_scan_topk

pytestmark = pytest.mark.usefixtures("backend")

_OFFSETS = np.array([2, 4, 4, 5, 7], np.int32)
_INDICES = np.array([9, 9, 1, 4_294_967_295, 4, 1, 4], np.uint32)
_VALUES = np.array([7, 7, 2, 3, 5, -1, 0], np.float32)


def _scan(
    indices: list[int], values: list[float], k: int = 10, allow: npt.NDArray[np.uint64] | None = None
) -> list[tuple[float, int]]:
    scores, rows = sparse_scan_topk(
        np.array(indices, np.uint32), np.array(values, np.float32), _OFFSETS, _INDICES, _VALUES, k, allow=allow
    )
    return list(zip(scores.tolist(), rows.tolist(), strict=True))


def test_rows_without_a_common_index_are_no_hits() -> None:
    assert _scan([1], [10]) == [(20, 0), (-10, 3)]
    assert _scan([2, 3], [1, 1]) == []
    assert _scan([], []) == []


def test_common_index_with_product_zero_is_a_hit() -> None:
    assert _scan([1, 4], [0, 0]) == [(0, 0), (0, 2), (0, 3)]


def test_largest_index_is_found_and_the_first_offset_respected() -> None:
    assert _scan([9, 4_294_967_295], [1, 2]) == [(6, 0)]


def test_k_and_allow_limit_the_hits() -> None:
    assert _scan([1, 4], [1, 1], k=1) == [(5, 2)]
    assert _scan([1, 4], [1, 1], k=0) == []
    assert _scan([1, 4], [1, 1], allow=np.array([0b1001], np.uint64)) == [(2, 0), (-1, 3)]


def test_range_excludes_the_radius_and_includes_the_filter() -> None:
    query = np.array([1, 4], np.uint32), np.array([1, 1], np.float32)
    scores, rows = sparse_scan_range(*query, _OFFSETS, _INDICES, _VALUES, radius=-1, range_filter=5)
    assert (scores.tolist(), rows.tolist()) == ([2, 5], [0, 2])
    assert sparse_scan_range(*query, _OFFSETS, _INDICES, _VALUES, radius=-2)[1].tolist() == [0, 2, 3]


def test_no_rows_give_no_hits() -> None:
    empty = np.empty(0, np.uint32), np.empty(0, np.float32)
    scores, rows = sparse_scan_topk(np.array([1], np.uint32), np.ones(1, np.float32), np.zeros(1, np.int32), *empty, 5)
    assert (len(scores), len(rows)) == (0, 0)


@pytest.mark.parametrize("offsets", [[2, 4, 3, 5, 7], [-1, 4, 4, 5, 7], [2, 4, 4, 5, 8], []])
def test_damaged_offsets_are_refused(offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="offsets"):
        sparse_scan_topk(
            np.array([1], np.uint32), np.ones(1, np.float32), np.array(offsets, np.int32), _INDICES, _VALUES, 5
        )


@pytest.mark.parametrize(
    ("replaced", "error", "told"),
    [
        ({"query_indices": np.array([4, 1], np.uint32)}, ValueError, "query_indices"),
        ({"query_indices": np.array([4, 4], np.uint32)}, ValueError, "query_indices"),
        ({"query_values": np.ones(1, np.float32)}, ValueError, "indices"),
        ({"values": np.ones(3, np.float32)}, ValueError, "indices"),
        ({"indices": _INDICES.astype(np.int32)}, TypeError, "indices has elements of int32, expected uint32"),
        ({"offsets": _OFFSETS.astype(np.int64)}, TypeError, "offsets has elements of int64, expected int32"),
    ],
)
def test_wrong_arguments_are_refused(replaced: dict[str, Any], error: type[Exception], told: str) -> None:
    arguments: dict[str, Any] = {
        "query_indices": np.array([1, 4], np.uint32),
        "query_values": np.ones(2, np.float32),
        "offsets": _OFFSETS,
        "indices": _INDICES,
        "values": _VALUES,
        "k": 3,
    }
    with pytest.raises(error, match=told):
        sparse_scan_topk(**(arguments | replaced))
