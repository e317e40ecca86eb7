"""Values over a stream socket: a header with lengths, one pickle, and the large buffers beside it uncopied.

The peers are processes of one user on one machine, found through a folder only that user may write. Even so only the
classes that requests and replies are made of are ever unpickled.
"""

import io
import pickle
import socket
import struct
from typing import Any, Final

import pyarrow as pa

from elanus.errors import Internal

__all__ = ["PROTOCOL_VERSION", "receive", "send"]

PROTOCOL_VERSION: Final = 1

_MAGIC: Final = 0x53_48_41_52
_HEADER: Final = struct.Struct("<IIQ")  # magic, buffer count, pickle length
_LENGTH: Final = struct.Struct("<Q")
_BUFFER_COUNT_MAX: Final = 1 << 20

_ALLOWED_MODULES: Final = ("elanus.service.requests.", "elanus.schema.", "elanus.query.explanation")
_ALLOWED_NAMES: Final = frozenset(
    {
        ("elanus.errors", "_rebuild"),
        ("elanus.columns.vectors", "SparseRows"),
        ("elanus.columns.vectors", "VectorLists"),
        ("elanus.embedded.sharing.frames", "_batch_of"),
        ("elanus.embedded.sharing.frames", "_array_of"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
    }
)


def _batch_of(schema: Any, message: Any) -> pa.RecordBatch:
    return pa.ipc.read_record_batch(pa.py_buffer(message), pa.ipc.read_schema(pa.py_buffer(schema)))


def _array_of(schema: Any, message: Any) -> pa.Array:
    return _batch_of(schema, message).column(0)


class _Pickler(pickle.Pickler):
    """Arrow data goes as Arrow messages, which keep types to the last detail; pickles of Arrow types do not."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, pa.RecordBatch):
            return _batch_of, _messages(value)
        if isinstance(value, pa.Array):
            column = pa.field("", value.type)
            return _array_of, _messages(pa.RecordBatch.from_arrays([value], schema=pa.schema([column])))
        return NotImplemented


def _messages(batch: pa.RecordBatch) -> tuple[pickle.PickleBuffer, pickle.PickleBuffer]:
    return pickle.PickleBuffer(batch.schema.serialize()), pickle.PickleBuffer(batch.serialize())


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(_ALLOWED_MODULES) or (module, name) in _ALLOWED_NAMES:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a request or reply")


def send(connection: socket.socket, value: object) -> None:
    """Writes one value. Raises OSError when the peer is gone."""
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(value)
    body = stream.getvalue()
    views = [buffer.raw() for buffer in buffers]
    head = [_HEADER.pack(_MAGIC, len(views), len(body)), *(_LENGTH.pack(view.nbytes) for view in views)]
    connection.sendall(b"".join(head) + body)
    for view in views:
        connection.sendall(view)


def receive(connection: socket.socket) -> Any:
    """Reads one value.

    Raises:
        ConnectionError: the peer closed the connection.
        Internal: the peer speaks something else.
    """
    magic, buffer_count, body_bytes = _HEADER.unpack(_read(connection, _HEADER.size))
    if magic != _MAGIC or buffer_count > _BUFFER_COUNT_MAX:
        raise Internal("internal", "the other side of the database's socket does not speak its protocol")
    lengths = [_LENGTH.unpack(_read(connection, _LENGTH.size))[0] for _ in range(buffer_count)]
    body = _read(connection, body_bytes)
    buffers = [_read(connection, length) for length in lengths]
    return _Unpickler(io.BytesIO(body), buffers=buffers).load()


def _read(connection: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view.nbytes:
        count = connection.recv_into(view)
        if count == 0:
            raise ConnectionResetError("the other process closed the connection")
        view = view[count:]
    return data
