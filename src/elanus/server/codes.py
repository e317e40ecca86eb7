"""What Milvus clients are told for each kind of error: one table, the only place that knows their codes.

The numbers are Milvus's public ones; clients steer by a few of them (a missing collection or index, a rate limit, a
changed schema) and show the rest. `legacy` is the older enumeration that rides along in `Status.error_code`.
"""

from dataclasses import dataclass
from typing import Final

from elanus.errors import KINDS, ElanusError, InvalidInput, Unavailable

__all__ = ["CODES", "UNCLASSIFIED", "WireCode", "wire_code"]

UNCLASSIFIED: Final = 65_535

_UNEXPECTED: Final = 1
_PERMISSION_DENIED: Final = 3
_COLLECTION_NOT_EXISTS: Final = 4
_ILLEGAL_ARGUMENT: Final = 5
_INDEX_NOT_EXIST: Final = 25
_RATE_LIMIT: Final = 49
_SCHEMA_MISMATCH: Final = 62


@dataclass(frozen=True, slots=True)
class WireCode:
    """The codes of one kind of error.

    Attributes:
        code: the present code.
        legacy: the number of the older `ErrorCode` enumeration.
        retriable: the same request may succeed later.
        is_input_error: the caller has to change the request.
    """

    code: int
    legacy: int = _UNEXPECTED
    retriable: bool = False
    is_input_error: bool = False


_NUMBERS: Final[dict[str, tuple[int, int]]] = {
    "invalid_argument": (1100, _ILLEGAL_ARGUMENT),
    "invalid_name": (1100, _ILLEGAL_ARGUMENT),
    "invalid_schema": (1100, _ILLEGAL_ARGUMENT),
    "invalid_value": (1100, _ILLEGAL_ARGUMENT),
    "type_mismatch": (1100, _ILLEGAL_ARGUMENT),
    "dimension_mismatch": (1100, _ILLEGAL_ARGUMENT),
    "length_exceeded": (1100, _ILLEGAL_ARGUMENT),
    "out_of_range": (1100, _ILLEGAL_ARGUMENT),
    "not_finite": (1100, _ILLEGAL_ARGUMENT),
    "missing_field": (1100, _ILLEGAL_ARGUMENT),
    "unknown_field": (1100, _ILLEGAL_ARGUMENT),
    "null_not_allowed": (1100, _ILLEGAL_ARGUMENT),
    "row_count_mismatch": (1100, _ILLEGAL_ARGUMENT),
    "limit_exceeded": (1100, _ILLEGAL_ARGUMENT),
    "invalid_filter": (1100, _ILLEGAL_ARGUMENT),
    "invalid_index": (1100, _ILLEGAL_ARGUMENT),
    "metric_mismatch": (1100, _ILLEGAL_ARGUMENT),
    "not_supported": (1100, _ILLEGAL_ARGUMENT),
    "missing_parameter": (1802, _ILLEGAL_ARGUMENT),
    "malformed_request": (1801, _ILLEGAL_ARGUMENT),
    "data_changed": (1100, _ILLEGAL_ARGUMENT),
    "database_not_found": (800, _UNEXPECTED),
    "collection_not_found": (100, _COLLECTION_NOT_EXISTS),
    "partition_not_found": (200, _UNEXPECTED),
    "field_not_found": (1700, _UNEXPECTED),
    "index_not_found": (700, _INDEX_NOT_EXIST),
    "alias_not_found": (1600, _UNEXPECTED),
    "entity_not_found": (UNCLASSIFIED, _UNEXPECTED),
    "object_not_found": (1000, _UNEXPECTED),
    "database_exists": (UNCLASSIFIED, _UNEXPECTED),
    "collection_exists": (UNCLASSIFIED, _UNEXPECTED),
    "partition_exists": (UNCLASSIFIED, _UNEXPECTED),
    "alias_exists": (1602, _UNEXPECTED),
    "index_exists": (702, _UNEXPECTED),
    "object_exists": (UNCLASSIFIED, _UNEXPECTED),
    "schema_mismatch": (109, _SCHEMA_MISMATCH),
    "collection_not_loaded": (101, _UNEXPECTED),
    "database_not_empty": (UNCLASSIFIED, _UNEXPECTED),
    "dependency_exists": (UNCLASSIFIED, _UNEXPECTED),
    "operation_not_allowed": (UNCLASSIFIED, _UNEXPECTED),
    "snapshot_gone": (UNCLASSIFIED, _UNEXPECTED),
    "outcome_unknown": (UNCLASSIFIED, _UNEXPECTED),
    "unauthenticated": (1400, _PERMISSION_DENIED),
    "permission_denied": (1401, _PERMISSION_DENIED),
    "closed": (2, _UNEXPECTED),
    "busy": (8, _RATE_LIMIT),
    "owner_lost": (2, _UNEXPECTED),
    "rate_limited": (8, _RATE_LIMIT),
    "storage_failed": (1001, _UNEXPECTED),
    "cancelled": (2, _UNEXPECTED),
    "not_installed": (10, _UNEXPECTED),
    "checksum_mismatch": (5, _UNEXPECTED),
    "malformed_file": (5, _UNEXPECTED),
    "missing_file": (5, _UNEXPECTED),
    "newer_format": (5, _UNEXPECTED),
    "internal": (UNCLASSIFIED, _UNEXPECTED),
}

# Retrying does not install a package or move a collection back.
_NEVER_RETRIED: Final = frozenset({"not_installed"})

CODES: Final[dict[str, WireCode]] = {
    kind: WireCode(
        code,
        legacy,
        retriable=KINDS[kind] is Unavailable and kind not in _NEVER_RETRIED,
        is_input_error=KINDS[kind] is InvalidInput,
    )
    for kind, (code, legacy) in _NUMBERS.items()
}
"""The codes of every registered kind."""


def wire_code(error: ElanusError) -> WireCode:
    """The codes of an error."""
    return CODES[error.kind]
