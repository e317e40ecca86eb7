"""element_filter and match_ over arrays of structs: counted from the answers of the reference for every element."""

import random
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.values import column_from_values
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import bind, parse
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.reference.filter_cases import Cases
from tests.reference.filter_reference import Reference
from tests.reference.filter_rendering import Rendering

_MEMBERS = {
    "i8": (DataType.INT8, "int8"),
    "i32": (DataType.INT32, "int32"),
    "i64": (DataType.INT64, "int64"),
    "j64": (DataType.INT64, "int64"),
    "f32": (DataType.FLOAT, "float"),
    "f64": (DataType.DOUBLE, "double"),
    "flag": (DataType.BOOL, "bool"),
    "s": (DataType.VARCHAR, "varchar"),
    "t": (DataType.VARCHAR, "varchar"),
}
_FIELD = Field(
    "chunks",
    DataType.ARRAY,
    element_type=DataType.STRUCT,
    max_capacity=9,
    nullable=True,
    struct_fields=tuple(Field(name, data_type) for name, (data_type, _) in _MEMBERS.items()),
)
_SCHEMA = Schema((Field("id", DataType.INT64, is_primary=True), _FIELD, Field("v", DataType.FLOAT_VECTOR, dim=2)))
_REFERENCE = Reference({name: kind for name, (_, kind) in _MEMBERS.items()})
_NOT_IN_STRUCTS = {
    "path",
    "element",
    "length",
    "isnull",
    "exists",
    "contains",
    "flag",
    "always",
    "moment",
    "moments",
    "moved",
}


class _Source:
    def __init__(self, column: pa.Array) -> None:
        self._column = column
        self.row_count = len(column)

    def column(self, name: str) -> pa.Array:
        assert name == "chunks"
        return self._column


class _ElementRendering(Rendering):
    """Fields are written as members of the element that is looked at."""

    def _operand(self, node: Any) -> tuple[str, int]:
        if node[0] == "field":
            return f"$[{node[1]}]", 12
        return super()._operand(node)


def _fits(node: Any) -> bool:
    if not isinstance(node, tuple) or node[:1] == ("const",):
        return True
    if node and node[0] in _NOT_IN_STRUCTS:
        return False
    if node[:1] == ("field",):
        return node[1] in _MEMBERS
    return all(map(_fits, node))


def _counted(answers: list[bool | None], least: int, most: int) -> bool | None:
    """What is so whether or not the elements that are UNKNOWN count."""
    surely, perhaps = answers.count(True), len(answers) - answers.count(False)
    outcomes = {least <= count <= most for count in range(surely, perhaps + 1)}
    return outcomes.pop() if len(outcomes) == 1 else None


def _truths(text: str, params: dict[str, Any], column: pa.Array) -> list[bool | None]:
    truth = evaluate(bind(parse(text), _SCHEMA, params).condition, _Source(column), {})
    true = truth.true.to_bool().tolist()
    unknown = [False] * len(true) if truth.unknown is None else truth.unknown.to_bool().tolist()
    return [None if u else t for t, u in zip(true, unknown, strict=True)]


@given(st.integers(0, 2**63 - 1))
def test_as_many_elements_match_as_the_reference_says(seed: int) -> None:
    cases, choose = Cases(seed), random.Random(seed)
    row_count = choose.choice([0, 1, 5, 9])
    element = lambda: {name: cases._value(kind) for name, (_, kind) in _MEMBERS.items()}  # noqa: E731
    rows: list[Any] = [
        None if choose.random() < 0.2 else [element() for _ in range(choose.choice([0, 1, 2, 4]))]
        for _ in range(row_count)
    ]
    skipped = choose.choice([0, 2])
    column = column_from_values(_FIELD, [*rows[:1], None, *rows][2 - skipped :] if rows else rows)
    column = column.slice(len(column) - row_count)
    made = 0
    while made < 8:
        node = cases.filter()
        if not _fits(node):
            continue
        made += 1
        rendering = _ElementRendering(choose)
        name, threshold = (
            choose.choice(["any", "all", "least", "most", "exact", "filter"]),
            choose.choice([0, 1, 1, 2, 3]),
        )
        threshold = max(threshold, 1) if name == "least" else threshold
        call = "element_filter" if name == "filter" else f"match_{name}"
        call = choose.choice([call, call.upper()])
        named = f", threshold={threshold}" if name in {"least", "most", "exact"} else ""
        text = f"{call}(chunks, {rendering.text(node)}{named})"
        expected: list[bool | None] = []
        for row in rows:
            if row is None:
                expected.append(None)
                continue
            answers = [_REFERENCE.truth(node, element) for element in row]
            least, most = {
                "any": (1, 99), "filter": (1, 99), "all": (len(row), 99), "least": (threshold, 99),
                "most": (0, threshold), "exact": (threshold, threshold),
            }[name]  # fmt: skip
            expected.append(_counted(answers, least, most))
        assert _truths(text, rendering.params, column) == expected, text
        negated = [None if answer is None else not answer for answer in expected]
        assert _truths(f"not {text}", rendering.params, column) == negated


@given(st.integers(0, 2**63 - 1))
def test_members_are_arrays_and_their_elements_values(seed: int) -> None:
    """`chunks[name]`, `chunks[1][name]` and `array_length(chunks)`."""
    cases, choose = Cases(seed), random.Random(seed)
    element = lambda: {name: cases._value(kind) for name, (_, kind) in _MEMBERS.items()}  # noqa: E731
    rows = [None if choose.random() < 0.2 else [element() for _ in range(choose.randrange(4))] for _ in range(6)]
    column = column_from_values(_FIELD, [None, *rows]).slice(1)
    assert _truths("array_length(chunks) >= 2", {}, column) == [None if row is None else len(row) >= 2 for row in rows]
    assert _truths("chunks is null", {}, column) == [row is None for row in rows]
    position, limit = choose.randrange(3), choose.choice([0, 5, -7])
    expected = [None if row is None or position >= len(row) else row[position]["i8"] > limit for row in rows]
    assert _truths(f"chunks[{position}][i8] > {limit}", {}, column) == expected
    assert _truths("array_contains(chunks[s], {text})", {"text": "a"}, column) == [
        None if row is None else any(item["s"] == "a" for item in row) for row in rows
    ]
