"""An Arrow file of one record batch, made block by block while it is written, so that no column is in memory whole.

A record batch begins with the sizes of all its buffers, and each buffer holds all rows. So blocks are gone through once
for the sizes, where types alone do not tell them, and once for every buffer. Arrow itself writes what stands around the
buffers: it is given a batch of the right sizes over memory that nobody touches, and the blocks take its place.
"""

import mmap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.numbers import boolean_values
from elanus.errors import InvalidInput
from elanus.storage.arrow_parts import file_parts

__all__ = ["OFFSET_MAX", "BlockColumn", "arrow_file_parts"]

# What an int32 offset of strings and lists can reach in one column.
OFFSET_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class BlockColumn:
    """A column as blocks of rows.

    Attributes:
        blocks: gives the blocks in order, the same ones each time it is called.
        has_nulls: whether any row may be null; one of a fixed width that is null nevertheless is a mistake.
    """

    field: pa.Field
    blocks: Callable[[], Iterable[pa.Array]]
    has_nulls: bool

    @property
    def width_bytes(self) -> int | None:
        """Bytes of a row where that tells the sizes of all buffers."""
        return None if self.has_nulls else _width_bytes(self.field.type)


@dataclass(frozen=True, slots=True)
class _Bits:
    """Truth values, or which values are there; None where all are."""

    count: int
    values: npt.NDArray[np.bool_] | None

    @property
    def unset_count(self) -> int:
        return 0 if self.values is None else self.count - int(np.count_nonzero(self.values))


@dataclass(frozen=True, slots=True)
class _Offsets:
    """Where lists or strings begin and end: one more than there are of them, ascending from anywhere."""

    values: npt.NDArray[np.int32]

    @property
    def span(self) -> int:
        return int(self.values[-1]) - int(self.values[0])


@dataclass(frozen=True, slots=True)
class _Bytes:
    """Values of a fixed width, or the characters of strings."""

    data: npt.NDArray[np.uint8]


_Piece = _Bits | _Offsets | _Bytes


@dataclass(slots=True)
class _Size:
    """Of one buffer of a column: its bits, lists or bytes, how many bits are unset, and where the last list ends."""

    count: int = 0
    unset_count: int = 0
    end: int = 0

    def add(self, piece: _Piece) -> None:
        match piece:
            case _Bits(count):
                self.count += count
                self.unset_count += piece.unset_count
            case _Offsets(values):
                self.count += len(values) - 1
                self.end += piece.span
            case _Bytes(data):
                self.count += data.nbytes


def arrow_file_parts(schema: pa.Schema, columns: Sequence[BlockColumn], row_count: int) -> Iterator[memoryview]:
    """The bytes of the file, made while they are asked for; blocks of each column must have `row_count` rows in all.

    Raises:
        InvalidInput: the strings or lists of a column are more than its offsets can tell apart.
    """
    sizes = [_sizes(column, row_count) for column in columns]
    skeleton = _Skeleton(max(size.count for of_column in sizes for size in of_column))
    arrays = [skeleton.array(column.field.type, iter(found)) for column, found in zip(columns, sizes, strict=True)]
    places = [(column, number) for column, found in zip(columns, sizes, strict=True) for number in range(len(found))]
    buffers = iter([(place, *buffer) for place, buffer in zip(places, skeleton.buffers, strict=True) if buffer[1]])
    awaited = next(buffers, None)
    for part in file_parts(schema, arrays):
        if awaited is None or (_address(part), part.nbytes) != awaited[1:]:
            yield part
            continue
        (column, number), _, size_bytes = awaited
        yield from _checked(column, number, size_bytes)
        awaited = next(buffers, None)
    assert awaited is None, "a buffer was left out"


def _sizes(column: BlockColumn, row_count: int) -> list[_Size]:
    """The size of every buffer of a column, in their order."""
    if (width := column.width_bytes) is not None:
        nested = [_Size(row_count * column.field.type.list_size)] if _is_list(column.field.type) else []
        return [_Size(row_count), *nested, _Size(row_count * width)]
    sizes: list[_Size] = []
    for block in column.blocks():
        for number, piece in enumerate(_pieces(block)):
            if number == len(sizes):
                sizes.append(_Size())
            sizes[number].add(piece)
    end = max(size.end for size in sizes)
    if end > OFFSET_MAX:
        raise InvalidInput(
            "limit_exceeded",
            f"the values of field {column.field.name!r} in one segment end at {end}, expected at most {OFFSET_MAX}; "
            "merge its rows into smaller segments",
        )
    assert sizes[0].count == row_count, (column.field.name, sizes[0].count, row_count)
    return sizes


def _width_bytes(kind: pa.DataType) -> int | None:
    """Bytes of a row where every row has as many; None for bits and for what varies."""
    if _is_list(kind):
        width = _width_bytes(kind.value_type)
        return None if width is None else width * int(kind.list_size)
    if pa.types.is_primitive(kind) or pa.types.is_fixed_size_binary(kind):
        return None if pa.types.is_boolean(kind) else int(kind.bit_width) // 8
    return None


def _is_list(kind: pa.DataType) -> bool:
    """Whether every row is a list of the same size."""
    return bool(pa.types.is_fixed_size_list(kind))


def _pieces(array: pa.Array) -> Iterator[_Piece]:
    """What the buffers of a column get from one block, in Arrow's order."""
    kind, count, start = array.type, len(array), array.offset
    yield _Bits(count, boolean_values(array.is_valid()) if array.null_count else None)
    if pa.types.is_struct(kind):
        for number in range(kind.num_fields):
            yield from _pieces(array.field(number))
    elif _is_list(kind):
        yield from _pieces(array.values.slice(start * kind.list_size, count * kind.list_size))
    elif pa.types.is_boolean(kind):
        yield _Bits(count, boolean_values(array))
    elif (width := _width_bytes(kind)) is not None:
        yield _Bytes(_bytes_of(array.buffers()[1], start * width, (start + count) * width))
    else:
        offsets = _Offsets(_bytes_of(array.buffers()[1], 4 * start, 4 * (start + count + 1)).view(np.int32))
        yield offsets
        if pa.types.is_list(kind):
            yield from _pieces(array.values.slice(int(offsets.values[0]), offsets.span))
        else:
            yield _Bytes(_bytes_of(array.buffers()[2], int(offsets.values[0]), int(offsets.values[-1])))


def _bytes_of(buffer: pa.Buffer | None, start: int, stop: int) -> npt.NDArray[np.uint8]:
    """Bytes of a buffer (a view); zeros where an empty column has none."""
    if buffer is None or buffer.size < stop:
        assert stop - start <= 4, "a buffer is too short for its column"
        return np.zeros(stop - start, np.uint8)
    return np.frombuffer(buffer, np.uint8)[start:stop]


class _Skeleton:
    """Arrays of given sizes over memory that is there only by address. Their lists end where they should."""

    def __init__(self, count_max: int) -> None:
        """`count_max` is the most of anything in one buffer."""
        # Never written, so that neither the system nor a limit counts it as memory of the process.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._memory: Final = memoryview(mmap.mmap(-1, max(count_max, 1), flags=flags, prot=mmap.PROT_READ))
        self.buffers: Final[list[tuple[int, int]]] = []

    def array(self, kind: pa.DataType, sizes: Iterator[_Size]) -> pa.Array:
        """An array by the sizes of its buffers; adds address and bytes of each to `buffers`, 0 bytes for none."""
        rows = next(sizes)
        validity = self._buffer(-(-rows.count // 8) if rows.unset_count else 0)
        buffers = [validity if rows.unset_count else None]
        children = []
        if pa.types.is_struct(kind):
            children = [self.array(kind.field(number).type, sizes) for number in range(kind.num_fields)]
        elif _is_list(kind):
            children = [self.array(kind.value_type, sizes)]
        elif pa.types.is_boolean(kind):
            buffers.append(self._buffer(-(-next(sizes).count // 8)))
        elif _width_bytes(kind) is not None:
            buffers.append(self._buffer(next(sizes).count))
        else:
            buffers.append(self._offsets(next(sizes)))
            if pa.types.is_list(kind):
                children = [self.array(kind.value_type, sizes)]
            else:
                buffers.append(self._buffer(next(sizes).count))
        return pa.Array.from_buffers(kind, rows.count, buffers, rows.unset_count, children=children or None)

    def _buffer(self, size_bytes: int) -> pa.Buffer:
        return self._noted(pa.py_buffer(self._memory[:size_bytes]))

    def _offsets(self, size: _Size) -> pa.Buffer:
        # Memory of which only the last page is ever touched.
        offsets = np.zeros(size.count + 1, np.int32)
        offsets[-1] = size.end
        return self._noted(pa.py_buffer(offsets))

    def _noted(self, buffer: pa.Buffer) -> pa.Buffer:
        self.buffers.append((buffer.address, buffer.size))
        return buffer


def _address(part: memoryview) -> int:
    return int(np.frombuffer(part, np.uint8).ctypes.data) if part.nbytes else 0


def _checked(column: BlockColumn, number: int, size_bytes: int) -> Iterator[memoryview]:
    """The contents of one buffer of a column, which have the size that was said."""
    written = 0
    for part in _contents(_pieces_of(column, number)):
        written += part.nbytes
        yield part
    assert written == size_bytes, (column.field.name, number, written, size_bytes)


def _pieces_of(column: BlockColumn, number: int) -> Iterator[_Piece]:
    for block in column.blocks():
        assert column.width_bytes is None or not block.null_count, f"nulls in {column.field.name}"
        yield next(piece for place, piece in enumerate(_pieces(block)) if place == number)


def _contents(pieces: Iterator[_Piece]) -> Iterator[memoryview]:
    waiting = np.empty(0, np.bool_)
    end: int | None = None
    for piece in pieces:
        match piece:
            case _Bits(count, values):
                waiting = np.concatenate((waiting, np.ones(count, np.bool_) if values is None else values))
                whole = len(waiting) // 8 * 8
                yield np.packbits(waiting[:whole], bitorder="little").data
                waiting = waiting[whole:]
            case _Offsets(values):
                end = end or 0
                yield (values[:-1] + np.int32(end - int(values[0]))).view(np.uint8).data
                end += piece.span
            case _Bytes(data):
                yield data.data
    if len(waiting):
        yield np.packbits(waiting, bitorder="little").data
    if end is not None:
        yield np.array([end], np.int32).view(np.uint8).data
