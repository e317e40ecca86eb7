"""Explanations: their text as a golden file, times masked, and that what they count is what queries find."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.app.compose import service_on_disk
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.errors import InvalidInput, NotFound
from elanus.query.explanation import Explanation
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.service.requests.explain import Explain
from elanus.service.requests.query import Query
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

_GOLDEN = Path(__file__).parents[2] / "golden" / "query" / "explanations.txt"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """`books`: two sealed segments of 2000 rows each with an index, growing rows in two partitions, some deleted."""
    settings = Settings(background_maintenance=False, search_thread_count=1, compaction_enabled=False)
    service = service_on_disk(SimulatedDisk(), settings)
    with Database(service, "simulated") as opened:
        schema = Schema(
            (
                Field("id", DataType.INT64, is_primary=True),
                Field("vector", DataType.FLOAT_VECTOR, dim=4),
                Field("year", DataType.INT16, nullable=True),
                Field("lang", DataType.VARCHAR, max_length=8),
            ),
            enable_dynamic_field=True,
        )
        books = opened.create_collection("books", schema)
        books.create_partition("new")
        for first in (0, 2000):
            books.insert(_rows(first, 2000))
            books.flush()
        books.create_index("vector", "IVF_FLAT", metric="L2", nlist=16)
        books.insert(_rows(4000, 30))
        books.insert(_rows(4030, 30))
        books.insert(_rows(4060, 10), partition="new")
        books.delete([1, 2, 3, 4005])
        yield opened


def _rows(first: int, count: int) -> list[dict[str, Any]]:
    vectors = np.random.default_rng(first).random((count, 4))
    return [
        {
            "id": key,
            "vector": vectors[key - first],
            "year": None if key % 10 == 0 else 1900 + key % 100,
            "lang": ["en", "fr", "de"][key % 3],
            "rank": key % 7,
        }
        for key in range(first, first + count)
    ]


@pytest.fixture(scope="module")
def books(database: Database) -> Collection:
    return database.collection("books")


def _masked(explanation: Explanation) -> str:
    """The text without what differs from run to run: times, and the ids of segments."""
    text = re.sub(r"\d+\.\d\d ms", "T ms", str(explanation))
    ids = [str(segment.segment_id) for segment in explanation.segments if segment.segment_id]
    for number, segment_id in enumerate(ids, 1):
        text = text.replace(f"segment {segment_id}", f"segment S{number}")
    return text


def test_texts(books: Collection, *, update_golden: bool) -> None:
    one, two = [0.1, 0.2, 0.3, 0.4], [[0.1, 0.2, 0.3, 0.4], [1, 1, 1, 1]]
    explained = {
        "no filter": books.explain(),
        "a filter": books.explain('year >= 1950 and not (lang == "fr" or rank in [1, 2])'),
        "bounds skip a segment": books.explain("id < 1000 and year is null"),
        "a partition": books.explain("id > 10", partitions=["new"]),
        "sampling and parameters": books.explain("year < {last} and random_sample(0.5)", params={"last": 1910}),
        "a search": books.explain_search(one, limit=5, params={"nprobe": 2}),
        "a search under a filter that leaves few rows": books.explain_search(one, filter="year == 1951", limit=5),
        "many vectors": books.explain_search(two, filter="id >= 2000"),
        "a range search": books.explain_search(one, params={"radius": 0.2, "range_filter": 0.01}),
    }
    text = "".join(f"== {title}\n{_masked(explanation)}\n\n" for title, explanation in explained.items())
    if update_golden:
        _GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        _GOLDEN.write_text(text, encoding="utf-8")
    assert text == _GOLDEN.read_text(encoding="utf-8")


CONDITIONS = st.sampled_from(
    ["id < 2500", "id >= 4010", "year > 1930", "year is null", 'lang == "de"', "rank in [1, 5]", "1910 <= year < 1940"]
)


@given(st.lists(CONDITIONS, min_size=1, max_size=3), st.sampled_from([" and ", " or "]), st.booleans())
def test_what_is_counted_is_what_is_found(books: Collection, conditions: list[str], word: str, negated: bool) -> None:
    text = f"not ({word.join(conditions)})" if negated else word.join(conditions)
    explanation = books.explain(text)
    read = [segment for segment in explanation.segments if not segment.skipped]
    assert sum(segment.matched_count for segment in read) == books.count(text)
    assert sum(segment.visible_count for segment in explanation.segments) == books.count()
    assert len(explanation.segments) == 4
    for place, condition in enumerate(conditions):
        skipped = {segment.segment_id for segment in explanation.segments if segment.skipped}
        if not skipped:
            assert sum(segment.predicates[place].matched_count for segment in read) == books.count(condition)
    for segment in read:
        if segment.estimated_share in {0.0, 1.0}:
            assert segment.matched_count == segment.estimated_share * segment.visible_count


def test_hits_and_comparisons_of_an_exact_search(books: Collection) -> None:
    explanation = books.explain_search([0.0, 0, 0, 1], filter="id >= 4000", limit=7)
    searches = {segment.partition: segment.search for segment in explanation.segments if not segment.skipped}
    found = {name: (s.exact, s.compared_count, s.hit_count, s.index) for name, s in searches.items() if s is not None}
    assert found == {"_default": (True, 59, 7, ""), "new": (True, 10, 7, "")}
    assert explanation.target is not None
    assert (explanation.target.limit, explanation.target.query_count) == (7, 1)


def test_what_cannot_be_asked_cannot_be_explained(books: Collection, database: Database) -> None:
    with pytest.raises(InvalidInput, match=r"filter"):
        books.explain("year >")
    with pytest.raises(NotFound):
        books.explain(partitions=["old"])
    with pytest.raises(InvalidInput, match="limit is 0"):
        books.explain_search([0, 0, 0, 1], limit=0)
    assert isinstance(Explain(Query("books")).request, Query)
    with pytest.raises(NotFound):
        database._service.execute(Explain(Query("papers")))


def test_scalar_indexes_are_named() -> None:
    settings = Settings(background_maintenance=False, search_thread_count=1, compaction_enabled=False)
    service = service_on_disk(SimulatedDisk(), settings)
    with Database(service, "simulated") as opened:
        schema = Schema(
            (
                Field("id", DataType.INT64, is_primary=True),
                Field("vector", DataType.FLOAT_VECTOR, dim=2),
                Field("word", DataType.VARCHAR),
                Field("n", DataType.INT32),
            )
        )
        rows = opened.create_collection("rows", schema)
        rows.insert(
            [{"id": key, "vector": [key, 0], "word": f"word {key % 500}", "n": key % 7} for key in range(20_000)]
        )
        rows.flush()
        rows.create_index("word", "INVERTED", name="by_word")
        text = 'word == "word 7" and n < 3'
        [segment] = rows.explain(text).segments
        by_text = {predicate.text: predicate for predicate in segment.predicates}
        assert by_text['word == "word 7"'].access == "index by_word"
        assert by_text['word == "word 7"'].estimated_share == pytest.approx(1 / 500)
        assert by_text["n < 3"].access != "index by_word"
        assert segment.matched_count == rows.count(text)
        [segment] = rows.explain('word == "nowhere" and n < 3').segments
        assert segment.skipped or segment.predicates[1].access == "not needed"


def test_reads_of_a_graph_on_disk_are_told() -> None:
    settings = Settings(background_maintenance=False, search_thread_count=1, compaction_enabled=False)
    service = service_on_disk(SimulatedDisk(), settings)
    with Database(service, "simulated") as opened:
        fields = (Field("id", DataType.INT64, is_primary=True), Field("vector", DataType.FLOAT_VECTOR, dim=4))
        rows = opened.create_collection("rows", Schema(fields))
        vectors = np.random.default_rng(1).random((2000, 4))
        rows.insert([{"id": key, "vector": vectors[key]} for key in range(2000)])
        rows.flush()
        rows.create_index("vector", "AISAQ", metric="L2", max_degree=8, search_list_size=20)
        explanation = rows.explain_search([0.1, 0.2, 0.3, 0.4], limit=5)
        [segment] = explanation.segments
        assert segment.search is not None
        assert segment.search.index == "AISAQ"
        assert not segment.search.exact
        assert segment.search.read_count is not None
        assert segment.search.read_count > 5
        assert f"{segment.search.compared_count} compared, {segment.search.read_count} reads, 5 hits" in str(
            explanation
        )
