"""Requests that Milvus answers with success when what they ask for is so already.

Programs lean on it: a notebook that is run again creates the same collection, a cleanup drops what was never made. The
service says that the name is taken or missing; here that is compared with what was asked for.
"""

from elanus.errors import AlreadyExists, NotFound
from elanus.schema.collection import Schema
from elanus.schema.field import UNASSIGNED_ID
from elanus.service.requests.base import Service
from elanus.service.requests.collections import (
    CreateCollection,
    CreatePartition,
    DescribeCollection,
    DropCollection,
    DropPartition,
)

__all__ = ["create_collection", "create_partition", "drop_collection", "drop_partition"]


def create_collection(service: Service, request: CreateCollection) -> None:
    """Creates a collection; nothing happens when there is the very same one.

    Raises:
        AlreadyExists: the name is that of another collection.
        ElanusError: whatever else goes wrong.
    """
    try:
        service.execute(request)
    except AlreadyExists as error:
        if error.kind != "collection_exists":
            raise
        info = service.execute(DescribeCollection(request.name, request.database))
        same = (
            info.name == request.name
            and _without_ids(info.schema) == _without_ids(request.schema)
            and info.shard_count == request.shard_count
            and info.consistency_level == request.consistency_level
        )
        if not same:
            raise AlreadyExists(
                "collection_exists",
                f"collection {request.name!r} exists already, with other parameters; drop it or take another name",
            ) from error


def drop_collection(service: Service, request: DropCollection) -> None:
    """Drops a collection; nothing happens when there is none."""
    try:
        service.execute(request)
    except NotFound as error:
        if error.kind != "collection_not_found":
            raise


def create_partition(service: Service, request: CreatePartition) -> None:
    """Creates a partition; nothing happens when there is one of that name."""
    try:
        service.execute(request)
    except AlreadyExists as error:
        if error.kind != "partition_exists":
            raise


def drop_partition(service: Service, request: DropPartition) -> None:
    """Drops a partition; nothing happens when there is none."""
    try:
        service.execute(request)
    except NotFound as error:
        if error.kind != "partition_not_found":
            raise


def _without_ids(schema: Schema) -> Schema:
    return schema.with_fields(field.with_id(UNASSIGNED_ID) for field in schema.fields)
