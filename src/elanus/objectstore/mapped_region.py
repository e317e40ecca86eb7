"""A part of a file as memory.

The standard library's `mmap` keeps a descriptor of its own for every mapping, of which a process may have a thousand or
so; a region keeps none, so that there may be as many as there is memory to map.
"""

import ctypes
import errno
import mmap
import os
import weakref
from typing import Any, Final, cast

import numpy as np

__all__ = ["map_region"]

_library: Final = ctypes.CDLL(None, use_errno=True)
_library.mmap.restype = ctypes.c_void_p
_library.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int64,
)
_library.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_FAILED: Final = ctypes.c_void_p(-1).value


def map_region(descriptor: int, start: int, size_bytes: int) -> memoryview:
    """The bytes of a file from `start`, read-only and without reading them; any `start` will do.

    They stay valid when the descriptor is closed and the file removed, and are unmapped with the last reference. Bytes
    past the end of the file must not be read: the process would be killed.

    Raises:
        OSError: the system does not map the file, or has no room for a mapping.
    """
    if size_bytes == 0:
        return memoryview(b"")
    before = start % mmap.ALLOCATIONGRANULARITY
    mapped_bytes = before + size_bytes
    address = _library.mmap(None, mapped_bytes, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, start - before)
    if address is None or address == _FAILED:
        number = ctypes.get_errno() or errno.ENOMEM
        raise OSError(number, f"mapping {size_bytes} bytes of a file from {start} failed: {os.strerror(number)}")
    memory = (ctypes.c_char * mapped_bytes).from_address(address)
    # Not at the end of the process, when threads may still read what goes with it anyway.
    weakref.finalize(memory, _library.munmap, address, mapped_bytes).atexit = False
    array: Any = np.frombuffer(cast("Any", memory), np.uint8)
    array.flags.writeable = False
    return memoryview(array)[before:]
