"""Paths and values of JSON texts equal what Python's decoder finds, whatever the texts."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elanus.kernels import reference
from elanus.kernels.json_texts import json_paths, json_values
from tests.unit.kernels.levels import LEVELS, using

pytestmark = pytest.mark.parametrize("level", LEVELS[-1:])

_KEYS = st.sampled_from(["a", "b", "longer_key", "", "é", 'q"\\', "\u2028\U0001f600"])
_NUMBERS = st.sampled_from(
    [
        *("0", "-0", "-0.0", "1", "-1", "2.5", "1e400", "-1e400", "1e-400", "0e999", "1E5", "5e-324"),
        *("9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808"),
        *("-9223372036854775809", "1.7976931348623157e308", "123456789012345678901234567890"),
    ]
)
_STRINGS = st.one_of(
    st.text(max_size=12).map(json.dumps),
    st.text(max_size=40).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from([r'"\ud800"', r'"\ud83d\ude00 \/\b"', r'"\udc00\ud800"', r'"\u0000"', '"' + "x" * 33 + r'\n"']),
)
_LEAVES = st.one_of(_NUMBERS, _STRINGS, st.sampled_from(["true", "false", "null", "{}", "[]"]))
_SPACE = st.sampled_from(["", "", " ", "\n\t "])


def _object(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in pairs) + "}"


_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(st.tuples(_KEYS, inner), max_size=4).map(_object),
        st.lists(inner, max_size=4).map(lambda items: "[" + " , ".join(items) + "]"),
    ),
    max_leaves=12,
)
_BROKEN = st.one_of(
    st.sampled_from(
        ["", " ", "tru", "nul", "01", "-", "1.", ".5", "1e", "+1", '"', '"\\x"', '{"a":1,}', "[1,]", "{,}"]
    ),
    st.sampled_from(['{"a" 1}', "{1:2}", "[1 2]", "1 2", "NaN", '"\n"', "'a'", "[" * 300 + "]" * 300, "]", "}"]),
    st.text(alphabet='{}[]",:ab1.e-\\ ', max_size=12),
)
_TEXTS = st.one_of(st.tuples(_SPACE, _VALUES, _SPACE).map("".join), _BROKEN)
_Column = tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]


def _column(texts: list[str]) -> _Column:
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    return offsets, np.frombuffer(b"".join(encoded), np.uint8)


def _valid(rows: list[bool] | None, count: int) -> Any:
    if rows is None:
        return None
    return reference.bits_from_bool(np.resize(np.array([*rows, True], np.bool_), count))


def _same(found: Any, expected: Any) -> None:
    """Compares nested tuples and lists of arrays and plain values."""
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            _same(one, other)
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    else:
        assert found == expected


@given(
    texts=st.lists(_TEXTS, max_size=8),
    valid=st.none() | st.lists(st.booleans(), max_size=8),
    limits=st.tuples(st.integers(0, 8), st.integers(0, 4), st.integers(0, 12), st.integers(0, 4)),
)
@example(texts=['{"a":1,"a":2}', '{"a":{"b":1},"a":{"c":2}}', "1e400"], valid=None, limits=(8, 4, 8, 4))
def test_paths(level: str, texts: list[str], valid: list[bool] | None, limits: tuple[int, int, int, int]) -> None:
    column, words = _column(texts), _valid(valid, len(texts))
    expected = reference.json_paths(*column, words, *limits)
    names = ("path_count_max", "depth_max", "key_bytes_max", "row_count_max")
    with using(level):
        facts, unread = json_paths(*column, valid=words, **dict(zip(names, limits, strict=True)))
    told = [(fact.path, fact.counts, fact.is_open, fact.rows) for fact in facts]
    paths: list[tuple[bytes, ...]] = []
    for parent, key, *_ in expected[0]:
        paths.append(() if parent < 0 else (*paths[parent], key))
    _same(told, [(path, *rest) for path, (_, _, *rest) in zip(paths, expected[0], strict=True)])
    _same(unread, expected[1])


@given(
    texts=st.lists(_TEXTS, max_size=8),
    valid=st.none() | st.lists(st.booleans(), max_size=8),
    paths=st.lists(st.lists(_KEYS, max_size=3).map(lambda keys: tuple(key.encode() for key in keys)), max_size=5),
)
@example(texts=['{"a":[1,"x",[2]],"b":1}', '{"a":["y",{"a":1}],"b":[}', '{"a":[3]}'], valid=None, paths=[(b"a",), ()])
def test_values(level: str, texts: list[str], valid: list[bool] | None, paths: list[tuple[bytes, ...]]) -> None:
    column, words = _column(texts), _valid(valid, len(texts))
    expected = reference.json_values(*column, words, paths)
    with using(level):
        columns, unread = json_values(*column, paths, valid=words)
    parts = [
        tuple((part.kinds, part.bits, part.offsets, part.data) for part in (column.values, column.elements))
        for column in columns
    ]
    _same(parts, [(values, elements) for values, _, elements in expected[0]])
    _same([column.offsets for column in columns], [starts for _, starts, _ in expected[0]])
    _same(unread, expected[1])


def test_wrong_arguments_are_refused(level: str) -> None:
    offsets, data = _column(["{}"])
    with using(level):
        with pytest.raises(ValueError, match="path_count_max is -1"):
            json_paths(offsets, data, path_count_max=-1, depth_max=1, key_bytes_max=1, row_count_max=1)
        with pytest.raises(TypeError, match="expected bytes"):
            json_values(offsets, data, [("a",)])  # type: ignore[list-item]
        with pytest.raises(ValueError, match="ascending"):
            json_values(np.array([0, 9], np.int32), data, [])
