"""Limits of the parser, and what golden files do not show well."""

import sys
import threading
import time

import pytest

from elanus.errors import InvalidInput
from elanus.expr.filter import bind, parse
from elanus.expr.syntax import And, ListLiteral, Membership
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

_SCHEMA = Schema((Field("id", DataType.INT64, is_primary=True), Field("b", DataType.BOOL)))


@pytest.mark.parametrize(
    "nested",
    [
        lambda depth: "(" * depth + "b" + ")" * depth,
        lambda depth: "not " * depth + "b",
        lambda depth: "b and (" * depth + "b" + ")" * depth,
        lambda depth: "b or not (" * (depth // 2) + "b" + ")" * (depth // 2),
        lambda depth: "- " * depth + "id > 1",
        lambda depth: "[" * depth + "]" * depth,
        lambda depth: "id" + " + 1" * (depth - 1) + " > 1",
    ],
    ids=["parentheses", "not", "and", "or not", "signs", "lists", "sums"],
)
def test_256_levels_are_read_and_more_are_refused(nested: object) -> None:
    assert callable(nested)
    expression = parse(nested(254))
    assert parse(str(expression)).outline() == expression.outline()
    if "[" not in expression.text:
        bind(expression, _SCHEMA)
    for depth in (260, 5_000):
        with pytest.raises(InvalidInput, match="nested too deeply, expected at most 256 levels"):
            parse(nested(depth))


def test_operators_of_rising_precedence_cannot_exhaust_the_stack() -> None:
    text = "b or b and 1 == 2 | 3 ^ 4 & 5 + 6 * 7 ** (" * 200
    with pytest.raises(InvalidInput, match="nested too deeply"):
        parse(text)


def test_a_caller_deep_in_the_stack_gets_the_same_error() -> None:
    def fall(levels: int) -> None:
        if levels:
            fall(levels - 1)
        else:
            parse("(" * 250 + "b" + ")" * 250)

    caught: list[Exception] = []

    def run() -> None:
        try:
            fall(sys.getrecursionlimit() - 150)
        except InvalidInput as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(caught) == 1


def test_long_chains_are_one_level() -> None:
    tree = parse(" and ".join(["b"] * 10_000)).tree
    assert isinstance(tree, And)
    assert len(tree.operands) == 10_000


@pytest.mark.parametrize(
    "item",
    ["{n}", '"{n}"', "{n}.5", '"it\\\'s {n}"', "[{n}]"],
    ids=["integers", "strings", "floats", "escapes", "lists"],
)
def test_long_lists_are_read_in_linear_time(item: str) -> None:
    def seconds(count: int) -> float:
        text = f"id in [{', '.join(item.format(n=n) for n in range(count))}]"
        start = time.perf_counter()
        tree = parse(text).tree
        elapsed = time.perf_counter() - start
        assert isinstance(tree, Membership)
        assert not isinstance(tree.items, ListLiteral) or len(tree.items.values) == count
        return elapsed

    # Sixteen times the items may not cost sixteen squared; the bound is loose because machines are busy.
    assert seconds(32_000) < 100 * max(seconds(2_000), 0.002)


@pytest.mark.parametrize(
    "text",
    ['"' + "\\" * 100_001, "'" + "a" * 100_000, "(" * 100_000, "[" + "1," * 100_000, "x in ['a'" + ", 'a'" * 50_000],
)
def test_long_mistakes_are_refused_quickly(text: str) -> None:
    start = time.process_time()
    with pytest.raises(InvalidInput):
        parse(text)
    assert time.process_time() - start < 5


def test_a_lower_limit_may_be_set() -> None:
    assert str(parse("((b))", depth_max=2)) == "b"
    with pytest.raises(InvalidInput, match="at most 2 levels"):
        parse("(((b)))", depth_max=2)


def test_the_caret_stands_under_the_character_on_the_screen() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse('lang == "日本" and é = 1')
    reason, line, caret = str(caught.value).split("\n")
    assert line == '  lang == "日本" and é = 1'
    # Wide characters take two columns of a terminal.
    assert reason.endswith("column 18)")
    assert caret.index("^") == line.index("é") + 2


def test_control_characters_do_not_reach_the_terminal() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse("a == \x1b[31m\r\x00")
    assert "\x1b" not in str(caught.value)
    assert "\x00" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ['s in ["a" "b\nc"]', "(s 'b\r\nc'", "s & '\u2028' == 1", "\x85x == 1", "s == 'a\x0b' 'b\n'"]
)
def test_a_message_has_three_lines_whatever_it_quotes(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(text)
    assert len(refused.value.message.splitlines()) == 3


def test_a_message_quotes_no_more_of_a_long_name_than_fits() -> None:
    schema = Schema((Field("id", DataType.INT64, is_primary=True),), enable_dynamic_field=True)
    with pytest.raises(InvalidInput, match="is no condition; compare it") as refused:
        bind(parse("n" * 100_000), schema)
    assert len(refused.value.message) < 800
