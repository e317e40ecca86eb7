"""The rows an index holds no value for, as artefacts."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.index.artefacts import array_bytes, artefact_array
from elanus.index.scalar.protocol import RowSets

__all__ = ["open_row_sets", "row_set_artefacts", "stored_set_names"]

_NAMES: Final = tuple(field.name for field in fields(RowSets) if field.name != "row_count")
_WORD_BITS: Final = 64


def stored_set_names(sets: RowSets) -> tuple[str, ...]:
    """The sets that have rows."""
    return tuple(name for name in _NAMES if (rows := getattr(sets, name)) is not None and rows.any())


def row_set_artefacts(sets: RowSets) -> dict[str, npt.NDArray[np.uint8]]:
    """A file for each set that has rows."""
    return {f"rows_{name}": array_bytes(getattr(sets, name).words) for name in stored_set_names(sets)}


def open_row_sets(artefacts: Mapping[str, memoryview | pa.Buffer], names: tuple[str, ...], row_count: int) -> RowSets:
    """The sets in files that `row_set_artefacts` made, views.

    Raises:
        DataCorrupt: a file is missing or of the wrong size.
    """
    word_count = -(-row_count // _WORD_BITS)
    sets: dict[str, Any] = {
        name: Bitset(artefact_array(artefacts, f"rows_{name}", np.uint64, word_count), row_count)
        for name in _NAMES
        if name in names
    }
    return RowSets(row_count, **sets)
