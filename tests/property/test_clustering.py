"""Rows divided by a key: each in one part, parts of about one size, with ranges that share no key they need not."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from elanus.engine.clustering import parts_by_key

_KEYS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.int8(), st.integers(-3, 3)),
    (pa.float64(), st.floats()),
    (pa.string(), st.text(alphabet="aé日", max_size=3)),
]


def _rank(key: Any) -> tuple[int, Any]:
    if key is None:
        return 2, 0
    if isinstance(key, float) and math.isnan(key):
        return 1, 0
    return 0, key.encode() if isinstance(key, str) else key


@st.composite
def _columns(draw: st.DrawFn) -> pa.Array:
    kind, keys = draw(st.sampled_from(_KEYS))
    return pa.array(draw(st.lists(st.none() | keys, min_size=1, max_size=60)), kind)


@given(_columns(), st.integers(1, 6))
def test_parts_are_ranges(column: pa.Array, part_count: int) -> None:
    parts = parts_by_key(column, part_count)
    assert len(parts) == len(column)
    assert set(parts.tolist()) <= set(range(part_count))
    ranks = [_rank(key) for key in column.to_pylist()]
    members = [
        sorted(rank for rank, part in zip(ranks, parts, strict=True) if part == one) for one in range(part_count)
    ]
    assert all(len(ranks_of) <= 1.5 * len(column) / part_count + 1 for ranks_of in members)
    known = [ranks_of for ranks_of in members if ranks_of]
    for left, right in pairwise(known):
        assert left[-1] <= right[0]


@given(st.lists(st.integers(0, 30), min_size=40, max_size=200), st.integers(2, 4))
def test_rows_of_a_rare_key_stay_together(keys: list[int], part_count: int) -> None:
    parts = parts_by_key(pa.array(keys, pa.int64()), part_count)
    values = np.array(keys)
    for key in set(keys):
        if (values == key).sum() <= len(keys) / part_count / 4:
            assert len(set(parts[values == key].tolist())) == 1, key
