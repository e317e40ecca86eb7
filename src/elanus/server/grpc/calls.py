"""What every remote call shares: who calls which database, and the shape of a handler."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elanus.service.requests.base import DEFAULT_DATABASE

__all__ = ["Call", "Handler", "Handlers", "call_of"]


@dataclass(frozen=True, slots=True)
class Call:
    """What comes beside the request of a call.

    Attributes:
        named_database: the database in the call's metadata, empty for none.
    """

    named_database: str = ""

    def database(self, request: Any) -> str:
        """The database a request is about: its own, else the call's, else the default one."""
        return str(request.db_name) or self.named_database or DEFAULT_DATABASE


Handler = Callable[[Any, Call], Any]
"""Answers one kind of request; raises ElanusError."""

Handlers = Mapping[str, Handler]
"""Handlers by the name of their call."""


def call_of(metadata: Iterable[tuple[str, str | bytes]] | None) -> Call:
    """The call that metadata describes."""
    for key, value in metadata or ():
        if key == "dbname":
            return Call(value.decode() if isinstance(value, bytes) else value)
    return Call()
