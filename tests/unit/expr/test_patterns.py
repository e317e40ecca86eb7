"""LIKE patterns: how many wildcards they may have, and that those are answered in reasonable time."""

import time

import pyarrow as pa
import pytest

from elanus.expr.patterns import like_pattern


@pytest.mark.parametrize("piece", ["%a", "_", "_a"])
def test_a_pattern_has_at_most_512_wildcards(piece: str) -> None:
    assert like_pattern(piece * 512).matches(pa.array(["a" * 1024])).count() == (piece != "_")
    with pytest.raises(ValueError, match="it has 513 wildcards, expected at most 512"):
        like_pattern(piece * 513)


def test_runs_of_percent_signs_are_one_wildcard() -> None:
    assert like_pattern("%" * 100_000).matches(pa.array(["a", ""])).count() == 2


def test_the_worst_patterns_take_time_in_proportion_to_the_text() -> None:
    """Ten rows of 64 KB that almost match; measured as the processor's time."""
    rows = pa.array(["a" * 65_535] * 10)
    start = time.process_time()
    for pattern in ("%a" * 512 + "b", "%_" * 256 + "b", "%_a" * 256 + "b"):
        assert not like_pattern(pattern).matches(rows).any()
    assert time.process_time() - start < 5
