"""The path inside a JSON field that an index is on, as its definition writes it: as a filter would."""

from elanus.errors import InvalidInput
from elanus.expr.bound import JsonPath
from elanus.expr.operand_binder import BindingContext, OperandBinder
from elanus.expr.parser import parse_tree
from elanus.schema.collection import Schema

__all__ = ["index_path"]


def index_path(text: str, schema: Schema, field_name: str) -> JsonPath:
    """The path `text` names, which is inside the JSON field of that name; a bare field name is the whole value.

    Raises:
        InvalidInput: it is no path, or one inside another field (kind `invalid_index`).
    """
    try:
        operand = OperandBinder(text, BindingContext(schema, {})).operand(parse_tree(text))
    except InvalidInput as error:
        raise InvalidInput(
            "invalid_index", f"json_path {text!r} is no path: {error.message}", field=field_name
        ) from error
    if not isinstance(operand, JsonPath) or operand.name != field_name:
        raise InvalidInput(
            "invalid_index",
            f'json_path {text!r} is not inside the JSON field {field_name!r}, expected one as {field_name}["key"]',
            field=field_name,
        )
    return operand
