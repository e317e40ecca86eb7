"""Artefact files as arrays and as small JSON descriptions, with checks that they belong to the column at hand."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.errors import DataCorrupt

__all__ = [
    "array_bytes",
    "artefact_array",
    "check_agrees",
    "check_format",
    "description_bytes",
    "mapped_bytes",
    "read_description",
]

_Description = TypeVar("_Description", bound=msgspec.Struct)
_Item = TypeVar("_Item", bound=np.generic)


def array_bytes(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The elements of `array` as bytes, little-endian, C order; a view."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def artefact_array(
    artefacts: Mapping[str, memoryview | pa.Buffer], name: str, dtype: type[_Item], count: int | None = None
) -> npt.NDArray[_Item]:
    """The artefact `name` as a flat array, a view.

    Raises:
        DataCorrupt: it is missing, or does not have `count` elements (any whole number when None).
    """
    if name not in artefacts:
        found = ", ".join(sorted(artefacts)) or "none"
        raise DataCorrupt("missing_file", f"index artefact {name!r} is missing, found: {found}; rebuild the index")
    data = np.frombuffer(artefacts[name], np.uint8)
    width = np.dtype(dtype).itemsize
    expected = f"{count} elements" if count is not None else "whole elements"
    if data.nbytes % width or (count is not None and data.nbytes != count * width):
        raise DataCorrupt(
            "malformed_file",
            f"index artefact {name!r} has {data.nbytes} bytes, expected {expected} of {width}; rebuild the index",
        )
    return data.view(dtype)


def description_bytes(description: msgspec.Struct) -> bytes:
    """`description` as JSON."""
    return msgspec.json.encode(description)


def read_description(
    artefacts: Mapping[str, memoryview | pa.Buffer], name: str, kind: type[_Description]
) -> _Description:
    """The JSON artefact `name`.

    Raises:
        DataCorrupt: it is missing or not a description of this kind.
    """
    data = artefact_array(artefacts, name, np.uint8)
    try:
        return msgspec.json.decode(data.tobytes(), type=kind)
    except msgspec.DecodeError as error:
        raise DataCorrupt(
            "malformed_file", f"index artefact {name!r} is not a valid description ({error}); rebuild the index"
        ) from error


def check_agrees(what: str, found: object, expected: object) -> None:
    """Refuses an artefact that was built over something else.

    Raises:
        DataCorrupt: `found` is not `expected`.
    """
    if found != expected:
        raise DataCorrupt(
            "malformed_file",
            f"index artefacts have {what} {found}, but the column has {expected}: they belong to another column; "
            "rebuild the index",
        )


def check_format(found: int, newest: int) -> None:
    """Refuses artefacts of a newer program.

    Raises:
        DataCorrupt: `found` is above the `newest` version this program reads.
    """
    if found > newest:
        raise DataCorrupt(
            "newer_format",
            f"index artefacts have format {found}, this program reads up to {newest}; upgrade it or rebuild the index",
        )


def mapped_bytes(artefacts: Mapping[str, memoryview | pa.Buffer]) -> int:
    """The size of all artefacts together."""
    return sum(memoryview(data).nbytes for data in artefacts.values())
