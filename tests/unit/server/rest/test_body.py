"""Typed access to a request's JSON object."""

from typing import Any

import pytest

from elanus.errors import InvalidInput
from elanus.server.rest.body import Body


def test_values_under_several_spellings() -> None:
    body = Body({"autoId": True, "n": "5", "names": ["a"], "part": {"x": 1}, "empty": None})
    assert body.flag("autoID", "autoId")
    assert body.integer("n") == 5
    assert body.texts("names") == body.required_texts("names") == ("a",)
    assert body.part("part").integer("x") == 1
    assert body.text("empty", default="d") == "d"
    assert body.value("missing") is None
    assert body.mapping("missing") == {}
    assert body.parts("missing") == []
    assert not body.flag("missing")


def test_the_database() -> None:
    assert Body({}).database == "default"
    assert Body({}, database="header").database == "header"
    assert Body({"dbName": "body"}, database="header").database == "body"
    assert Body({"dbName": ""}).database == "default"


@pytest.mark.parametrize(
    "read",
    [
        lambda body: body.text("missing"),
        lambda body: body.text("blank"),
        lambda body: body.integer("missing"),
        lambda body: body.items("missing"),
        lambda body: body.required_texts("missing"),
        lambda body: body.collection,
    ],
)
def test_what_is_required_is_named(read: Any) -> None:
    with pytest.raises(InvalidInput, match="missing required parameters: ") as raised:
        read(Body({"blank": ""}))
    assert raised.value.kind == "missing_parameter"


@pytest.mark.parametrize(
    "read",
    [
        lambda body: body.text("x"),
        lambda body: body.texts("x"),
        lambda body: body.mapping("x"),
        lambda body: body.parts("x"),
        lambda body: body.items("x"),
        lambda body: body.database,
    ],
)
def test_values_of_another_form(read: Any) -> None:
    with pytest.raises(InvalidInput, match=r"is 5, expected (a|an) ") as raised:
        read(Body({"x": 5, "dbName": 5}))
    assert raised.value.kind == "malformed_request"


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(InvalidInput) as raised:
        Body({"x": "y" * 1000}).items("x")
    assert len(raised.value.message) < 120


def test_later_parts_are_refused_when_they_ask_for_something() -> None:
    Body({"later": None, "rerank": []}).refuse({"later": "it", "rerank": "that"})
    with pytest.raises(InvalidInput, match=r"that \(rerank\) is not supported yet"):
        Body({"rerank": {"strategy": "rrf"}}).refuse({"later": "it", "rerank": "that"})
