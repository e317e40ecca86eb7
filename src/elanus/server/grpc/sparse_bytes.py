"""Sparse vectors as bytes: little-endian pairs of uint32 index and float32 value, in index order."""

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np

from elanus.columns.vectors import SparseRows
from elanus.errors import InvalidInput

__all__ = ["bytes_from_sparse", "sparse_from_bytes"]

_PAIR: Final = np.dtype([("index", "<u4"), ("value", "<f4")])


def sparse_from_bytes(contents: Sequence[bytes], *, what: str) -> SparseRows:
    """The rows in `contents`, one bytes object a row; empty bytes are an empty row.

    Raises:
        InvalidInput: bytes that are not whole pairs; `what` names them.
    """
    lengths = np.fromiter(map(len, contents), np.int64, len(contents))
    broken = lengths % _PAIR.itemsize != 0
    if broken.any():
        row = int(np.argmax(broken))
        raise InvalidInput(
            "invalid_value",
            f"{what}: sparse vector {row} has {lengths[row]} bytes, expected a multiple of {_PAIR.itemsize} "
            "(uint32 index and float32 value)",
            row=row,
        )
    offsets = np.zeros(len(contents) + 1, np.int32)
    np.cumsum(lengths // _PAIR.itemsize, out=offsets[1:])
    pairs = np.frombuffer(b"".join(contents), _PAIR)
    return SparseRows(offsets, pairs["index"].astype(np.uint32), pairs["value"].astype(np.float32))


def bytes_from_sparse(rows: SparseRows) -> list[bytes]:
    """Each row as bytes."""
    first, last = int(rows.offsets[0]), int(rows.offsets[-1])
    pairs = np.empty(last - first, _PAIR)
    pairs["index"] = rows.indices[first:last]
    pairs["value"] = rows.values[first:last]
    blob = pairs.tobytes()
    ends = ((rows.offsets.astype(np.int64) - first) * _PAIR.itemsize).tolist()
    return [blob[start:stop] for start, stop in itertools.pairwise(ends)]
