"""The table of wire codes."""

from collections.abc import Callable

import pytest

from elanus.errors import KINDS, Conflict, InvalidInput, NotFound, Unavailable
from elanus.server.codes import CODES, wire_code


def test_every_kind_has_a_row() -> None:
    assert set(CODES) == set(KINDS)


def test_the_whole_table(golden: Callable[[str, str], None]) -> None:
    lines = [
        f"{kind:24} {row.code:6} {row.legacy:3}{' retriable' if row.retriable else ''}"
        f"{' input' if row.is_input_error else ''}"
        for kind, row in CODES.items()
    ]
    golden("codes.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("collection_not_found", ""), 100),
        (Conflict("collection_not_loaded", ""), 101),
        (NotFound("partition_not_found", ""), 200),
        (NotFound("index_not_found", ""), 700),
        (NotFound("database_not_found", ""), 800),
        (InvalidInput("invalid_filter", ""), 1100),
        (NotFound("alias_not_found", ""), 1600),
        (Unavailable("rate_limited", ""), 8),
    ],
)
def test_the_codes_that_clients_steer_by(error: NotFound | Conflict | InvalidInput | Unavailable, code: int) -> None:
    assert wire_code(error).code == code


def test_no_kind_is_a_success() -> None:
    assert all(row.code != 0 and row.legacy != 0 for row in CODES.values())


def test_input_errors_are_never_retriable() -> None:
    assert not any(row.retriable and row.is_input_error for row in CODES.values())
