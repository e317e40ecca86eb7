"""The field a search is over."""

import pytest

from elanus.errors import InvalidInput, NotFound
from elanus.schema.collection import Schema
from elanus.server.targets import searched_field
from elanus.service.requests.collections import CollectionInfo


def test_by_name_or_the_only_one(books: CollectionInfo) -> None:
    assert searched_field(books.schema, "sparse").name == "sparse"
    single = Schema(tuple(field for field in books.schema.user_fields if field.name != "sparse"))
    assert searched_field(single, "").name == "vector"


def test_several_fields_need_a_name(books: CollectionInfo) -> None:
    with pytest.raises(InvalidInput, match=r"several vector fields \(vector, sparse\)"):
        searched_field(books.schema, "")


def test_names_that_are_wrong(books: CollectionInfo) -> None:
    with pytest.raises(NotFound, match="no field 'nope'"):
        searched_field(books.schema, "nope")
    with pytest.raises(InvalidInput, match=r"field 'title' is a VarChar\(64\)"):
        searched_field(books.schema, "title")
    with pytest.raises(NotFound, match=r"no field 'chunks\[vector\]'"):
        searched_field(books.schema, "chunks[vector]")
