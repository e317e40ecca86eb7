"""Tables as text, for the `repr` of results."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

__all__ = ["ROWS_MAX", "text_table"]

ROWS_MAX: Final = 10
_CELL_MAX: Final = 32


def text_table(names: Sequence[str], columns: Sequence[Sequence[Any]], row_count: int) -> str:
    """A table of the first rows, one line each, columns aligned."""
    shown = min(row_count, ROWS_MAX)
    cells = [[_cell(value) for value in column[:shown]] for column in columns]
    widths = [max([len(name), *map(len, column)]) for name, column in zip(names, cells, strict=True)]
    lines = ["  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True)).rstrip()]
    lines.append("  ".join("-" * width for width in widths))
    for row in range(shown):
        line = "  ".join(column[row].ljust(width) for column, width in zip(cells, widths, strict=True))
        lines.append(line.rstrip())
    if row_count > shown:
        lines.append(f"... {row_count - shown} more")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        text = f"{value:.6g}"
    elif isinstance(value, list) and len(value) > 4 and all(isinstance(item, float | int) for item in value[:3]):
        text = "[" + ", ".join(f"{item:.4g}" for item in value[:3]) + f", ... {len(value)}]"
    else:
        # Line ends would break the table, and other control characters command a terminal.
        text = "".join(character if character.isprintable() else " " for character in str(value))
    return text if len(text) <= _CELL_MAX else text[: _CELL_MAX - 3] + "..."
