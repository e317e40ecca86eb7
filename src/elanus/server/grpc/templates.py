"""Values for the placeholders of a filter: from the protocol's template values to Python."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from elanus.errors import InvalidInput
from elanus.server.grpc.stubs import schema_pb2

__all__ = ["filter_params_from_messages"]

_json_decode: Final = msgspec.json.Decoder().decode
_PLAIN: Final = frozenset({"bool_val", "int64_val", "float_val", "string_val", "bytes_val"})


def filter_params_from_messages(values: Mapping[str, schema_pb2.TemplateValue]) -> dict[str, Any]:
    """The values by placeholder name; arrays become lists.

    Raises:
        InvalidInput: a value without content, or elements that are not JSON.
    """
    return {name: _value(name, message) for name, message in values.items()}


def _value(name: str, message: schema_pb2.TemplateValue) -> Any:
    arm = message.WhichOneof("val")
    if arm in _PLAIN:
        return getattr(message, arm)
    if arm == "array_val":
        return _array(name, message.array_val)
    raise InvalidInput(
        "invalid_filter",
        f"filter parameter {name!r} has no value, expected a boolean, number, string, bytes, or a list of them",
    )


def _array(name: str, message: schema_pb2.TemplateArrayValue) -> list[Any]:
    arm = message.WhichOneof("data")
    if arm is None:
        return []
    elements = getattr(message, arm).data
    if arm == "array_data":
        return [_array(name, element) for element in elements]
    if arm != "json_data":
        return list(elements)
    try:
        return [_json_decode(element) for element in elements]
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(
            "invalid_filter", f"filter parameter {name!r} has an element that is no JSON: {error}"
        ) from None
