"""Tables as text: aligned, short, and never an error whatever the values."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.embedded.rendering import text_table


def test_columns_are_aligned_under_their_names() -> None:
    table = text_table(["id", "title"], [[1, 22], ["first", "x"]], 2)
    assert table.split("\n") == ["id  title", "--  -----", "1   first", "22  x"]


def test_ten_rows_are_shown_and_the_others_counted() -> None:
    lines = text_table(["id"], [list(range(12))], 12).split("\n")
    assert lines[2:12] == [str(number) for number in range(10)]
    assert lines[12:] == ["... 2 more"]
    assert len(text_table(["id"], [list(range(10))], 10).split("\n")) == 12


def test_no_rows_and_no_columns() -> None:
    assert text_table(["id"], [[]], 0) == "id\n--"
    assert text_table([], [], 0) == "\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1 + 0.2, "0.3"),
        (np.float32(0.1), "0.1"),
        (1e-12, "1e-12"),
        (None, "None"),
        ("a\nb", "a b"),
        ("\x1b[31ma\x00", " [31ma"),
        ("x" * 33, "x" * 29 + "..."),
        ("x" * 32, "x" * 32),
        ([1.0, 2.0, 3.0, 4.0], "[1.0, 2.0, 3.0, 4.0]"),
        ([0.123456, 2.0, 3.0, 4.0, 5.0], "[0.1235, 2, 3, ... 5]"),
        (list(range(768)), "[0, 1, 2, ... 768]"),
        ([1, "a", None, 4, 5], "[1, 'a', None, 4, 5]"),
        ([1, None, 2, 3, 4], "[1, None, 2, 3, 4]"),
        ({"a": 1}, "{'a': 1}"),
        (True, "True"),
    ],
)
def test_cells(value: Any, shown: str) -> None:
    assert text_table(["v"], [[value]], 1).split("\n")[2] == shown


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(_VALUES, max_size=13))
def test_any_values_make_lines_of_bounded_width(values: list[Any]) -> None:
    lines = text_table(["v"], [values], len(values)).split("\n")
    assert len(lines) == 2 + min(len(values), 10) + (len(values) > 10)
    assert all(len(line) <= 32 for line in lines)
