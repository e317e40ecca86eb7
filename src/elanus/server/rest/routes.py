"""What handlers of REST routes look like."""

from collections.abc import Callable, Mapping
from typing import Any

from elanus.server.rest.body import Body

__all__ = ["Handler", "Reply", "Routes", "done"]

Reply = dict[str, Any]
"""What a reply holds besides its code: always `data`, sometimes more."""

Handler = Callable[[Body], Reply]
"""Answers one route; raises ElanusError."""

Routes = Mapping[str, Handler]
"""Handlers by path below `/v2/vectordb/`."""


def done() -> Reply:
    """The reply of a request that has nothing to tell."""
    return {"data": {}}
