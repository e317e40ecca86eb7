"""Statuses: how every reply says whether it worked."""

from typing import Any

from elanus.errors import ElanusError
from elanus.server.codes import wire_code
from elanus.server.grpc.stubs import common_pb2

__all__ = ["failed_status", "refuse", "reply_status", "success"]

# Where a reply keeps its status when it is not called `status`.
_STATUS_FIELDS = {"AlterCollectionSchemaResponse": "alter_status"}


def success() -> common_pb2.Status:
    """The status of a request that was done."""
    return common_pb2.Status()


def failed_status(error: ElanusError) -> common_pb2.Status:
    """The status that tells a client of an error; both its codes agree."""
    codes = wire_code(error)
    status = common_pb2.Status(
        error_code=codes.legacy,
        code=codes.code,
        reason=error.message,
        detail=error.kind,
        retriable=codes.retriable,
    )
    if codes.is_input_error:
        status.extra_info["is_input_error"] = "true"
    return status


def refuse(reply_class: Any, error: ElanusError) -> Any:
    """A reply of the class that holds nothing but the error."""
    status = failed_status(error)
    if reply_class is common_pb2.Status:
        return status
    reply = reply_class()
    reply_status(reply).CopyFrom(status)
    return reply


def reply_status(reply: Any) -> common_pb2.Status:
    """The status inside a reply (the reply itself, if it is one)."""
    if isinstance(reply, common_pb2.Status):
        return reply
    return getattr(reply, _STATUS_FIELDS.get(type(reply).__name__, "status"))
