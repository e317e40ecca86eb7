"""How much memory there is, and what the process does with what it freed."""

import ctypes
import os
from typing import Final

__all__ = ["keep_freed_memory", "memory_bytes"]

# Of the C library's `mallopt`, and the largest sizes that it would come to by itself.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_TRIM_BYTES: Final = 64 << 20
_MMAP_BYTES: Final = 32 << 20


def memory_bytes() -> int | None:
    """Of the machine, whoever uses it; None where the system does not tell."""
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
        return None
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return found if found > 0 else None


def keep_freed_memory() -> bool:
    """Has the process keep some freed memory for its next request; True where the C library can be told so.

    Otherwise glibc returns what a request of a few MB took, and the next request pays for every page of it again: the
    system clears it, and a virtual machine may have to ask its host for it first. Only for processes of our own. Larger
    blocks than 32 MB are returned as before; up to 64 MB are kept for each of glibc's arenas.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(*option) == 1 for option in ((_MMAP_THRESHOLD, _MMAP_BYTES), (_TRIM_THRESHOLD, _TRIM_BYTES)))
