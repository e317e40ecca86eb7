"""A sealed segment opened for reading: columns mapped at first use, checked before they are seen."""

import threading
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.fitting import missing_column
from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.layout import TIMESTAMP_COLUMN, arrow_type
from elanus.columns.numbers import full_numbers, number_values
from elanus.columns.taking import take_rows
from elanus.columns.vectors import row_width_bytes
from elanus.errors import DataCorrupt, NotFound
from elanus.kernels.checksum import crc32c
from elanus.objectstore.store import ObjectStore
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.storage.keys import KeyIndex
from elanus.storage.segment.coded_strings import coded_column
from elanus.storage.segment.meta import ColumnFile, SegmentMeta
from elanus.storage.segment.shredded import ShreddedField
from elanus.storage.segment.shredded_directory import ShreddedDirectory
from elanus.storage.segment.side_files import SideFiles, map_verified
from elanus.storage.segment.verified import VerifiedFile
from elanus.storage.segment.writer import META_NAME, TIMESTAMP_FIELD_ID

__all__ = ["SealedSegment", "open_segment"]

_SPARSE_ELEMENT_BYTES: Final = 8


class _OpenFile:
    """A mapped Arrow file: its batch, and which file bytes each column occupies."""

    def __init__(self, file: VerifiedFile, batch: pa.RecordBatch, base_address: int) -> None:
        self.file: Final = file
        self.batch: Final = batch
        self.base_address: Final = base_address


class SealedSegment:
    """A `ColumnSource` over the files of one segment. Fields that came later are NULL or their default in every row."""

    def __init__(self, store: ObjectStore, prefix: str, meta: SegmentMeta, fields: Sequence[Field]) -> None:
        self.meta: Final = meta
        self._store: Final = store
        self.prefix: Final = prefix
        self._fields: Final = {field.name: field for field in fields}
        self._lock: Final = threading.Lock()
        self._files: dict[str, _OpenFile] = {}
        self._columns: dict[str, pa.Array] = {}
        self._numbers: dict[str, npt.NDArray[Any]] = {}
        self._coded: dict[str, pa.DictionaryArray] = {}
        self._side_files: Final = SideFiles(store, prefix, meta.side_files())
        self._shredded: dict[str, ShreddedField | None] = {}
        self._key_index: KeyIndex | None = None
        self._later: SealedSegment | None = None

    @property
    def segment_id(self) -> int:
        return self.meta.segment_id

    @property
    def row_count(self) -> int:
        return self.meta.row_count

    @property
    def offset_max(self) -> int:
        """No string or list of a column ends behind it: known from the sizes of files alone."""
        # Each byte of a string and each element of a list is a byte of the file, but for bits.
        per_byte = 8 if any(_has_bit_lists(field) for field in self._fields.values()) else 1
        sizes = [0]
        for file in self.meta.files:
            if TIMESTAMP_FIELD_ID in file.field_ids:
                sizes.append(file.checksums.size_bytes * per_byte)
            elif any(field.field_id in file.field_ids and not _is_dense(field) for field in self._fields.values()):
                sizes.append(file.checksums.size_bytes // _SPARSE_ELEMENT_BYTES)
        return max(sizes)

    @property
    def primary_field(self) -> Field:
        return next(field for field in self._fields.values() if field.is_primary)

    def column(self, name: str) -> pa.Array:
        """A whole column, every byte of it checked (once).

        Raises:
            DataCorrupt: its file is damaged or missing.
        """
        found = self._columns.get(name)
        if found is not None:
            return found
        column, opened = self._locate(name)
        if opened is not None:
            for start, stop in _buffer_ranges(column, opened.base_address):
                opened.file.verify_range(start, stop)
        with self._lock:
            self._columns[name] = column
        return column

    def numbers(self, name: str) -> npt.NDArray[Any] | None:
        """A column of integers or floats (a view), every byte checked (once); None of another type, or with nulls.

        Raises:
            DataCorrupt: its file is damaged or missing.
        """
        found = self._numbers.get(name)
        if found is None:
            found = full_numbers(self.column(name))
            if found is not None:
                self._numbers[name] = found
        return found

    def take(self, name: str, rows: npt.NDArray[np.int64]) -> pa.Array:
        """The values of some rows, in the order given (a copy). Of a dense vector column only their blocks are read."""
        field = self._fields.get(name)
        if name in self._columns or field is None or not _is_dense(field):
            return take_rows(self.column(name), rows)
        column, opened = self._locate(name)
        if opened is not None:
            width = row_width_bytes(field)
            *validity, (start, _) = _buffer_ranges(column, opened.base_address)
            for first, stop in validity:
                opened.file.verify_range(first, stop)
            opened.file.verify_places(start + rows * width, width)
        return take_rows(column, rows)

    def strings(self, name: str) -> pa.Array:
        """A column of strings, by its dictionary (int32 codes) if it has one; every byte of it checked (once).

        Raises:
            DataCorrupt: its file is damaged or missing.
        """
        found = self._coded.get(name)
        if found is not None:
            return found
        field_id = self._fields[name].field_id
        entry = next((item for item in self.meta.coded if item.field_id == field_id), None)
        if entry is None:
            return self.column(name)
        made = coded_column(self._side_files.open(entry.file.name), entry.places, self.row_count)
        with self._lock:
            return self._coded.setdefault(name, made)

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:
        """The values at a path inside a JSON field, as far as columns have them; None if the field was not shredded.

        Raises:
            DataCorrupt: a file is damaged or missing.
        """
        if name not in self._shredded:
            made = self._open_shredded(self._fields[name].field_id)
            with self._lock:
                self._shredded.setdefault(name, made)
        shredded = self._shredded[name]
        return None if shredded is None else shredded.values(path)

    def timestamps(self) -> npt.NDArray[np.uint64]:
        """Every row's timestamp, ascending (a view)."""
        return number_values(self.column(TIMESTAMP_COLUMN))

    def key_index(self) -> KeyIndex:
        """Rows by primary key; made at first use."""
        column = self.column(self.primary_field.name)
        with self._lock:
            if self._key_index is None:
                self._key_index = KeyIndex(column)
            return self._key_index

    @property
    def made_key_index(self) -> KeyIndex | None:
        """Rows by primary key, if somebody asked for that already."""
        return self._key_index

    def with_fields(self, fields: Sequence[Field]) -> "SealedSegment":
        """The same files seen through a changed schema.

        The files stay while somebody holds either: readers of the earlier one hold the later one with it.
        """
        self._later = SealedSegment(self._store, self.prefix, self.meta, fields)
        return self._later

    @property
    def latest(self) -> "SealedSegment":
        """The same files seen through the last schema; whoever holds any earlier one holds it too."""
        segment = self
        while segment._later is not None:
            segment = segment._later
        return segment

    @property
    def fields(self) -> Sequence[Field]:
        """The fields of the schema it is seen through."""
        return tuple(self._fields.values())

    def verify(self) -> None:
        """Checks every byte of every file.

        Raises:
            DataCorrupt: naming the file.
        """
        for file in self.meta.files:
            self._open(file).file.verify_all()
        for side in self.meta.side_files():
            self._side_files.open(side.name).verify_all()

    def _locate(self, name: str) -> tuple[pa.Array, _OpenFile | None]:
        """The column as mapped, not checked, and the file it is in; a made-up column has no file."""
        field_id = TIMESTAMP_FIELD_ID if name == TIMESTAMP_COLUMN else self._fields[name].field_id
        for file in self.meta.files:
            if field_id in file.field_ids:
                opened = self._open(file)
                column = opened.batch.column(file.field_ids.index(field_id))
                if name != TIMESTAMP_COLUMN and not column.type.equals(arrow_type(self._fields[name])):
                    raise DataCorrupt("malformed_file", f"{opened.file.key}: column {name!r} is of type {column.type}")
                return column, opened
        return missing_column(self._fields[name], self.row_count), None

    def _open(self, file: ColumnFile) -> _OpenFile:
        with self._lock:
            opened = self._files.get(file.name)
            if opened is None:
                opened = self._files[file.name] = self._map(file)
            return opened

    def _open_shredded(self, field_id: int) -> ShreddedField | None:
        found = next((item for item in self.meta.shredded if item.field_id == field_id), None)
        if found is None:
            return None
        file = self._side_files.open(found.directory.name)
        file.verify_all()
        directory = ShreddedDirectory.decode(file.data, file.key)
        if directory.row_count != self.row_count or directory.files != [item.name for item in found.files]:
            raise DataCorrupt("malformed_file", f"{file.key} has {directory.row_count} rows, expected {self.row_count}")
        return ShreddedField(directory, self._side_files.open)

    def _map(self, file: ColumnFile) -> _OpenFile:
        key = f"{self.prefix}/{file.name}"
        verified = map_verified(self._store, key, file.checksums)
        buffer = pa.py_buffer(verified.data)
        _verify_framing(verified)
        try:
            reader = pa.ipc.open_file(buffer)
            batch = reader.get_batch(0)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataCorrupt("malformed_file", f"{key} is not a readable Arrow file: {error}") from error
        if batch.num_rows != self.row_count or batch.num_columns != len(file.field_ids):
            raise DataCorrupt("malformed_file", f"{key} has {batch.num_rows} rows, expected {self.row_count}")
        return _OpenFile(verified, batch, buffer.address)


def open_segment(store: ObjectStore, prefix: str, meta_crc32c: int, fields: Sequence[Field]) -> SealedSegment:
    """The segment below `prefix`, without touching its column files.

    Raises:
        DataCorrupt: `segment.json` is missing or does not have the checksum the manifest gives.
    """
    key = f"{prefix}/{META_NAME}"
    try:
        data = store.get(key)
    except NotFound as error:
        raise DataCorrupt("missing_file", f"{key} is missing") from error
    if crc32c(data) != meta_crc32c:
        raise DataCorrupt("checksum_mismatch", f"{key} is damaged: its checksum is not the manifest's")
    return SealedSegment(store, prefix, SegmentMeta.decode(data, key), fields)


def _verify_framing(file: VerifiedFile) -> None:
    """Checks what the Arrow reader parses: the schema at the start, and message header and footer at the end.

    The header of the one record batch follows the schema, so both lie in the first blocks; metadata of a batch grows
    with its columns only, and is far below a block.
    """
    size = file.data.nbytes
    file.verify_range(0, min(size, 64 << 10))
    file.verify_range(max(0, size - (64 << 10)), size)


def _buffer_ranges(column: pa.Array, base_address: int) -> list[tuple[int, int]]:
    """Start and end in the file of every buffer of a column, children included, in Arrow's order."""
    return [
        (buffer.address - base_address, buffer.address - base_address + buffer.size)
        for buffer in column.buffers()
        if buffer is not None and buffer.size
    ]


def _has_bit_lists(field: Field) -> bool:
    kinds = {
        field.element_type,
        *(kind for inner in field.struct_fields for kind in (inner.data_type, inner.element_type)),
    }
    return DataType.BOOL in kinds


def _is_dense(field: Field) -> bool:
    return field.is_vector and field.data_type is not DataType.SPARSE_FLOAT_VECTOR
