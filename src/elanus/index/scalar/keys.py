"""Distinct values in ascending order, and where in them the values a lookup asks for are."""

import bisect
from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.errors import DataCorrupt
from elanus.index.artefacts import array_bytes, artefact_array, check_agrees
from elanus.index.scalar.protocol import Lookup, Members, Passing, StartsWith, ValueRange
from elanus.kernels.strings import string_in

__all__ = ["KEY_TYPES", "KeyPlaces", "NumberKeys", "SortedKeys", "TextKeys", "key_artefacts", "open_keys"]

KeyPlaces = slice | npt.NDArray[np.int64]
"""Places of keys: a run of them, or one by one, ascending and without repeats."""

KEY_TYPES: Final = ("int8", "int16", "int32", "int64", "float32", "float64", "uint8", "string")
"""Types of keys in artefacts; truth values are uint8."""

_NOTHING: Final = slice(0, 0)
_BISECTION_NS: Final = 12_000
_HASHED_KEY_NS: Final = 10
# So few are sooner looked up one by one than prepared to be looked up together.
_FEW_MEMBERS: Final = 16


class SortedKeys(Protocol):
    """The distinct values of a column, ascending."""

    @property
    def is_text(self) -> bool:
        """Whether they are strings."""
        ...

    def __len__(self) -> int: ...

    def places(self, lookup: Lookup) -> KeyPlaces | None:
        """Where the values are that a lookup asks for; None when keys of this kind cannot tell."""
        ...

    def place(self, value: Any) -> slice:
        """Where one value of the keys' type is."""
        ...


class NumberKeys:
    """Numbers, ascending, without NaN; truth values are 0 and 1."""

    __slots__ = ("_type", "_values", "_view")

    is_text: Final = False

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self._values: Final = values
        self._type: Final = values.dtype.type
        # Single numbers of a memory view are Python's own, and come sooner than NumPy's.
        self._view: Final = memoryview(values.data)

    def __len__(self) -> int:
        return len(self._values)

    def places(self, lookup: Lookup) -> KeyPlaces | None:
        match lookup:
            case ValueRange():
                return self._range(lookup)
            case Members() if isinstance(lookup.values, np.ndarray):
                return self._members(lookup.values)
            case _:
                return None

    def place(self, value: Any) -> slice:
        found = self._exactly(self._type(value).item())
        return _NOTHING if found < 0 else slice(found, found + 1)

    def _exactly(self, key: float) -> int:
        """Where a number is; -1 when it is none of the keys."""
        place = bisect.bisect_left(self._view, key)
        return place if place < len(self._view) and self._view[place] == key else -1

    def _range(self, lookup: ValueRange) -> slice:
        low, high = lookup.low, lookup.high
        if low is not None and low == high:
            return self.place(low) if lookup.low_inclusive and lookup.high_inclusive else _NOTHING
        start, stop = 0, len(self._view)
        if low is not None:
            start = self._bound(low, after=not lookup.low_inclusive)
        if high is not None:
            stop = self._bound(high, after=lookup.high_inclusive)
        return slice(start, max(start, stop))

    def _bound(self, value: Any, *, after: bool) -> int:
        search = bisect.bisect_right if after else bisect.bisect_left
        return search(self._view, self._type(value).item())

    def _members(self, members: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        if len(members) <= _FEW_MEMBERS:
            return np.array([place for member in members.tolist() if (place := self._exactly(member)) >= 0], np.int64)
        dtype = self._values.dtype
        with np.errstate(over="ignore", invalid="ignore"):
            narrow = members.astype(dtype)
        # A member that the type of the keys cannot hold is none of them.
        wanted = narrow[narrow.astype(members.dtype) == members]
        places = self._values.searchsorted(wanted)
        inside = places < len(self._values)
        places, wanted = places[inside], wanted[inside]
        equal: npt.NDArray[np.int64] = places[self._values[places] == wanted].astype(np.int64, copy=False)
        return equal


class TextKeys:
    """Strings in the order of their UTF-8 bytes."""

    __slots__ = ("_array", "_data", "_offsets", "_positions")

    is_text: Final = True

    def __init__(self, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8]) -> None:
        self._offsets: Final = offsets
        # Single numbers of a memory view are Python's own, and come sooner than NumPy's.
        self._positions: Final = memoryview(offsets.data)
        self._data: Final = memoryview(data.data)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        self._array: Final = pa.StringArray.from_buffers(len(offsets) - 1, buffers[1], buffers[2])

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def places(self, lookup: Lookup) -> KeyPlaces | None:
        match lookup:
            case ValueRange():
                return self._range(lookup)
            case StartsWith():
                prefix = lookup.text.encode()
                start = self._bound(prefix, after=False)
                return slice(start, self._prefix_end(prefix, start))
            case Members() if not isinstance(lookup.values, np.ndarray):
                return self._members([member.encode() for member in lookup.values.to_pylist()])
            case Passing():
                return lookup.test(self._array).rows()
            case _:
                return None

    def place(self, value: Any) -> slice:
        return self._exactly(str(value).encode())

    def _key(self, place: int) -> bytes:
        return bytes(self._data[self._positions[place] : self._positions[place + 1]])

    def _bound(self, text: bytes, *, after: bool) -> int:
        search = bisect.bisect_right if after else bisect.bisect_left
        return search(range(len(self)), text, key=self._key)

    def _exactly(self, text: bytes) -> slice:
        start = self._bound(text, after=False)
        found = start < len(self) and self._key(start) == text
        return slice(start, start + found)

    def _range(self, lookup: ValueRange) -> slice:
        low = None if lookup.low is None else str(lookup.low).encode()
        high = None if lookup.high is None else str(lookup.high).encode()
        if low is not None and low == high:
            return self._exactly(low) if lookup.low_inclusive and lookup.high_inclusive else _NOTHING
        start = 0 if low is None else self._bound(low, after=not lookup.low_inclusive)
        stop = len(self) if high is None else self._bound(high, after=lookup.high_inclusive)
        return slice(start, max(start, stop))

    def _prefix_end(self, prefix: bytes, start: int) -> int:
        def beginning(place: int) -> bytes:
            first = self._positions[place]
            return bytes(self._data[first : min(first + len(prefix), self._positions[place + 1])])

        return bisect.bisect_right(range(len(self)), prefix, lo=start, key=beginning)

    def _members(self, members: list[bytes]) -> npt.NDArray[np.int64]:
        if len(members) * _BISECTION_NS > len(self) * _HASHED_KEY_NS:
            data = np.frombuffer(self._data, np.uint8)
            return Bitset(string_in(self._offsets, data, members), len(self)).rows()
        runs = (self._exactly(member) for member in set(members))
        return np.array(sorted(run.start for run in runs if run.stop > run.start), np.int64)


def key_artefacts(keys: npt.NDArray[Any] | pa.Array) -> dict[str, npt.NDArray[np.uint8]]:
    """The files of ascending distinct keys; strings come as an Arrow string array that is not a slice."""
    if isinstance(keys, np.ndarray):
        return {"keys": array_bytes(keys)}
    assert keys.offset == 0
    _, offsets, data = keys.buffers()
    count = len(keys)
    positions = np.zeros(1, np.int32) if count == 0 else np.frombuffer(offsets, np.int32, count + 1)
    content = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return {"keys": array_bytes(content[: int(positions[-1])]), "key_offsets": array_bytes(positions)}


def open_keys(artefacts: Mapping[str, memoryview | pa.Buffer], key_type: str, key_count: int) -> SortedKeys:
    """The keys in files that `key_artefacts` made.

    Raises:
        DataCorrupt: they do not have `key_count` keys of `key_type`.
    """
    if key_type not in KEY_TYPES:
        expected = ", ".join(KEY_TYPES)
        raise DataCorrupt("malformed_file", f"index keys are of type {key_type!r}, expected one of {expected}")
    if key_type != "string":
        return NumberKeys(artefact_array(artefacts, "keys", np.dtype(key_type).type, key_count))
    offsets = artefact_array(artefacts, "key_offsets", np.int32, key_count + 1)
    data = artefact_array(artefacts, "keys", np.uint8)
    check_agrees("bytes of keys", int(offsets[-1]), len(data))
    return TextKeys(offsets, data)
