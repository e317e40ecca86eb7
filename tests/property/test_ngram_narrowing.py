"""Leaving out candidates by grams while it pays leaves out none that has the text, whatever was learned before."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.bitset import Bitset
from elanus.expr.patterns import like_pattern
from elanus.index.protocol import BuildContext
from elanus.index.scalar import ngrams
from elanus.index.scalar.ngrams import ngram_artefacts, open_ngrams
from elanus.index.scalar.protocol import Passing, RowSets

_BLOCK = 64


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> object:
    """Many blocks of few rows, of which each gram is tried however few candidates there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngrams, "_BLOCK_ROWS", _BLOCK)
        patch.setattr(ngrams, "_FEW_ROWS", 1)
        yield


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(0, 2))
def test_every_row_with_the_text_is_a_candidate(seed: int, gram_min: int, more: int) -> None:
    choose = random.Random(seed)
    words = ["ab", "abc", "bca", "cab", "é", "aab", "c"]
    # Some blocks have other words than others, so that what one block tells is wrong for the next.
    texts = [
        " ".join(choose.choices(words[: 2 + (row // (2 * _BLOCK)) % 6], k=choose.randrange(4))) for row in range(600)
    ]
    strings = pa.array([None if choose.random() < 0.05 else text for text in texts], pa.string())
    files = ngram_artefacts(strings, gram_min=gram_min, gram_max=gram_min + more, context=BuildContext())
    index = open_ngrams(
        {name: pa.py_buffer(content) for name, content in files.items()},
        RowSets(len(strings)),
        gram_min=gram_min,
        gram_max=gram_min + more,
    )
    for text in ("ab", "abc", "b ab", "cab c", "aab aab", "é", "bca cab"):
        pattern = like_pattern(f"%{text}%")
        match = index.match(Passing(pattern.matches, pattern.pieces))
        assert (match is None) == (len(text) < gram_min)
        if match is not None:
            found = match.find()
            has = Bitset.from_bool(np.array([value is not None and text in value for value in strings.to_pylist()]))
            assert not has.minus(found).any(), text
            assert found.count() <= match.row_count_max
