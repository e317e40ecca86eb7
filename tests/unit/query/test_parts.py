"""The parts of a search: made once for searches of one shape over one state, while they are small."""

from collections.abc import Iterator
from typing import Any

import pytest

import elanus
from elanus.query import parts as parts_module


@pytest.fixture
def rows() -> Iterator[elanus.Collection]:
    """Ten rows in a segment and ten growing ones."""
    with elanus.connect(":memory:", durability="none", background_maintenance=False) as database:
        collection = database.create_collection("rows", dimension=2)
        for start in (0, 10):
            collection.insert([{"id": key, "vector": [key, 0.0], "n": key} for key in range(start, start + 10)])
            if start == 0:
                collection.flush()
        yield collection


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows of each segment that a filter was evaluated over since the start of the test."""
    counts: list[int] = []
    allowed_rows = parts_module.allowed_rows

    def counted(segment: Any, *args: Any) -> Any:
        counts.append(segment.row_count)
        return allowed_rows(segment, *args)

    monkeypatch.setattr(parts_module, "allowed_rows", counted)
    return counts


def test_a_filter_is_evaluated_once_for_searches_of_one_shape(rows: elanus.Collection, evaluated: list[int]) -> None:
    for x in (0.0, 9.0, 30.0):
        assert len(rows.search([x, 1.0], limit=20, filter="n >= 5")) == 15
    assert evaluated == [10, 10]
    rows.search([0.0, 1.0], limit=20, filter="n >= 6")
    assert evaluated == [10, 10, 10, 10]


def test_a_write_makes_everything_anew(rows: elanus.Collection, evaluated: list[int]) -> None:
    rows.search([0.0, 1.0], limit=20, filter="n >= 5")
    rows.delete([7])
    assert 7 not in rows.search([0.0, 1.0], limit=20, filter="n >= 5").ids
    assert evaluated == [10, 10, 10, 10]


def test_what_is_large_is_not_kept(
    rows: elanus.Collection, evaluated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_module, "_KEPT_ROWS_BYTES_MAX", 15)
    for _ in range(2):
        assert len(rows.search([0.0, 1.0], limit=20, filter="n >= 5")) == 15
    assert evaluated == [10, 10, 10, 10]
    # Without a filter there are no sets of rows to keep.
    for _ in range(2):
        assert len(rows.search([0.0, 1.0], limit=20)) == 20
    assert evaluated == [10, 10, 10, 10, 10, 10]


def test_placeholders_are_bound_for_each_search(rows: elanus.Collection) -> None:
    for least in (5, 15):
        found = rows.search([0.0, 1.0], limit=20, filter="n >= {least}", filter_params={"least": least})
        assert len(found) == 20 - least
