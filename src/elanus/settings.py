"""Values a user tunes. Components (stores, clocks, pools) are arguments elsewhere, never settings.

A setting comes from, later wins: the default here, a TOML file, the environment (`ELANUS_FLUSH_BYTES=...`), the call.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, Self, get_args

from elanus.errors import InvalidInput

__all__ = ["Durability", "Settings"]

Durability = Literal["fsync", "none"]

_MIB: Final = 1 << 20
_ENVIRONMENT_PREFIX: Final = "ELANUS_"
# Two are read by the kernel loader before any settings object exists, one chooses how long the package's tests run.
_NOT_SETTINGS: Final = frozenset({"ELANUS_SIMD", "ELANUS_KERNELS", "ELANUS_TEST_PROFILE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything tunable. Sizes are bytes, times are milliseconds, counts are inclusive maxima."""

    # When a write is acknowledged: after fdatasync of its log record, or as soon as the system has the bytes.
    durability: Durability = "fsync"

    # A growing segment is sealed when it holds this many bytes or rows, or is this old.
    flush_bytes: int = 256 * _MIB
    flush_rows: int = 4_000_000
    flush_interval_ms: int = 600_000
    # Writers wait when unflushed rows reach this many bytes.
    unflushed_bytes_max: int = 1024 * _MIB

    # Compaction merges segments up to this size, and rewrites one when this share of its rows is deleted. A search goes
    # through one index a segment, so fewer and larger ones are searched faster. But four of a size become one of four
    # times that size, and every such step writes a row again and may index it anew: from flushes of 256 MiB to 4 GiB
    # (1.3 million vectors of 768 floats) two steps, to 16 GiB three, whose last index takes half an hour to build, of
    # which nothing is kept when it is broken off.
    segment_bytes_max: int = 4096 * _MIB
    compaction_deleted_ratio: float = 0.2
    compaction_enabled: bool = True
    # A collection without a clustering key is divided by its partition key when compaction by key is asked for.
    clustering_by_partition_key: bool = False
    # Sealed segments have the values inside JSON documents in columns: a path's, when this share of the rows has a
    # value at it, for the most frequent paths of a field.
    json_shredding_enabled: bool = True
    json_shredding_share_min: float = 0.05
    json_shredding_path_count_max: int = 1024
    # Segments with fewer rows are searched exactly; building an index for them costs more than it saves.
    index_rows_min: int = 1024
    # Rows that are in no segment yet are indexed in memory, in the background, when so many are not indexed.
    growing_index_enabled: bool = True
    growing_index_rows_min: int = 4096

    # Worker threads for searches; 0 means one for each processor.
    search_thread_count: int = 0
    # Whether flushes, compactions and index builds happen by themselves. Without, they are done by whoever waits for
    # them: a flush call, a full memory, a wait for indexes.
    background_maintenance: bool = True
    # Rows times width in bytes above which one exact scan is split over the search threads.
    parallel_scan_bytes_min: int = 32 * _MIB

    # Log files are rotated at this size; versioned logs are checkpointed every so many commits.
    wal_file_bytes_max: int = 256 * _MIB
    checkpoint_commit_count: int = 64
    # Inserts of this size or more are kept as views of the log file instead of in memory of their own (with
    # durability "fsync").
    wal_view_bytes_min: int = 2 * _MIB

    # Limits on requests (the numbers of Milvus).
    request_bytes_max: int = 64 * _MIB
    reply_bytes_max: int = 256 * _MIB
    topk_max: int = 16_384
    query_vector_count_max: int = 16_384
    aggregation_group_count_max: int = 1_000_000
    # Queries times buckets of all levels times hits of each; 0 allows any number.
    facet_entry_count_max: int = 10_000
    group_size_max: int = 10
    # Searches that go on (iterators) whose state is kept between batches, and for how long nobody may ask for it.
    search_cursor_count_max: int = 64
    search_cursor_idle_ms: int = 600_000
    field_count_max: int = 64
    vector_field_count_max: int = 4
    partition_count_max: int = 1024
    shard_count_max: int = 16
    database_count_max: int = 64
    collection_count_max: int = 65_536
    # Collections without a partition key are refused, so that tenants cannot forget it.
    partition_key_required: bool = False

    # Part of generated ids, so that up to eight installations never make the same one.
    cluster_id: int = 0

    # Server.
    host: str = "127.0.0.1"
    port: int = 19_530
    management_port: int = 9_091
    server_thread_count: int = 16
    server_connection_count_max: int = 10_000
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, field.type, getattr(self, field.name))
        if not 0 <= self.cluster_id <= 7:
            raise InvalidInput("out_of_range", f"setting cluster_id is {self.cluster_id}, expected 0 to 7")

    @classmethod
    def load(cls, *, file: Path | None = None, environment: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Settings from a TOML file (flat keys), then the environment, then `overrides`.

        Raises:
            InvalidInput: a file that cannot be read, an unknown key, or a value of the wrong type.
        """
        values: dict[str, Any] = {}
        if file is not None:
            values.update(_read_toml(file))
        source = os.environ if environment is None else environment
        for name, text in source.items():
            if name.startswith(_ENVIRONMENT_PREFIX) and name not in _NOT_SETTINGS:
                values[name.removeprefix(_ENVIRONMENT_PREFIX).lower()] = text
        values.update({name: value for name, value in overrides.items() if value is not None})
        known = {field.name: field.type for field in fields(cls)}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InvalidInput("invalid_argument", f"unknown setting {unknown[0]!r}; known: {', '.join(sorted(known))}")
        return cls(**{name: _parse(name, known[name], value) for name, value in values.items()})

    def with_changes(self, **changes: Any) -> Self:
        """The same settings with some values replaced."""
        return replace(self, **changes)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput("invalid_argument", f"settings file {file} cannot be read: {error}") from error


def _parse(name: str, expected: Any, value: Any) -> Any:
    if not isinstance(value, str) or expected is str or get_args(expected):
        return value
    try:
        if expected is bool:
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        return expected(value)
    except (KeyError, ValueError):
        raise InvalidInput(
            "invalid_argument", f"setting {name} is {value!r}, expected {_type_name(expected)}"
        ) from None


def _check(name: str, expected: Any, value: Any) -> None:
    choices = get_args(expected)
    if choices:
        if value not in choices:
            raise InvalidInput("invalid_argument", f"setting {name} is {value!r}, expected one of {', '.join(choices)}")
        return
    accepted = (int, float) if expected is float else expected
    if not isinstance(value, accepted) or (expected is not bool and isinstance(value, bool)):
        raise InvalidInput("invalid_argument", f"setting {name} is {value!r}, expected {_type_name(expected)}")
    if isinstance(value, int | float) and not isinstance(value, bool) and not value >= 0:
        raise InvalidInput("out_of_range", f"setting {name} is {value}, expected 0 or more")


def _type_name(expected: Any) -> str:
    return expected.__name__ if isinstance(expected, type) else str(expected)
