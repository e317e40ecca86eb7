"""Whether the service behind the server answers."""

from elanus.errors import ElanusError
from elanus.service.requests.base import Service
from elanus.service.requests.databases import ListDatabases

__all__ = ["unhealthy_reason"]


def unhealthy_reason(service: Service) -> str:
    """Why the service does not answer; empty when it does."""
    try:
        service.execute(ListDatabases())
    except ElanusError as error:
        return error.message
    return ""
