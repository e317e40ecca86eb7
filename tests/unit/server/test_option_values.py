"""Option values as text and as JSON."""

import pytest

from elanus.errors import InvalidInput
from elanus.server.option_values import folded_text, option_flag, option_integer, option_text


@pytest.mark.parametrize(("value", "expected"), [(3, 3), (" 12 ", 12), ("-1", -1)])
def test_integers(value: object, expected: int) -> None:
    assert option_integer("x", value) == expected


@pytest.mark.parametrize("value", [True, 1.5, "1.5", "", "ten", None, [1]])
def test_what_is_no_integer(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"x is .*expected an integer"):
        option_integer("x", value)


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("True", True), ("1", True), ("false", False), (False, False), ("", False)]
)
def test_flags(value: object, expected: bool) -> None:
    assert option_flag("x", value) is expected


@pytest.mark.parametrize("value", ["yes", 2, None, "maybe"])
def test_what_is_no_flag(value: object) -> None:
    with pytest.raises(InvalidInput, match="expected true or false"):
        option_flag("x", value)


def test_python_and_json_spellings_fold_to_one() -> None:
    assert folded_text(True) == folded_text("True") == folded_text("true")
    assert folded_text(16) == folded_text("16")


@pytest.mark.parametrize(
    ("value", "expected"), [(True, "true"), ("a", "a"), (16, "16"), (0.5, "0.5"), ({"a": 1}, '{"a":1}'), ([1], "[1]")]
)
def test_texts(value: object, expected: str) -> None:
    assert option_text(value) == expected
