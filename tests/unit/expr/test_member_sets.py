"""Bloom filters and Roaring bitmaps as pymilvus builds them: what is in them, in filters too, and damaged ones."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymilvus import build_bloom_filter, build_roaring_bitmap

from elanus.errors import InvalidInput
from elanus.expr.filter import bind, parse
from elanus.expr.member_sets import bloom_filter, roaring_ranges
from elanus.expr.xxhash64 import hash_texts
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.reference.filter_rows import Rows

_INT64 = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-300, 300),
    st.sampled_from([-(2**63), -1, 2**32 - 1, 2**32, 2**63 - 1]),
)


def _layout(texts: list[str]) -> tuple[Any, Any]:
    encoded = [text.encode() for text in texts]
    offsets = np.concatenate(([0], np.cumsum([len(text) for text in encoded]))).astype(np.int32)
    return offsets, np.frombuffer(b"".join(encoded), np.uint8)


def test_hashes_are_those_of_the_published_algorithm() -> None:
    """Test vectors of xxHash with seed 0."""
    hashes = hash_texts(*_layout(["", "a", "abc", "Nobody inspects the spammish repetition"]))
    assert [int(value) for value in hashes] == [
        0xEF46DB3751D8E999,
        0xD24EC4F1A98C6E5B,
        0x44BC2CF5AD770999,
        0xFBCEA83C8A378BF1,
    ]


@given(
    st.lists(_INT64, max_size=50),
    st.integers(-(2**40), 2**40),
    st.sampled_from([0, 3, 5000, 70_000]),
    st.integers(1, 3),
)
@settings(max_examples=max(10, settings().max_examples // 3))
def test_a_bitmap_has_its_members_and_no_others(some: list[int], first: int, count: int, step: int) -> None:
    """Scattered members, runs and dense containers."""
    members = {*some, *range(first, first + count * step, step)}
    ranges = roaring_ranges(build_roaring_bitmap(list(members)))
    asked = [*some, *(value + 1 for value in some if value < 2**63 - 1), *range(first - 2, first + 50)]
    asked += [first + count * step, -(2**63), 2**63 - 1, 0, -1]
    assert ranges.integers(np.array(asked, np.int64)).tolist() == [value in members for value in asked]


@given(st.lists(_INT64, max_size=100), st.lists(st.text(max_size=90), max_size=50))
@settings(max_examples=max(10, settings().max_examples // 3))
def test_a_bloom_filter_never_denies_a_member(integers: list[int], texts: list[str]) -> None:
    assert bloom_filter(build_bloom_filter(integers)).integers(np.array(integers, np.int64)).all()
    assert bloom_filter(build_bloom_filter(texts)).texts(*_layout(texts)).all()


def test_a_bloom_filter_denies_most_others() -> None:
    members = list(range(0, 20_000, 2))
    found = bloom_filter(build_bloom_filter(members, 0.01)).integers(np.arange(1, 20_000, 2))
    assert 0 < found.mean() < 0.02
    texts = bloom_filter(build_bloom_filter([f"a{number}" for number in range(5000)], 0.01))
    assert texts.texts(*_layout([f"b{number}" for number in range(5000)])).mean() < 0.02


_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("tiny", DataType.INT8, nullable=True),
        Field("name", DataType.VARCHAR, nullable=True),
        Field("price", DataType.FLOAT),
        Field("doc", DataType.JSON, nullable=True),
        Field("vector", DataType.FLOAT_VECTOR, dim=2),
    ),
    enable_dynamic_field=True,
)
_ROWS = Rows(
    _SCHEMA,
    [
        {"id": 1, "tiny": 5, "name": "a", "doc": {"k": 5}},
        {"id": 2, "tiny": -5, "name": "é" * 40, "doc": {"k": "a"}},
        {"id": 3, "tiny": None, "name": None, "doc": None},
        {"id": 4, "tiny": 6, "name": "b", "doc": {"k": 5.0}},
        {"id": 5, "tiny": 7, "name": "", "doc": {"k": [5]}},
        {"id": 6, "tiny": 8, "name": "aa", "doc": {"k": None}, "extra": 7},
        {"id": 7, "tiny": 9, "name": "ab", "doc": {"k": 5.5}},
        {"id": 8, "tiny": 9, "name": "ab", "doc": {"k": 2**64 + 5}},
    ],
)
_SETS = {
    "i": build_bloom_filter([5, -5, 7], 0.0001),
    "s": build_bloom_filter(["a", "é" * 40], 0.0001),
    "r": build_roaring_bitmap([5, -5, 7]),
    "none": build_bloom_filter([], 0.0001),
}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("bloom_match(tiny, {i})", "TT?FTFFF"),
        ("membership_match(tiny, {i}, type=bloom)", "TT?FTFFF"),
        ("MEMBERSHIP_MATCH(tiny, {r}, type=ROARING)", "TT?FTFFF"),
        ("not bloom_match(tiny, {i})", "FF?TFTTT"),
        ("bloom_match(name, {s})", "TT?FFFFF"),
        ('bloom_match(doc["k"], {i})', "TF?TF?FF"),
        ('bloom_match(doc["k"], {s})', "FT?FF?FF"),
        ('membership_match(doc["k"], {r}, type=roaring)', "TF?TF?FF"),
        ("bloom_match(extra, {i})", "?????T??"),
        ("bloom_match(name, {none})", "FF?FFFFF"),
        ("bloom_match(tiny, {i}) and id > 1", "FT?FTFFF"),
    ],
)
def test_filters(text: str, answer: str) -> None:
    assert _ROWS.truths(text, _SETS) == answer


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bloom_match(price, {i})", "is for integer and VarChar fields and JSON"),
        ("bloom_match(name, {i})", "has strings, but none were put into the set"),
        ("bloom_match(tiny, {s})", "has integers, but none were put into the set"),
        ("membership_match(name, {r}, type=roaring)", "has strings, but none"),
        ("bloom_match(tiny, {r})", "do not begin like a Bloom filter"),
        ("membership_match(tiny, {i}, type=roaring)", "do not begin like a Roaring bitmap"),
        ("membership_match(tiny, {i}, type=cuckoo)", "the type of a set is bloom or roaring"),
        ("membership_match(tiny, {i})", "wrong arguments; the call is"),
        ("bloom_match(tiny, {missing})", "is given as a parameter"),
        ("bloom_match(tiny, 'abc')", "is given as a parameter"),
        ("bloom_match(tiny, {number})", "is a int, expected bytes"),
        ("bloom_match(tiny, {text})", "is no base64"),
    ],
)
def test_what_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as raised:
        bind(parse(text), _SCHEMA, {**_SETS, "number": 5, "text": "?"})
    assert raised.value.kind == "invalid_filter"


@given(st.integers(0, 2**32), st.booleans())
def test_damaged_bytes_are_refused_or_are_a_set(seed: int, is_bloom: bool) -> None:
    """Whatever the bytes, nothing but a ValueError comes out of them."""
    choose = random.Random(seed)
    members = [
        choose.choice([choose.randrange(100), choose.randrange(-(2**63), 2**63)]) for _ in range(choose.randrange(60))
    ]
    members += range(choose.choice([0, 9, 5000]))
    blob = bytearray((build_bloom_filter if is_bloom else build_roaring_bitmap)(members))
    for _ in range(choose.choice([1, 1, 4])):
        blob[choose.randrange(len(blob))] = choose.randrange(256)
    damaged = bytes(blob[: choose.choice([len(blob), choose.randrange(len(blob))])])
    try:
        made = (bloom_filter if is_bloom else roaring_ranges)(damaged)
    except ValueError:
        return
    assert len(made.integers(np.array([1, 2], np.int64))) == 2
