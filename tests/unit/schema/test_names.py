"""The rule for names: letters, digits and underscores, no digit first, up to 255 bytes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.errors import InvalidInput
from elanus.schema.names import NAME_LENGTH_MAX, check_name


@pytest.mark.parametrize("name", ["a", "_", "Z9", "snake_case_1", "__init__", "a" * 255])
def test_names_that_are_fine(name: str) -> None:
    check_name("field", name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "collection name is '', expected a non-empty string"),
        (None, "is None, expected a non-empty string"),
        (5, "is 5, expected a non-empty string"),
        (b"abc", "expected a non-empty string"),
        ("a" * 256, "of 256 bytes is too long, expected at most 255"),
        ("é" * 128, "of 256 bytes is too long"),
        ("1a", "'1a': the first character must be an underscore or letter"),
        ("-a", "the first character must be an underscore or letter"),
        (" a", "the first character must be an underscore or letter"),
        ("é", "the first character must be an underscore or letter"),
        ("$meta", "the first character must be an underscore or letter"),
        ("a b", "'a b': it can only contain letters, digits and underscores, not ' '"),
        ("a-b.c", "not '-'"),
        ("aé", "not 'é'"),
        ("a٣", "not '٣'"),
        ("a\n", r"not '\\n'"),
        ("a\0", r"not '\\x00'"),
        ("a\ud800", r"not '\\ud800'"),
        ("\ud800", "the first character"),
    ],
)
def test_names_that_are_refused_with_the_first_wrong_character(name: Any, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected) as caught:
        check_name("collection", name)
    assert caught.value.kind == "invalid_name"
    assert "collection name" in caught.value.message


@given(st.text(max_size=6) | st.text("aZ_09", max_size=260))
def test_a_name_is_fine_exactly_when_it_is_an_ascii_identifier(name: str) -> None:
    fine = name.isascii() and name.isidentifier() and len(name) <= NAME_LENGTH_MAX
    if fine:
        check_name("field", name)
    else:
        with pytest.raises(InvalidInput):
            check_name("field", name)
