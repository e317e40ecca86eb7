"""Decay, boosts, collapsed elements and groups of hybrid searches against loops over plain Python numbers."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elanus
from elanus.errors import InvalidInput
from elanus.schema.collapse import Collapse
from elanus.schema.rescoring import Boost, BoostRanker, DecayRanker, RandomScore, Rescoring
from elanus.service.requests.query import HybridSearch, Search, SearchReply

_ROW_COUNT = 60


def _row(key: int) -> dict[str, Any]:
    return {
        "id": key,
        "price": None if key % 9 == 4 else float(key * 7 % 31),
        "kind": "abc"[key * 5 % 3],
        "vector": [float(key * 37 % 61), float(key % 7)],
        "other": [float(key % 5) + 1, float(key * 11 % 13)],
        "chunks": [{"emb": [float((key + place) * 13 % 17) - 8, float(place)]} for place in range(key % 4)],
    }


@pytest.fixture(scope="module")
def filled() -> Iterator[elanus.Database]:
    database = elanus.connect(":memory:", durability="none", background_maintenance=False)
    fields = (
        elanus.Field("id", elanus.DataType.INT64, is_primary=True),
        elanus.Field("price", elanus.DataType.DOUBLE, nullable=True),
        elanus.Field("kind", elanus.DataType.VARCHAR),
        elanus.Field("vector", elanus.DataType.FLOAT_VECTOR, dim=2),
        elanus.Field("other", elanus.DataType.FLOAT_VECTOR, dim=2),
        elanus.Field(
            "chunks", elanus.DataType.ARRAY, element_type=elanus.DataType.STRUCT, max_capacity=9,
            struct_fields=(elanus.Field("emb", elanus.DataType.FLOAT_VECTOR, dim=2),),
        ),
    )  # fmt: skip
    rows = database.create_collection("rows", schema=elanus.Schema(fields))
    for start in (0, 25, 50):
        rows.insert([_row(key) for key in range(start, min(_ROW_COUNT, start + 25))])
        if start < 50:
            rows.flush()
    yield database
    database.close()


def _search(vector: list[float], limit: int, **options: Any) -> Search:
    return Search("rows", np.array([vector], np.float32), limit, **{"field_name": "vector", "metric": "L2", **options})


def _scores(vector: list[float], field: str = "vector", metric: str = "L2") -> dict[int, float]:
    def score(row: dict[str, Any]) -> float:
        if metric == "L2":
            return sum((a - b) ** 2 for a, b in zip(vector, row[field], strict=True))
        return sum(a * b for a, b in zip(vector, row[field], strict=True))

    return {key: score(_row(key)) for key in range(_ROW_COUNT)}


def _factor(rule: DecayRanker, value: float | None) -> float:
    if value is None:
        return 0.0
    far = max(0.0, abs(value - rule.origin) - rule.offset)
    if rule.function == "gauss":
        return math.exp(-(far**2) / (-(rule.scale**2) / math.log(rule.decay)))
    if rule.function == "exp":
        return math.exp(math.log(rule.decay) / rule.scale * far)
    width = rule.scale / (1 - rule.decay)
    return max(0.0, (width - far) / width)


def _check(reply: SearchReply, expected: dict[int, float], limit: int, *, larger: bool = True) -> None:
    """The best of the expected scores, and every hit with its own."""
    found = list(zip(reply.ids.to_pylist(), reply.scores.tolist(), strict=True))
    ranked = sorted(expected.values(), reverse=larger)
    np.testing.assert_allclose([score for _, score in found], ranked[:limit], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose([score for _, score in found], [expected[key] for key, _ in found], rtol=1e-5, atol=1e-6)
    assert len({key for key, _ in found}) == len(found)


_RULES = st.builds(
    DecayRanker,
    st.just("price"),
    st.sampled_from(["gauss", "exp", "linear"]),
    origin=st.floats(-5, 35),
    scale=st.floats(0.5, 30),
    offset=st.floats(0, 6),
    decay=st.floats(0.05, 0.95),
    score_mode=st.sampled_from(["max", "sum", "avg"]),
)


@settings(max_examples=max(20, settings().max_examples // 4))
@given(_RULES, st.integers(0, 60), st.integers(1, 20), st.integers(0, 5), st.sampled_from(["L2", "IP"]))
def test_decay_of_a_search(
    filled: elanus.Database, rule: DecayRanker, at: int, limit: int, offset: int, metric: str
) -> None:
    vector = [at + 0.25, 0.5]
    reply = filled.service.execute(_search(vector, limit, offset=offset, metric=metric, rescoring=rule))
    raw = _scores(vector, metric=metric)
    nearest = sorted(raw, key=lambda key: raw[key] if metric == "L2" else -raw[key])[: limit + offset]
    similar = {key: 1 - 2 * math.atan(raw[key]) / math.pi if metric == "L2" else raw[key] for key in nearest}
    final = {key: similar[key] * _factor(rule, _row(key)["price"]) for key in nearest}
    if offset == 0:
        _check(reply, final, limit)
    np.testing.assert_allclose(
        reply.scores, sorted(final.values(), reverse=True)[offset : offset + limit], rtol=1e-5, atol=1e-6
    )


@settings(max_examples=max(20, settings().max_examples // 4))
@given(_RULES, st.integers(0, 60), st.integers(1, 30))
def test_decay_of_a_hybrid_search(filled: elanus.Database, rule: DecayRanker, at: int, limit: int) -> None:
    vectors = ([at + 0.25, 0.5], [1.0, 2.0])
    searches = (
        _search(vectors[0], limit),
        _search(vectors[1], limit, field_name="other", metric="IP"),
    )
    reply = filled.service.execute(HybridSearch("rows", searches, rule, limit))
    first, second = _scores(vectors[0]), _scores(vectors[1], "other", "IP")
    parts: dict[int, list[float]] = {}
    for key in sorted(first, key=lambda key: first[key])[:limit]:
        parts.setdefault(key, []).append(1 - 2 * math.atan(first[key]) / math.pi)
    # Scores tie here, so that what the search found is taken.
    for key, score in _found(filled, searches[1]):
        parts.setdefault(key, []).append(score)
        assert score == pytest.approx(second[key])
    joined = {
        "max": {key: max(values) for key, values in parts.items()},
        "sum": {key: sum(values) for key, values in parts.items()},
        "avg": {key: sum(values) / len(values) for key, values in parts.items()},
    }[rule.score_mode]
    _check(reply, {key: score * _factor(rule, _row(key)["price"]) for key, score in joined.items()}, limit)


def _found(filled: elanus.Database, search: Search) -> list[tuple[int, float]]:
    reply = filled.service.execute(search)
    return list(zip(reply.ids.to_pylist(), reply.scores.tolist(), strict=True))


_BOOSTS = st.lists(
    st.builds(Boost, st.floats(-3, 3), st.sampled_from(["", "kind == 'a'", "price > 10", "id in [1, 2, 3]"])),
    min_size=1,
    max_size=3,
).map(tuple)
_PASSES: dict[str, Any] = {
    "": lambda row: True,
    "kind == 'a'": lambda row: row["kind"] == "a",
    "price > 10": lambda row: row["price"] is not None and row["price"] > 10,
    "id in [1, 2, 3]": lambda row: row["id"] in {1, 2, 3},
}


@settings(max_examples=max(20, settings().max_examples // 4))
@given(_BOOSTS, st.booleans(), st.booleans(), st.integers(0, 60), st.sampled_from(["L2", "IP"]))
def test_boosts_over_every_row(
    filled: elanus.Database, boosts: tuple[Boost, ...], by_score: bool, by_weight: bool, at: int, metric: str
) -> None:
    """With as many candidates as rows there is one answer, however rows lie in segments."""
    vector = [at + 0.25, 0.5]
    rule = BoostRanker(boosts, multiplies_score=by_score, multiplies_weights=by_weight)
    reply = filled.service.execute(_search(vector, _ROW_COUNT, metric=metric, rescoring=rule))
    expected = {}
    for key, score in _scores(vector, metric=metric).items():
        weights = [boost.weight for boost in boosts if _PASSES[boost.filter](_row(key))]
        weight = math.prod(weights) if by_weight else sum(weights)
        expected[key] = score if not weights else score * weight if by_score else score + weight
    _check(reply, expected, _ROW_COUNT, larger=metric == "IP")


def test_a_boost_brings_up_what_is_among_the_nearest_of_a_segment(filled: elanus.Database) -> None:
    rule = BoostRanker((Boost(0.0, "id >= 50"),))
    reply = filled.service.execute(_search([30.0, 3.0], 5, rescoring=rule))
    assert all(key >= 50 for key in reply.ids.to_pylist())
    assert reply.scores.tolist() == [0.0] * 5


def test_random_scores_repeat_and_spread(filled: elanus.Database) -> None:
    def weights(seed: int, field: str = "") -> list[float]:
        rule = BoostRanker((Boost(1.0, random_score=RandomScore(seed, field)),), multiplies_score=False)
        reply = filled.service.execute(_search([0.0, 0.0], _ROW_COUNT, rescoring=rule))
        raw = _scores([0.0, 0.0])
        found = {key: score - raw[key] for key, score in zip(reply.ids.to_pylist(), reply.scores.tolist(), strict=True)}
        return [found[key] for key in range(_ROW_COUNT)]

    first = weights(3)
    assert weights(3) == first == weights(3, "id")
    assert weights(4) != first
    assert all(0 <= weight < 1 for weight in first)
    assert 0.3 < sum(first) / len(first) < 0.7


_COLLAPSES = st.sampled_from(
    [None, Collapse("max"), Collapse("sum"), Collapse("avg"), Collapse("topk_sum", 2), Collapse("topk_avg", 2)]
)


@settings(max_examples=max(20, settings().max_examples // 4))
@given(_COLLAPSES, st.sampled_from(["IP", "L2"]), st.integers(-8, 8), st.integers(1, 40))
def test_elements_become_rows_beside_rows(
    filled: elanus.Database, collapse: Collapse | None, metric: str, at: int, limit: int
) -> None:
    query = [float(at) + 0.5, 0.3]
    elements = _search(query, limit, field_name="chunks[emb]", metric=metric, collapse=collapse)
    searches = (elements, _search([0.0, 0.0], 1))
    ranker = elanus.WeightedRanker((1.0, 0.0), norm_score=True)
    request = HybridSearch("rows", searches, ranker, 100)
    if collapse is not None and collapse.adds and metric == "L2":
        with pytest.raises(InvalidInput, match="is a distance"):
            filled.service.execute(request)
        return
    alone = filled.service.execute(_search(query, limit, field_name="chunks[emb]", metric=metric))
    parts: dict[int, list[float]] = {}
    for key, score in zip(alone.ids.to_pylist(), alone.scores.tolist(), strict=True):
        parts.setdefault(key, []).append(score)
    rows = {key: _collapsed(scores, collapse or Collapse()) for key, scores in parts.items()}
    turned = {
        key: 0.5 + math.atan(score) / math.pi if metric == "IP" else 1 - 2 * math.atan(score) / math.pi
        for key, score in rows.items()
    }
    beside = filled.service.execute(searches[1]).ids.to_pylist()[0]
    reply = filled.service.execute(request)
    assert reply.elements is None
    _check(reply, {beside: 0.0, **turned}, 100)


def _collapsed(best_first: list[float], collapse: Collapse) -> float:
    used = best_first[: collapse.topk or None] if collapse.strategy != "max" else best_first[:1]
    return sum(used) if collapse.adds or collapse.strategy == "max" else sum(used) / len(used)


def test_elements_of_one_array_stay_elements(filled: elanus.Database) -> None:
    searches = tuple(_search([at, 0.0], 12, field_name="chunks[emb]") for at in (1.0, 4.0))
    reply = filled.service.execute(HybridSearch("rows", searches, elanus.RrfRanker(), 50))
    expected: dict[tuple[int, int], float] = {}
    for search in searches:
        alone = filled.service.execute(search)
        assert alone.elements is not None
        for rank, hit in enumerate(zip(alone.ids.to_pylist(), alone.elements.tolist(), strict=True), 1):
            expected[hit] = expected.get(hit, 0.0) + 1 / (60 + rank)
    assert reply.elements is not None
    found = dict(
        zip(zip(reply.ids.to_pylist(), reply.elements.tolist(), strict=True), reply.scores.tolist(), strict=True)
    )
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(list(found.values()), sorted(expected.values(), reverse=True), rtol=1e-6)
    np.testing.assert_allclose(list(found.values()), [expected[hit] for hit in found], rtol=1e-6)


@settings(max_examples=max(20, settings().max_examples // 4))
@given(
    st.integers(1, 3), st.sampled_from(["max", "sum", "avg"]), st.integers(1, 3), st.integers(0, 2), st.integers(0, 60)
)
def test_groups_of_a_hybrid_search(
    filled: elanus.Database, size: int, scorer: str, limit: int, offset: int, at: int
) -> None:
    searches = (_search([at + 0.25, 0.5], 3), _search([float(at), 1.0], 3))
    request = HybridSearch(
        "rows", searches, elanus.RrfRanker(), limit, offset=offset, group_by=("kind",), group_size=size,
        group_scorer=scorer, strict_group_size=True,
    )  # fmt: skip
    totals: dict[int, float] = {}
    for search in searches:
        raw = _scores(search.vectors[0].tolist())  # type: ignore[union-attr]
        groups: dict[str, list[int]] = {}
        for key in sorted(raw, key=lambda key: (raw[key], key)):
            groups.setdefault(_row(key)["kind"], []).append(key)
        ranked = [key for group in groups.values() for key in group[:size]]
        for rank, key in enumerate(ranked, 1):
            totals[key] = totals.get(key, 0.0) + 1 / (60 + rank)
    groups = {}
    for key in sorted(totals, key=lambda key: -totals[key]):
        groups.setdefault(_row(key)["kind"], []).append(key)
    best = []
    for keys in groups.values():
        scores = [totals[key] for key in keys[:size]]
        best.append({"max": max(scores), "sum": sum(scores), "avg": sum(scores) / len(scores)}[scorer])
    reply = filled.service.execute(request)
    found: dict[str, list[float]] = {}
    for key, score in zip(reply.ids.to_pylist(), reply.scores.tolist(), strict=True):
        assert score == pytest.approx(totals[key], rel=1e-5)
        found.setdefault(_row(key)["kind"], []).append(score)
    order = [{"max": max(one), "sum": sum(one), "avg": sum(one) / len(one)}[scorer] for one in found.values()]
    np.testing.assert_allclose(order, sorted(best, reverse=True)[offset : offset + limit], rtol=1e-5)
    assert all(len(scores) == min(size, len(groups[kind])) for kind, scores in found.items())


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (DecayRanker("kind", "gauss", 0, 1), "it is a VarChar"),
        (DecayRanker("none", "gauss", 0, 1), "no such field"),
        (BoostRanker((Boost(1.0, "nonsense ("),)), "nonsense"),
        (BoostRanker((Boost(1.0, random_score=RandomScore(1, "kind")),)), "integer field"),
    ],
)
def test_rules_that_do_not_fit(filled: elanus.Database, rule: Rescoring, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        filled.service.execute(_search([0.0, 0.0], 3, rescoring=rule))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: DecayRanker("price", "cubic", 0, 1), "function"),
        (lambda: DecayRanker("price", "exp", math.nan, 1), "origin"),
        (lambda: DecayRanker("price", "exp", 0, 0), "scale"),
        (lambda: DecayRanker("price", "exp", 0, 1, offset=-1), "offset"),
        (lambda: DecayRanker("price", "exp", 0, 1, decay=1), "decay"),
        (lambda: DecayRanker("price", "exp", 0, 1, score_mode="min"), "score_mode"),
        (lambda: BoostRanker(()), "no boosts"),
        (lambda: Boost(math.inf), "weight"),
        (lambda: Collapse("best"), "strategy"),
        (lambda: Collapse("topk_sum"), "needs topk"),
        (lambda: Collapse("sum", 3), "takes no topk"),
    ],
)
def test_rules_that_make_no_sense(make: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        make()


@pytest.mark.parametrize("text", ["id < 0", "id == 7"])
def test_nothing_or_one_found(filled: elanus.Database, text: str) -> None:
    """Every way to join and rank hits, where there are none or one."""
    expected = [] if text == "id < 0" else [7]
    rows = _search([0.0, 0.0], 5, filter=text)
    elements = _search([0.0, 0.0], 5, field_name="chunks[emb]", filter=text)
    decay = DecayRanker("price", "exp", 0.0, 10.0)
    boost = BoostRanker((Boost(2.0, "id > 3"), Boost(1.0, random_score=RandomScore(1))))
    for rescoring in (decay, boost):
        reply = filled.service.execute(_search([0.0, 0.0], 5, filter=text, rescoring=rescoring))
        assert reply.ids.to_pylist() == expected
    for ranker in (elanus.RrfRanker(), elanus.WeightedRanker((0.5, 0.5)), decay):
        for searches in ((rows, rows), (rows, elements)):
            reply = filled.service.execute(HybridSearch("rows", searches, ranker, 5))
            assert reply.ids.to_pylist() == expected
        grouped = HybridSearch("rows", (rows, rows), ranker, 5, group_by=("kind",), group_size=2)
        assert filled.service.execute(grouped).ids.to_pylist() == expected
        both = filled.service.execute(HybridSearch("rows", (elements, elements), ranker, 5))
        assert set(both.ids.to_pylist()) == set(expected)
        assert both.elements is not None
