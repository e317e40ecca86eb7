"""What all requests share."""

from typing import Generic, Protocol, TypeVar

__all__ = ["DEFAULT_DATABASE", "Request", "Service"]

_Reply = TypeVar("_Reply")
_Reply_co = TypeVar("_Reply_co", covariant=True)

DEFAULT_DATABASE = "default"


class Request(Generic[_Reply_co]):
    """A request whose answer is a `_Reply_co`. Subclasses are frozen dataclasses."""

    __slots__ = ()


class Service(Protocol):
    """Whoever answers requests: the engine's owner, or a connection to it."""

    def execute(self, request: Request[_Reply]) -> _Reply:
        """The reply to a request.

        Raises:
            ElanusError: whatever went wrong.
        """
        ...

    def close(self) -> None: ...
