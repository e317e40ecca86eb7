"""How deeply geometries are nested, told from their WKT or WKB without building them.

GEOS calls itself for every geometry inside of another, so that a short text of many levels would take the stack of the
process, and the process with it. Whoever reads geometries of others asks here first.
"""

import re
import struct
from typing import Final

__all__ = ["NESTING_MAX", "is_nested_too_deeply"]

NESTING_MAX: Final = 64

_PARENTHESIS: Final = re.compile(r"[()]")
_HEADER_BYTES: Final = 5
_WITH_Z: Final = 0x8000_0000
_WITH_M: Final = 0x4000_0000
_WITH_SRID: Final = 0x2000_0000
# Types of WKB by what follows their header: one point, a row of points, rings, other geometries with their headers.
_POINT: Final = 1
_POINT_ROWS: Final = frozenset({2, 8})
_RINGS: Final = frozenset({3, 17})


def is_nested_too_deeply(value: str | bytes) -> bool:
    """Whether a WKT or WKB has more than `NESTING_MAX` levels. What is no geometry may be either."""
    if len(value) <= NESTING_MAX:
        return False
    return _text_depth(value) > NESTING_MAX if isinstance(value, str) else _bytes_depth(value) > NESTING_MAX


def _text_depth(text: str) -> int:
    depth = deepest = 0
    if text.count("(") <= NESTING_MAX:
        return 0
    for found in _PARENTHESIS.finditer(text):
        depth += 1 if found[0] == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _bytes_depth(data: bytes) -> int:
    """Follows the headers as GEOS does, up to where it would stop reading or the limit is passed."""
    position = deepest = 0
    order = "<"
    open_counts = [1]
    while open_counts and len(open_counts) <= NESTING_MAX + 1 and position + _HEADER_BYTES <= len(data):
        open_counts[-1] -= 1
        # A byte that names no order leaves the one before, as in GEOS.
        order = {0: ">", 1: "<"}.get(data[position], order)
        (written,) = struct.unpack_from(order + "I", data, position + 1)
        position += _HEADER_BYTES + (4 if written & _WITH_SRID else 0)
        thousands, kind = divmod(written & 0xFFFF, 1000)
        doubles = 2 + bool(written & _WITH_Z or thousands in {1, 3}) + bool(written & _WITH_M or thousands in {2, 3})
        if kind == _POINT:
            position += 8 * doubles
        elif position + 4 > len(data):
            break
        else:
            (count,) = struct.unpack_from(order + "I", data, position)
            position += 4
            if kind in _POINT_ROWS:
                position += 8 * doubles * count
            elif kind in _RINGS:
                position = _after_rings(data, position, count, order, 8 * doubles)
            else:
                open_counts.append(count)
                deepest = max(deepest, len(open_counts) - 1)
        while open_counts and open_counts[-1] == 0:
            open_counts.pop()
    return deepest


def _after_rings(data: bytes, position: int, count: int, order: str, point_bytes: int) -> int:
    """Where the rings of a polygon end; beyond the data when they do not."""
    for _ in range(count):
        if position + 4 > len(data):
            return len(data)
        (points,) = struct.unpack_from(order + "I", data, position)
        position += 4 + point_bytes * points
    return position
