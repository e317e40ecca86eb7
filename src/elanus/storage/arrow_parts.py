"""Arrow files and messages as parts that share the memory of the columns, to be written one after another.

What has to be made anew (metadata, padding, offsets that start elsewhere) is small; the buffers of the columns are the
caller's and must not change until the parts are written.
"""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

__all__ = ["file_parts", "message_parts"]

# The elements of vectors are one array without offsets, which may be longer than what 32 bits count.
_FILE_OPTIONS: Final = pa.ipc.IpcWriteOptions(allow_64bit=True)


class _PartSink:
    """A file object that keeps what is written to it, large buffers without copying them."""

    closed = False

    def __init__(self) -> None:
        self.parts: list[memoryview] = []

    def write(self, data: Any) -> int:
        part = memoryview(data)
        self.parts.append(part)
        return part.nbytes

    def flush(self) -> None:
        return

    def close(self) -> None:
        return

    def tell(self) -> int:
        return sum(part.nbytes for part in self.parts)


def file_parts(schema: pa.Schema, arrays: Sequence[pa.Array]) -> list[memoryview]:
    """An Arrow file of one record batch, buffers of the arrays among the parts as they are."""
    sink = _PartSink()
    with pa.ipc.new_file(pa.PythonFile(sink, mode="w"), schema, options=_FILE_OPTIONS) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(list(arrays), schema=schema))
    return sink.parts


def message_parts(batch: pa.RecordBatch) -> list[memoryview]:
    """The bytes of `batch.serialize()`: a message without its schema."""
    sink = _PartSink()
    writer = pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), batch.schema)
    # The schema is written with the first batch, whatever that is.
    writer.write_batch(batch.slice(0, 0))
    before = len(sink.parts)
    writer.write_batch(batch)
    return sink.parts[before:]
