"""Values for placeholders of filters."""

from typing import Any

import pytest

from elanus.errors import InvalidInput
from elanus.server.grpc.stubs import schema_pb2
from elanus.server.grpc.templates import filter_params_from_messages


@pytest.mark.parametrize(
    "value",
    [
        True, 7, 1 << 62, 0.25, "text", [], [1, 2], [True, False], [0.5], ["a", "b"], [[1], [2, 3]], [1, 2.5],
        [1, {"b": [2]}, None],
    ],
)  # fmt: skip
def test_what_pymilvus_packs_is_unpacked(value: Any) -> None:
    from pymilvus.client.prepare import Prepare

    packed = Prepare.prepare_expression_template({"x": value})
    assert filter_params_from_messages(packed) == {"x": value}


@pytest.mark.parametrize(
    "message",
    [
        schema_pb2.TemplateValue(),
        schema_pb2.TemplateValue(array_val=schema_pb2.TemplateArrayValue(json_data={"data": [b"{"]})),
    ],
)
def test_what_is_no_value(message: Any) -> None:
    with pytest.raises(InvalidInput, match="filter parameter 'x'") as raised:
        filter_params_from_messages({"x": message})
    assert raised.value.kind == "invalid_filter"
