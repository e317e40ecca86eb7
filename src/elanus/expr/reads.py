"""What a bound condition reads: fields, and paths inside JSON fields."""

from collections.abc import Iterator

from elanus.expr.bound import (
    Always,
    And,
    Arithmetic,
    ArrayColumn,
    Column,
    CompareJson,
    CompareOperands,
    Condition,
    Constant,
    Element,
    EqualsList,
    Exists,
    InJson,
    IsNullDocument,
    JsonPath,
    Length,
    MatchElements,
    Negation,
    Not,
    Operand,
    Or,
)
from elanus.expr.json_paths import Steps

__all__ = ["field_names", "json_paths"]


def field_names(condition: Condition) -> frozenset[str]:
    """The fields whose columns are needed to evaluate the condition."""
    return frozenset(node.name for node in _reading(condition))


def json_paths(condition: Condition) -> dict[str, tuple[Steps, ...]]:
    """The distinct paths read inside each JSON field."""
    paths: dict[str, dict[Steps, None]] = {}
    for node in _reading(condition):
        if isinstance(node, JsonPath):
            paths.setdefault(node.name, {})[node.steps] = None
    return {name: tuple(steps) for name, steps in paths.items()}


def _reading(condition: Condition) -> Iterator[Column | ArrayColumn | JsonPath | IsNullDocument]:
    """The nodes that read a column."""
    waiting: list[Condition | Operand] = [condition]
    while waiting:
        node = waiting.pop()
        match node:
            case Column() | ArrayColumn() | JsonPath() | IsNullDocument():
                yield node
            case And() | Or():
                waiting.extend(node.operands)
            case CompareOperands() | Arithmetic():
                waiting += (node.left, node.right)
            case CompareJson() | InJson() | Exists():
                waiting.append(node.path)
            case EqualsList() | Element() | MatchElements():
                waiting.append(node.array)
            case Length():
                waiting.append(node.of)
            case Not() | Negation():
                waiting.append(node.operand)
            case Always() | Constant():
                pass
            case _:
                waiting.append(node.operand)
