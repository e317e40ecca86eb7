"""Options of a search from the levels clients spread them over."""

from typing import Any

import pytest

from elanus.errors import InvalidInput
from elanus.server.search_options import (
    LATER_OPTIONS,
    IteratorBatch,
    SearchOptions,
    merge_options,
    refuse_later_options,
)


def test_the_form_pymilvus_sends() -> None:
    outer = {
        "topk": "10",
        "round_decimal": "-1",
        "ignore_growing": "False",
        "offset": "5",
        "metric_type": "L2",
        "anns_field": "vector",
        "collection_id": "7",
    }
    nested = {"offset": 5, "metric_type": "L2", "nprobe": 16, "radius": 1.5}
    assert merge_options(outer, nested) == SearchOptions(
        limit=10,
        offset=5,
        metric="L2",
        field_name="vector",
        collection_id=7,
        params={"nprobe": 16, "radius": 1.5},
    )


def test_flat_parameters_of_the_index() -> None:
    assert merge_options({"topk": 3, "ef": "64"}, {}).params == {"ef": "64"}


def test_a_default_on_the_outer_level_gives_way() -> None:
    options = merge_options({"topk": 1, "round_decimal": "-1"}, {"round_decimal": 2})
    assert options.round_decimals == 2


@pytest.mark.parametrize(
    ("outer", "nested", "name"),
    [
        ({"offset": "1"}, {"offset": 2}, "offset"),
        ({"metric_type": "L2"}, {"metric_type": "IP"}, "metric_type"),
        ({"ef": "10"}, {"ef": 20}, "ef"),
    ],
)
def test_two_values_for_one_option(outer: dict[str, Any], nested: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidInput, match=f"ambiguous option {name}"):
        merge_options({"topk": 1, **outer}, nested)


@pytest.mark.parametrize("name", sorted(LATER_OPTIONS))
def test_later_options_are_refused_on_both_levels(name: str) -> None:
    for outer, nested in (({name: "x"}, {}), ({}, {name: "x"})):
        with pytest.raises(InvalidInput, match=rf"{name}\) is not supported yet"):
            merge_options({"topk": 1, **outer}, nested)


@pytest.mark.parametrize("value", ["", "0", "False", "None", False, None, []])
def test_later_options_that_ask_for_nothing(value: object) -> None:
    refuse_later_options({"group_size": value})
    assert merge_options({"topk": 1}, {"strict_group_size": False}).limit == 1


@pytest.mark.parametrize(("name", "value"), [("hints", "iterative_filter"), ("hints", ""), ("page_retain_order", True)])
def test_advice_that_changes_no_answer(name: str, value: object) -> None:
    assert merge_options({"topk": 1}, {name: value}).params == {}


def test_unknown_advice() -> None:
    with pytest.raises(InvalidInput, match="hints is 'magic'"):
        merge_options({"topk": 1}, {"hints": "magic"})


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"group_by_field": "author"}, ("author",)),
        ({"group_by_fields": "author, year"}, ("author", "year")),
        ({"group_by_fields": ["author"], "group_by_field": "author"}, ("author",)),
        ({"group_size": "3"}, ()),
    ],
)
def test_fields_to_group_by(given: dict[str, Any], fields: tuple[str, ...]) -> None:
    options = merge_options({"topk": 5, "strict_group_size": "True"}, given)
    assert options.group_by == fields
    assert options.strict_group_size
    assert options.group_size == int(given.get("group_size", 1))


def test_two_ways_to_group() -> None:
    with pytest.raises(InvalidInput, match="ambiguous option group_by_field"):
        merge_options({"topk": 5}, {"group_by_field": "a", "group_by_fields": "a,b"})


def test_the_first_batch_of_an_iterator_has_no_token() -> None:
    options = merge_options(
        {"topk": 1, "iterator": "True", "search_iter_v2": "True", "search_iter_batch_size": "1"}, {}
    )
    assert options == SearchOptions(limit=1, is_iterator=True, batch=IteratorBatch(size=1))


def test_a_later_batch_of_an_iterator_brings_back_what_it_was_given() -> None:
    options = merge_options(
        {"topk": 5, "search_iter_v2": "True", "search_iter_id": "ab", "search_iter_last_bound": "3.0"}, {}
    )
    assert options.batch == IteratorBatch(size=5, number=3, token="ab")


@pytest.mark.parametrize("bound", ["near", "-1", "0.5", "nan", None])
def test_a_bound_the_server_did_not_give(bound: Any) -> None:
    given = {"topk": 5, "search_iter_v2": "True", "search_iter_id": "ab", "search_iter_last_bound": bound}
    if bound is None:
        assert merge_options(given, {}).batch == IteratorBatch(size=5, token="ab")
        return
    with pytest.raises(InvalidInput, match="expected what the server gave with the batch before"):
        merge_options(given, {})


@pytest.mark.parametrize(("name", "value"), [("topk", "ten"), ("offset", "1.5"), ("ignore_growing", "maybe")])
def test_values_of_the_wrong_form(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        merge_options({"topk": "1", name: value}, {})
