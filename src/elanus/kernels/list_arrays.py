"""The arrays of inverted lists, as `ivf` and `rabitq` take them and the reference reads them."""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats, Rows, Words

__all__ = ["BLOCK_ROWS", "ROTATION_ROUNDS", "ByteLists", "IvfLists", "IvfQuestion", "RabitqLists"]

BLOCK_ROWS: Final = 32
"""Rows whose codes are stored together."""

ROTATION_ROUNDS: Final = 3


class IvfQuestion(NamedTuple):
    """What is searched for, and where.

    Attributes:
        metric: L2, IP or COSINE.
        queries: (query_count, dim), as `distance` takes them.
        base: (row_count, dim) the column.
        vectors: (query_count, dim) float32, the queries as floats.
        length: that of queries when lists compare them, 1 for COSINE, 0 for L2; 0 leaves them as they are.
        ranking: L2 or IP, what the nearest lists are by.
        square_weight: so many times the centroid's squared length is taken from the product, for IP.
        allow: the rows that may be found.
    """

    metric: str
    queries: npt.NDArray[Any]
    base: npt.NDArray[Any]
    vectors: Floats
    length: float
    ranking: str
    square_weight: float
    allow: Words | None


class IvfLists(NamedTuple):
    """Centroids and the rows of each list.

    Attributes:
        centroids: (list_count, dim) float32.
        codes: (list_count, dim) int8; code times scale is about centroid less origin.
        scales: (dim,) float32.
        origin: (dim,) float32.
        squares: (2, list_count) float32: squared lengths of the centroids, and of centroids less origin.
        offsets: (list_count + 1,) int64, ascending.
        members: int32 row numbers; those of list i are members[offsets[i]:offsets[i + 1]], their positions are places.
    """

    centroids: Floats
    codes: npt.NDArray[np.int8]
    scales: Floats
    origin: Floats
    squares: Floats
    offsets: Rows
    members: npt.NDArray[np.int32]


class ByteLists(NamedTuple):
    """Rows as bytes, in the order of places: code times scale is about row less centroid.

    Attributes:
        scales: (dim,) float32.
        origin: (dim,) float32, zero unless the metric is L2.
        codes: (place_count, dim) int8.
        constants: (place_count,) float32 for L2, empty otherwise: |r|^2 + 2 (c - origin) r for the difference r from
            the centroid c.
    """

    scales: Floats
    origin: Floats
    codes: npt.NDArray[np.int8]
    constants: Floats


class RabitqLists(NamedTuple):
    """Codes of rows in the order of places (`IvfLists`), of the difference r from the centroid c after the rotation P.

    With s the signs of P r as -1 and 1, u a finer code less its middle, o the origin, and f = |r|^2 / <s, P r> or
    |r|^2 / <u, P r>, the key of a row is, up to what is the same for its whole list,

        L2: |r|^2 + 2 f <s, P(c - o)> - 2 f <s, P(q - o)>        IP: f <s, P(c - o)> - <r, c> - f <s, P(q - o)>

    Attributes:
        signs: (3, padded dim) float32 of -1 and 1, the rotation.
        origin: (dim,) float32.
        blocks: (ceil(place_count / 32), 4 * padded dim) uint8. Byte 16 t + j has in its low half bits of row j of
            the block, in its high half of row 16 + j: those of dimensions 4 t to 4 t + 3, the first lowest.
        factors: (3, place_count) float32: the constant terms of the key, the factor of <s, P(q - o)>, and how far the
            key may be off when the query is at a distance of 1 from the centroid.
        fine_bits: bits a dimension of both codes together, 1 to 8.
        fine: (place_count, (fine_bits - 1) * padded dim / 8) uint8, the lower bits; (0, 0) when there are none. With
            n of them and segments of padded dim / 8 dimensions, the n bytes at i, i + segment, ... are one
            little-endian number, and its bits n j to n j + n - 1 are of dimension j * segment + i.
        fine_factors: (2, place_count) float32 as the first two of `factors`, for u; (2, 0) when there are none.
    """

    signs: Floats
    origin: Floats
    blocks: npt.NDArray[np.uint8]
    factors: Floats
    fine_bits: int
    fine: npt.NDArray[np.uint8]
    fine_factors: Floats
