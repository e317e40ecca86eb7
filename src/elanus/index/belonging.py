"""What every index stores so that it is opened only over the column it was built from."""

from collections.abc import Mapping
from typing import Final, Protocol, Self

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.index.artefacts import artefact_array, check_agrees, check_format, description_bytes, read_description
from elanus.index.exact import ExactScan

__all__ = ["ColumnDescription", "check_column"]

Stored = dict[str, bytes | memoryview | npt.NDArray[np.uint8]]

_FORMAT_VERSION: Final = 1
_NAME: Final = "column.json"


class _Described(Protocol):
    @property
    def row_count(self) -> int: ...

    @property
    def present_count(self) -> int: ...

    @property
    def metric(self) -> str: ...


def check_column(scan: ExactScan, found: _Described, *, width: int) -> None:
    """Refuses the description of another column or metric; `width` is what it says of a stored row's elements.

    Raises:
        DataCorrupt: it is not that of the column of `scan`.
    """
    check_agrees("row count", found.row_count, scan.row_count)
    check_agrees("count of non-null rows", found.present_count, scan.present_count)
    check_agrees("width", width, scan.matrix.shape[1])
    check_agrees("metric", found.metric, scan.metric.value)


class ColumnDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What an index is, and of which column.

    Attributes:
        kind: the index type.
        present_count: rows that are not null.
        width: elements of a stored row: dimensions, or bytes of bits.
        sizes_bytes: of the other artefacts by name; faiss reads arrays in place and does not see that one is short.
    """

    version: int
    kind: str
    row_count: int
    present_count: int
    width: int
    metric: str
    sizes_bytes: dict[str, int]

    @classmethod
    def of(cls, kind: str, scan: ExactScan, stored: Stored) -> Self:
        """That of an index of type `kind` over the column of `scan`, with the artefacts `stored`."""
        row_count, width = scan.matrix.shape
        return cls(
            version=_FORMAT_VERSION,
            kind=kind,
            row_count=row_count,
            present_count=scan.present_count,
            width=width,
            metric=scan.metric.value,
            sizes_bytes={name: np.frombuffer(data, np.uint8).nbytes for name, data in stored.items()},
        )

    @classmethod
    def beside(cls, kind: str, scan: ExactScan, stored: Stored) -> Stored:
        """The artefacts `stored` and the description, a file of its own."""
        return {_NAME: description_bytes(cls.of(kind, scan, stored)), **stored}

    @classmethod
    def check(cls, artefacts: Mapping[str, memoryview | pa.Buffer], kind: str, scan: ExactScan) -> None:
        """Refuses artefacts of another index type, column or metric.

        Raises:
            DataCorrupt: they do not belong to the column, or are of a newer format.
        """
        found = read_description(artefacts, _NAME, cls)
        check_format(found.version, _FORMAT_VERSION)
        check_agrees("index type", found.kind, kind)
        check_column(scan, found, width=found.width)
        for name, size in found.sizes_bytes.items():
            artefact_array(artefacts, name, np.uint8, size)
