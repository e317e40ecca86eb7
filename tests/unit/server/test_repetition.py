"""Requests for what is so already."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from elanus.errors import AlreadyExists, ElanusError, NotFound
from elanus.server.repetition import create_collection, create_partition, drop_collection, drop_partition
from elanus.service.requests.collections import (
    CollectionInfo,
    CreateCollection,
    CreatePartition,
    DescribeCollection,
    DropCollection,
    DropPartition,
)
from tests.unit.server.conftest import FakeService


def _same(books: CollectionInfo) -> CreateCollection:
    schema = books.schema.with_fields(field.with_id(-1) for field in books.schema.fields)
    return CreateCollection("books", schema, shard_count=2)


@pytest.fixture
def taken(service: FakeService, books: CollectionInfo) -> FakeService:
    service.replies = {
        CreateCollection: AlreadyExists("collection_exists", "taken"),
        DescribeCollection: books,
    }
    return service


def test_the_same_collection_again(taken: FakeService, books: CollectionInfo) -> None:
    create_collection(taken, _same(books))
    assert taken.last(DescribeCollection) == DescribeCollection("books")


@pytest.mark.parametrize(
    "change",
    [
        lambda request: replace(request, shard_count=1),
        lambda request: replace(request, consistency_level="Strong"),
        lambda request: replace(request, schema=replace(request.schema, description="other")),
        lambda request: replace(request, schema=request.schema.with_fields(request.schema.fields[1:])),
        lambda request: replace(request, name="library"),
    ],
)
def test_another_collection_of_that_name(
    taken: FakeService, books: CollectionInfo, change: Callable[[Any], Any]
) -> None:
    with pytest.raises(AlreadyExists, match="with other parameters"):
        create_collection(taken, change(_same(books)))


@pytest.mark.parametrize(
    ("call", "request_", "error"),
    [
        (drop_collection, DropCollection("c"), NotFound("collection_not_found", "")),
        (create_partition, CreatePartition("c", "p"), AlreadyExists("partition_exists", "")),
        (drop_partition, DropPartition("c", "p"), NotFound("partition_not_found", "")),
    ],
)
def test_what_is_so_already_is_done(service: FakeService, call: Any, request_: Any, error: ElanusError) -> None:
    service.replies[type(request_)] = error
    call(service, request_)
    assert service.requests == [request_]


@pytest.mark.parametrize(
    ("call", "request_", "error"),
    [
        (create_collection, CreateCollection("c", None), AlreadyExists("alias_exists", "")),  # type: ignore[arg-type]
        (drop_collection, DropCollection("c"), NotFound("database_not_found", "")),
        (create_partition, CreatePartition("c", "p"), NotFound("collection_not_found", "")),
        (drop_partition, DropPartition("c", "p"), NotFound("collection_not_found", "")),
    ],
)
def test_other_errors_are_errors(service: FakeService, call: Any, request_: Any, error: ElanusError) -> None:
    service.replies[type(request_)] = error
    with pytest.raises(type(error)):
        call(service, request_)
