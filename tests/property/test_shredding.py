"""JSON taken apart answers like its text, and strings by a dictionary like plain ones, whatever they are."""

import json
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.layout import TIMESTAMP_COLUMN
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import bind, parse
from elanus.expr.reads import json_paths
from elanus.objectstore.memory import MemoryStore
from elanus.query.retrieve import _TakenRows
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.storage.segment import coded_strings, shredded_columns, shredding
from elanus.storage.segment.reader import SealedSegment, open_segment
from elanus.storage.segment.shredding import ShreddingRules
from elanus.storage.segment.writer import write_segment
from tests.reference.filter_cases import TYPES, Cases, Table
from tests.reference.filter_reference import Reference
from tests.reference.filter_rendering import Rendering
from tests.unit.storage.segment.segments import blocks_of

_REFERENCE = Reference(TYPES)
_RULES = st.builds(
    ShreddingRules,
    column_count_max=st.sampled_from([0, 1, 2, 4, 64]),
    share_min=st.sampled_from([0.0, 0.1, 0.3, 0.9, 1.1]),
)
_PREFIX = "c/1/segments/1"


class _TextOnly:
    """A segment that has nothing but the text of its JSON."""

    def __init__(self, segment: SealedSegment) -> None:
        self.row_count = segment.row_count
        self.column = self.strings = segment.column
        self.numbers = segment.numbers

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:
        return None


class _Decoded:
    """The same with every row decoded by itself, into Python values."""

    def __init__(self, segment: SealedSegment) -> None:
        self.row_count = segment.row_count
        self.column = self.strings = segment.column
        self.numbers = segment.numbers

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:
        return JsonValues.missing(self.row_count, np.arange(self.row_count))


class _Shredded:
    """A table whose JSON fields are read from a segment."""

    def __init__(self, table: Table, segment: SealedSegment) -> None:
        self.row_count = table.row_count
        self.column = table.column
        self.numbers = table.numbers
        self.strings = segment.strings
        self.json_values = segment.json_values


def _segment(fields: list[Field], columns: dict[str, pa.Array], rules: ShreddingRules | None) -> SealedSegment:
    count = len(columns[fields[0].name])
    stamps = pa.array(np.arange(count, dtype=np.uint64))
    store = MemoryStore()
    made = write_segment(
        store,
        _PREFIX,
        1,
        fields,
        blocks_of({**columns, TIMESTAMP_COLUMN: stamps}),
        row_count=len(stamps),
        shredding=rules,
    )
    return open_segment(store, _PREFIX, made.meta_crc32c, fields)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Block borders inside the tables, groups of few paths, and dictionaries of few strings."""
    monkeypatch.setattr(shredding, "_BLOCK_ROWS", 64)
    monkeypatch.setattr(shredding, "_GROUP_PATHS_MAX", 3)
    monkeypatch.setattr(shredded_columns, "_REPEATS_MIN", 2)
    monkeypatch.setattr(coded_strings, "_ROWS_MIN", 1)


@given(seed=st.integers(0, 2**63 - 1), rules=_RULES)
def test_filters_answer_as_defined(seed: int, rules: ShreddingRules) -> None:
    cases = Cases(seed)
    table = cases.table
    assume(table.row_count)
    fields = [
        replace(table.schema.field(name), field_id=1 + place) for place, name in enumerate(("doc", "$meta", "s", "t"))
    ]
    segment = _segment(fields, {field.name: pa.concat_arrays([table.column(field.name)]) for field in fields}, rules)
    source = _Shredded(table, segment)
    style = random.Random(seed)
    asked = 0
    for _ in range(40):
        node = cases.filter()
        rendering = Rendering(style)
        bound = bind(parse(rendering.text(node)), table.schema, rendering.params)
        if not bound.field_names & {"doc", "$meta", "s", "t"}:
            continue
        asked += 1
        truth = evaluate(bound.condition, source, json_paths(bound.condition))
        true = truth.true.to_bool().tolist()
        unknown = [False] * source.row_count if truth.unknown is None else truth.unknown.to_bool().tolist()
        answered = [True if t else None if u else False for t, u in zip(true, unknown, strict=True)]
        expected = [_REFERENCE.truth(node, row) for row in table.rows] * table.repeats
        assert answered == expected, (bound.expression.text, rendering.params)
    assert asked


_KEYS = st.sampled_from(["a", "b", "c", "é"])
_LEAVES = st.one_of(
    st.sampled_from(
        [
            *("0", "1", "-0", "1.0", "2.5", "1e400", "-1e400", "1e-400", "9007199254740993", "9007199254740992.0"),
            *("9223372036854775808", "-9223372036854775809", "1e19", "10000000000000000000", "true", "false", "null"),
            *('""', '"a"', '"x%y"', r'"\ud800"', r'"\u00e9"', '"é"', '"日本"', r'"\ud83d\ude00"', '"1"'),
        ]
    )
)


def _object(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in pairs) + "}"


_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(st.tuples(_KEYS, inner), max_size=3).map(_object),
        st.lists(_LEAVES, max_size=4).map(lambda items: "[" + ",".join(items) + "]"),
        st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]"),
    ),
    max_leaves=8,
)
# Objects at the top mostly, keys twice now and then.
_DOCUMENTS = st.one_of(
    st.lists(st.tuples(_KEYS, _VALUES), max_size=4).map(_object),
    st.lists(st.tuples(_KEYS, _LEAVES), max_size=4).map(_object),
    _VALUES,
    st.none(),
)
_CONSTANTS = ["1", "2.5", "9007199254740993", "-1e300", '""', '"a"', '"é"', "true", "[1]", '["a", 2.5]', "1e19"]
_PATHS = ["doc", "doc['a']", "doc['b']", "doc['a']['b']", "doc['a'][0]", "doc['b'][1]", "doc['a']['c']['é']",
          "doc['zz']", "doc['a'][0]['b']", "doc['a'][0][1]"]  # fmt: skip
_FORMS = [
    "{path} == {constant}", "{path} != {constant}", "{path} in [{constant}, 1, \"a\"]", "{path} not in [{constant}]",
    "json_contains({path}, {constant})", "json_contains_all({path}, [{constant}, 1])",
    "json_contains_any({path}, [{constant}, \"a\", true])", "{path} is null", "{path} is not null",
    "array_length({path}) >= 1", "{path} * 2 < 5", "{path} - 1 == 0", "{path} like \"%\"", "{path} like \"%a%\"",
    "not ({path} == {constant})", "{path} == {other}", "{path} < {other}", "{path} =~ \"a|é\"",
    "{path} == 1 or ({path} == {constant} and {other} is not null)",
]  # fmt: skip
_ORDERED = ["{path} < {constant}", "{path} >= {constant}"]
_DOC = Field("doc", DataType.JSON, nullable=True, field_id=101)
_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True, field_id=100),
        _DOC,
        Field("vector", DataType.FLOAT_VECTOR, dim=2, nullable=True, field_id=102),
    )
)


@st.composite
def _filters(draw: st.DrawFn) -> str:
    constant, path, other = (draw(st.sampled_from(items)) for items in (_CONSTANTS, _PATHS, _PATHS))
    forms = _FORMS if constant[0] in "[t" else [*_FORMS, *_ORDERED]
    if path != "doc":
        forms = [*forms, "exists {path}"]
    return (
        draw(st.sampled_from(forms)).replace("{path}", path).replace("{other}", other).replace("{constant}", constant)
    )


@given(
    documents=st.lists(_DOCUMENTS, min_size=1, max_size=8),
    repeats=st.sampled_from([1, 1, 40]),
    rules=_RULES,
    filters=st.lists(_filters(), min_size=1, max_size=6),
)
def test_columns_answer_as_text_does(
    documents: list[str | None], repeats: int, rules: ShreddingRules, filters: list[str]
) -> None:
    """Any spelling of numbers and strings, repeated keys, half surrogate pairs: the same truth value in every row.

    Every row decoded by itself is right; the kernel over the texts, and the columns, must say the same.
    """
    column = pa.array(documents * repeats, pa.string())
    segment = _segment([_DOC], {"doc": column}, rules)
    assert segment.column("doc").equals(column)
    for text in filters:
        bound = bind(parse(text), _SCHEMA)
        paths = json_paths(bound.condition)
        decoded = _truths(evaluate(bound.condition, _Decoded(segment), paths))
        assert _truths(evaluate(bound.condition, _TextOnly(segment), paths)) == decoded, text
        assert _truths(evaluate(bound.condition, segment, paths)) == decoded, text
        for step in (2, 70):
            taken = _TakenRows(segment, np.arange(0, segment.row_count, step))
            assert _truths(evaluate(bound.condition, taken, paths)) == decoded[::step], text


def _truths(truth: Any) -> list[str]:
    unknown = np.zeros(len(truth.true), np.bool_) if truth.unknown is None else truth.unknown.to_bool()
    return ["?" if u else "T" if t else "F" for t, u in zip(truth.true.to_bool(), unknown, strict=True)]
