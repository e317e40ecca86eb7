"""Trees as indented lines, for people: what the parser read and what the binder made of it."""

from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from elanus.schema.types import DataType

__all__ = ["outline"]

_SHOWN_ITEMS: Final = 8


def outline(node: object, *, indent: str = "") -> str:
    """One line a node, its plain attributes on it and the nodes below it indented.

    Spans are left out, and attributes that follow from the others (`repr=False`).
    """
    if not is_dataclass(node):
        return f"{indent}{_plain(node)}"
    words, below = [type(node).__name__], []
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name == "span" or not field.repr:
            continue
        if is_dataclass(value):
            below.append(("", value))
        elif isinstance(value, tuple) and value and all(is_dataclass(item) for item in value):
            below += [("", item) for item in value]
        elif isinstance(value, tuple) and any(
            isinstance(item, tuple) and item and is_dataclass(item[-1]) for item in value
        ):
            below += list(value)
        else:
            words.append(f"{field.name}={_plain(value)}")
    lines = [indent + " ".join(words)]
    for name, value in below:
        text = outline(value, indent=indent + "  ")
        lines.append(f"{indent}  {name}={text.strip()}" if name else text)
    return "\n".join(lines)


def _plain(value: Any) -> str:
    if isinstance(value, np.ndarray | pa.Array):
        value = tuple(value.tolist() if isinstance(value, np.ndarray) else value.to_pylist())
    if isinstance(value, frozenset):
        value = tuple(sorted(value))
    if isinstance(value, tuple):
        shown = [_plain(item) for item in value[:_SHOWN_ITEMS]]
        more = [f"... {len(value)} in all"] if len(value) > _SHOWN_ITEMS else []
        return f"[{', '.join(shown + more)}]"
    return value.label if isinstance(value, DataType) else repr(value)
