"""What one core of this machine reads from memory: the baseline that scans are held against."""

import ctypes
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from elanus import kernels

__all__ = ["read_rate_loop"]

_READ_LOOP: Final = """
#include <immintrin.h>
#include <stddef.h>
typedef long long reg __attribute__((vector_size(BYTES), aligned(1)));
extern "C" long long read_all(const char* data, size_t size) {
    reg a = {}, b = {}, c = {}, d = {};
    for (size_t i = 0; i + 4 * BYTES <= size; i += 4 * BYTES) {
        a |= *(const reg*)(data + i);
        b |= *(const reg*)(data + i + BYTES);
        c |= *(const reg*)(data + i + 2 * BYTES);
        d |= *(const reg*)(data + i + 3 * BYTES);
    }
    a |= b | c | d;
    return a[0] ^ a[1];
}
"""


def read_rate_loop() -> Callable[[int], float]:
    """A function that reads so many bytes, beyond any cache, with the widest registers, and gives bytes a second."""
    wide = "avx512" in kernels.info().available
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "read.so"
        flags = ["-mavx512f", "-DBYTES=64"] if wide else ["-DBYTES=16"]
        command = ["c++", "-O3", "-shared", "-fPIC", *flags, "-x", "c++", "-", "-o", str(library)]
        subprocess.run(command, input=_READ_LOOP, text=True, check=True)
        loop = ctypes.CDLL(str(library)).read_all
    loop.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    data = np.ones(1 << 28, np.uint8)

    def read(size: int) -> float:
        # Small sizes are timed over memory of their own size, so that both sides have the same cache.
        taken = min(max(size, 4096), data.nbytes)
        rounds = max(1, (1 << 22) // taken)
        start = time.perf_counter()
        for _ in range(rounds):
            loop(data.ctypes.data, taken)
        return rounds * taken / (time.perf_counter() - start)

    return read
