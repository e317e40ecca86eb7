"""Indexes."""

import enum
from dataclasses import dataclass, field
from typing import Any

from elanus.schema.collection import IndexDefinition
from elanus.service.requests.base import DEFAULT_DATABASE, Request

__all__ = ["AlterIndex", "BuildState", "CreateIndex", "DescribeIndexes", "DropIndex", "IndexInfo", "WaitForIndexes"]


class BuildState(enum.StrEnum):
    """How far an index is built."""

    PENDING = "Unissued"
    BUILDING = "InProgress"
    FINISHED = "Finished"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """An index and how much of the collection it covers.

    Attributes:
        total_row_count: rows in sealed segments.
        indexed_row_count: those whose segment has the index, or is too small to need one.
        failure: the text of the last failed build.
    """

    definition: IndexDefinition
    state: BuildState
    total_row_count: int
    indexed_row_count: int
    failure: str = ""


@dataclass(frozen=True, slots=True)
class CreateIndex(Request[None]):
    """An index on a field. It is built in the background; until then searches scan.

    Attributes:
        metric: empty for the field type's default.
        params: build parameters; numbers may come as text.
        settings: settings that do not change how it is built, as `AlterIndex` takes them.
    """

    collection: str
    field_name: str
    index_type: str = "AUTOINDEX"
    metric: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    index_name: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class DropIndex(Request[None]):
    """By index name or field name. No error if there is none.

    Attributes:
        while_loaded: also when the collection is loaded, which the Milvus protocol forbids for vector fields.
    """

    collection: str
    name: str
    while_loaded: bool = False
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class AlterIndex(Request[None]):
    """Sets or removes settings of an index that do not change how it is built (`mmap.enabled`, `warmup`)."""

    collection: str
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class DescribeIndexes(Request[list[IndexInfo]]):
    """Every index, or the one of an index or field name. Raises NotFound when a name is given and nothing has it."""

    collection: str
    name: str = ""
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class WaitForIndexes(Request[bool]):
    """Returns when every sealed segment has its indexes; False when the time is over first, None waits for ever."""

    collection: str
    timeout_s: float | None = None
    database: str = DEFAULT_DATABASE
