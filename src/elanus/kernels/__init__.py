"""Arrays in, arrays out: the loops that Python must not run, in C++ at the CPU's best level or in NumPy.

One module a family (`distance`, `sparse`, `topk`, `bits`, `compare`, `strings`, `checksum`). Inputs are C-contiguous
and of the dtype the function names, else TypeError or ValueError; nothing is converted silently. Every native call
releases the GIL and computes on the calling thread. Sets of rows are packed `words` (uint64): row i is bit i % 64 of
word i // 64, bits after the last row are zero; `allow=None` means every row.
"""

from elanus.kernels.loader import KernelInfo, info, use

__all__ = ["KernelInfo", "info", "use"]
