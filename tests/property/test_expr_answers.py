"""Filters answered by the package and by the row-by-row reference, over awkward values: the answers are the same."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.expr import json_paths
from tests.reference.filter_cases import Cases
from tests.reference.filter_checks import (
    bound_filter,
    check_columns_read,
    check_partition,
    check_statistics,
    check_truth_values,
    table_stats,
)

_SEEDS = st.integers(0, 2**63 - 1)
_FILTERS_A_TABLE = 20


@settings(max_examples=3 * settings().max_examples)
@given(_SEEDS)
def test_filters_answer_as_defined(seed: int) -> None:
    """One table and some filters a seed: in the CI profile 9,000 filters and 115,000 pairs of a filter and a row.

    A table costs more to make than a filter costs to check; what can only go wrong in rare ways is checked for some.
    """
    cases = Cases(seed)
    table = cases.table
    stats = table_stats(table)
    style = random.Random(seed)
    for number in range(_FILTERS_A_TABLE):
        node = cases.filter()
        bound = bound_filter(node, table, style)
        true = check_truth_values(bound, node, table)
        check_statistics(bound, table, stats, true)
        if number % 4 == 0:
            check_partition(bound, bound_filter(("not", node), table, style), table)
            check_columns_read(bound, table)


def test_json_read_in_small_chunks_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same again, with chunk borders inside the tables."""
    monkeypatch.setattr(json_paths, "_CHUNK_ROWS", 2)
    for seed in range(max(5, settings().max_examples // 10)):
        cases = Cases(seed)
        for _ in range(_FILTERS_A_TABLE):
            node = cases.filter()
            check_truth_values(bound_filter(node, cases.table, random.Random(seed)), node, cases.table)
