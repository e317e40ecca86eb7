"""Signatures cut into bands: rows that share a whole band with a query are candidates.

With b bands of r elements a row of similarity s shares one with probability 1 - (1 - s^r)^b (Leskovec, Rajaraman,
Ullman, Mining of Massive Datasets, chapter 3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.errors import DataCorrupt
from elanus.index.artefacts import array_bytes, artefact_array
from elanus.index.protocol import BuildContext

__all__ = ["Bands", "band_hashes", "miss_probability"]

_HASHES: Final = "band_hashes"
_ROWS: Final = "band_rows"
_BLOCK_ROWS: Final = 8192
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_FACTORS: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31))

Words = npt.NDArray[np.uint64]


def band_hashes(signatures: npt.NDArray[np.uint8], *, element_bits: int, band_count: int) -> Words:
    """(band_count, row_count) hashes of each band's elements in order; `signatures` are rows of packed elements.

    Equal bands have equal hashes; others do with odds of about 2^-64. Sums wrap around.
    """
    elements = np.ascontiguousarray(signatures).view(np.dtype(f"<u{element_bits // 8}"))
    by_band = elements.reshape(len(signatures), band_count, -1).astype(np.uint64)
    hashes = np.zeros((len(signatures), band_count), np.uint64)
    for place in range(by_band.shape[2]):
        hashes = _mixed((hashes ^ by_band[:, :, place]) + _STEP)
    return np.ascontiguousarray(hashes.T)


def miss_probability(distance: float, *, band_count: int, elements_per_band: int) -> float:
    """How likely a row at this MHJACCARD distance shares no band with the query."""
    similarity = min(1.0, max(0.0, 1.0 - distance))
    return float((1.0 - similarity**elements_per_band) ** band_count)


@dataclass(frozen=True, slots=True)
class Bands:
    """Every band of every present row, each band's rows in order of their hashes, equal ones in order of rows.

    Attributes:
        hashes: (band_count, present_count) uint64, ascending in each band.
        rows: (band_count, present_count) int32, row numbers of the column.
        element_bits: width of an element.
    """

    hashes: Words
    rows: npt.NDArray[np.int32]
    element_bits: int

    @classmethod
    def of(
        cls,
        matrix: npt.NDArray[np.uint8],
        rows: npt.NDArray[np.int64],
        *,
        element_bits: int,
        band_count: int,
        context: BuildContext,
    ) -> Self:
        """The bands of `rows` of `matrix`.

        Raises:
            Unavailable: cancelled; polled every block and every band.
        """
        hashes = np.empty((band_count, len(rows)), np.uint64)
        for start in range(0, len(rows), _BLOCK_ROWS):
            context.check_cancelled()
            block = matrix[rows[start : start + _BLOCK_ROWS]]
            hashes[:, start : start + len(block)] = band_hashes(block, element_bits=element_bits, band_count=band_count)
        ordered = np.empty(hashes.shape, np.int32)
        for band in range(band_count):
            context.check_cancelled()
            order = np.argsort(hashes[band], kind="stable")
            hashes[band], ordered[band] = hashes[band][order], rows[order]
            context.progress((band + 1) / band_count)
        return cls(hashes=hashes, rows=ordered, element_bits=element_bits)

    @classmethod
    def from_artefacts(
        cls,
        artefacts: Mapping[str, memoryview | pa.Buffer],
        *,
        element_bits: int,
        band_count: int,
        present_count: int,
        row_count: int,
    ) -> Self:
        """The bands over mapped artefacts.

        Raises:
            DataCorrupt: missing, of another size, or with a row the column does not have.
        """
        shape = (band_count, present_count)
        hashes = artefact_array(artefacts, _HASHES, np.uint64, band_count * present_count).reshape(shape)
        rows = artefact_array(artefacts, _ROWS, np.int32, band_count * present_count).reshape(shape)
        if rows.size and (int(rows[0].min()) < 0 or int(rows[0].max()) >= row_count):
            raise DataCorrupt(
                "malformed_file",
                f"index artefact {_ROWS!r} names rows beyond the {row_count} there are; rebuild the index",
            )
        return cls(hashes=hashes, rows=rows, element_bits=element_bits)

    def artefacts(self) -> dict[str, npt.NDArray[np.uint8]]:
        """The arrays as named bytes."""
        return {_HASHES: array_bytes(self.hashes), _ROWS: array_bytes(self.rows)}

    def sharing(self, query: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows that share a band with one signature, ascending, and how many bands each shares."""
        wanted = band_hashes(query[None, :], element_bits=self.element_bits, band_count=len(self.hashes))[:, 0]
        found = []
        for hashes, rows, value in zip(self.hashes, self.rows, wanted, strict=True):
            start, stop = np.searchsorted(hashes, value, side="left"), np.searchsorted(hashes, value, side="right")
            found.append(rows[start:stop])
        shared, counts = np.unique(np.concatenate(found).astype(np.int64), return_counts=True)
        return shared, counts.astype(np.int64)


def _mixed(values: Words) -> Words:
    """Each value scrambled, one to one (the finaliser of splitmix64: Steele, Lea, Flood 2014)."""
    values = (values ^ (values >> _SHIFTS[0])) * _FACTORS[0]
    values = (values ^ (values >> _SHIFTS[1])) * _FACTORS[1]
    return values ^ (values >> _SHIFTS[2])
