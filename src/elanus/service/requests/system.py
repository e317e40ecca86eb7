"""What concerns the whole and no collection."""

from dataclasses import dataclass

from elanus.service.requests.base import Request

__all__ = ["GetTimestamp"]


@dataclass(frozen=True, slots=True)
class GetTimestamp(Request[int]):
    """A hybrid timestamp above that of every write acknowledged so far; also an id nobody else has."""
