"""String columns with few distinct values, by a dictionary in a file beside the plain column.

The plain column stays: rows are returned from it, and whoever wants a value of a row needs no second look-up. Filters
look at each distinct string once and at four bytes a row.
"""

from typing import Final

import numpy as np
import pyarrow as pa

from elanus.columns.numbers import number_values
from elanus.errors import DataCorrupt
from elanus.storage.segment.meta import CodedPlaces
from elanus.storage.segment.shredded_columns import BufferFile, coded
from elanus.storage.segment.shredded_directory import BufferPlace
from elanus.storage.segment.verified import VerifiedFile

__all__ = ["code_strings", "coded_column"]

# Below, a scan of the strings costs next to nothing.
_ROWS_MIN: Final = 1024
_TYPE: Final = pa.dictionary(pa.int32(), pa.string())


def code_strings(column: pa.Array) -> tuple[CodedPlaces, list[memoryview]] | None:
    """Where the parts of a file lie and the parts, in order; None if it would not pay."""
    found = coded(column) if len(column) >= _ROWS_MIN else None
    if found is None:
        return None
    file = BufferFile(0)
    indices = found.indices
    validity = None
    if column.null_count:
        validity = file.add(np.packbits(column.is_valid().to_numpy(zero_copy_only=False), bitorder="little"))
        indices = indices.fill_null(-1)
    _, offsets, data = found.dictionary.buffers()
    places = CodedPlaces(
        size=len(found.dictionary),
        offsets=file.add(np.frombuffer(offsets, np.int32, len(found.dictionary) + 1)),
        data=file.add(np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)),
        codes=file.add(number_values(indices)),
        validity=validity,
    )
    return places, file.parts


def coded_column(file: VerifiedFile, places: CodedPlaces, row_count: int) -> pa.DictionaryArray:
    """The column by its dictionary, mapped.

    Raises:
        DataCorrupt: the file is damaged.
    """
    file.verify_all()
    if places.codes.size_bytes != 4 * row_count or places.offsets.size_bytes != 4 * (places.size + 1):
        raise DataCorrupt("malformed_file", f"{file.key} does not have {row_count} codes, as its segment has rows")

    def buffer(place: BufferPlace | None) -> pa.Buffer | None:
        return None if place is None else pa.py_buffer(file.data[place.start : place.start + place.size_bytes])

    dictionary = pa.Array.from_buffers(pa.string(), places.size, [None, buffer(places.offsets), buffer(places.data)])
    return pa.DictionaryArray.from_buffers(
        _TYPE, row_count, [buffer(places.validity), buffer(places.codes)], dictionary
    )
