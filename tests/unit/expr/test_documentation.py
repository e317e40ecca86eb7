"""docs/filters.md is the definition of the language: it names all of it, and shows what really happens."""

from pathlib import Path

import pytest

from elanus.errors import InvalidInput
from elanus.expr.filter import bind, parse
from elanus.expr.functions import FUNCTIONS
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

_TEXT = (Path(__file__).parent.parent.parent.parent / "docs" / "filters.md").read_text(encoding="utf-8")


def test_every_function_is_described() -> None:
    families = {name: name for name in FUNCTIONS} | {
        name: f"{name.split('_')[0]}_" for name in FUNCTIONS if name.startswith(("st_", "match_", "json_contains"))
    }
    missing = [name for name, word in families.items() if f"`{word}" not in _TEXT]
    assert missing == []


def test_the_error_shown_is_the_error_given() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse("year = 2020")
    assert f"```\n{caught.value}\n```" in _TEXT


@pytest.mark.parametrize(
    ("claim", "text", "same_as"),
    [
        ("`-2 ** 2` is 4", "id == -2 ** 2", "id == 4"),
        ("`2 ** 3 ** 2` is 64", "id == 2 ** 3 ** 2", "id == 64"),
        ("`a > 2.5` on integers is `a > 2`", "id > 2.5", "id > 2"),
        ("`-7 / 2` is -3", "id == -7 / 2", "id == -3"),
        ("`-7 % 3`\nis -1", "id == -7 % 3", "id == -1"),
        ("`not a == 1` is `not (a == 1)`", "not id == 1", "not (id == 1)"),
    ],
)
def test_what_is_said_of_operators_holds(claim: str, text: str, same_as: str) -> None:
    schema = Schema((Field("id", DataType.INT64, is_primary=True),))
    assert claim in _TEXT
    assert bind(parse(text), schema).outline() == bind(parse(same_as), schema).outline()
