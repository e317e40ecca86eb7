"""What can go wrong, grouped by what the caller does next.

ElanusError
├── InvalidInput    change the request; nothing was written
├── NotFound        the thing named does not exist
├── AlreadyExists   the name is taken
├── Conflict        the state forbids it now (schema changed, partition loaded, ...)
├── Denied          not allowed for this user
├── Unavailable     try again later, or elsewhere
├── DataCorrupt     a file on disk is damaged or newer than this program; the message names it
└── Internal        our own mistake; please report it

Every error carries a `kind`: a stable word for the precise cause. Kinds are append-only; wire codes hang on them.
A message says what happened, to which value or row, what was expected, and what to do.
"""

from typing import Final

__all__ = [
    "KINDS",
    "AlreadyExists",
    "Conflict",
    "DataCorrupt",
    "Denied",
    "ElanusError",
    "Internal",
    "InvalidInput",
    "NotFound",
    "Unavailable",
]


class ElanusError(Exception):
    """Base of every error this package raises on purpose.

    Attributes:
        kind: stable word for the cause, one of `KINDS`.
        message: the text for people.
        field: the field the error is about, if there is one.
        row: the row of the caller's batch the error is about (from 0), if there is one.
    """

    def __init__(self, kind: str, message: str, *, field: str | None = None, row: int | None = None) -> None:
        super().__init__(message)
        assert KINDS.get(kind) is type(self), f"error kind {kind!r} is not registered for {type(self).__name__}"
        self.kind: Final = kind
        self.message: Final = message
        self.field: Final = field
        self.row: Final = row

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.kind, self.message, self.field, self.row))


class InvalidInput(ElanusError, ValueError):
    """The request is wrong and was refused whole."""


class NotFound(ElanusError, LookupError):
    """The collection, partition, field, index or alias named does not exist."""


class AlreadyExists(ElanusError):
    """The name is taken."""


class Conflict(ElanusError):
    """The present state forbids the request; a changed state may allow it."""


class Denied(ElanusError, PermissionError):
    """Not allowed."""


class Unavailable(ElanusError):
    """Cannot be served now; retrying may help."""


class DataCorrupt(ElanusError):
    """A file is damaged, missing, or written by a newer version."""


class Internal(ElanusError):
    """A mistake of ours."""


_BY_TYPE: Final[dict[type[ElanusError], tuple[str, ...]]] = {
    InvalidInput: (
        "invalid_argument",
        "invalid_name",
        "invalid_schema",
        "invalid_value",
        "type_mismatch",
        "dimension_mismatch",
        "length_exceeded",
        "out_of_range",
        "not_finite",
        "missing_field",
        "unknown_field",
        "null_not_allowed",
        "row_count_mismatch",
        "limit_exceeded",
        "invalid_filter",
        "invalid_index",
        "metric_mismatch",
        "not_supported",
        "missing_parameter",
        "malformed_request",
        "data_changed",
    ),
    NotFound: (
        "database_not_found",
        "collection_not_found",
        "partition_not_found",
        "field_not_found",
        "index_not_found",
        "alias_not_found",
        "entity_not_found",
        "object_not_found",
    ),
    AlreadyExists: (
        "database_exists",
        "collection_exists",
        "partition_exists",
        "alias_exists",
        "index_exists",
        "object_exists",
    ),
    Conflict: (
        "schema_mismatch",
        "collection_not_loaded",
        "database_not_empty",
        "dependency_exists",
        "operation_not_allowed",
        "snapshot_gone",
        "outcome_unknown",
    ),
    Denied: ("unauthenticated", "permission_denied"),
    Unavailable: ("closed", "busy", "owner_lost", "rate_limited", "storage_failed", "cancelled", "not_installed"),
    DataCorrupt: ("checksum_mismatch", "malformed_file", "missing_file", "newer_format"),
    Internal: ("internal",),
}

KINDS: Final[dict[str, type[ElanusError]]] = {kind: cls for cls, kinds in _BY_TYPE.items() for kind in kinds}


def _rebuild(kind: str, message: str, field: str | None, row: int | None) -> ElanusError:
    return KINDS[kind](kind, message, field=field, row=row)
