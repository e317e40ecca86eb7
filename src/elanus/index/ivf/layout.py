"""The artefacts all inverted files share: a description, the centroids, and the rows of each list."""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.index.artefacts import (
    check_agrees,
    check_format,
    description_bytes,
    read_description,
)
from elanus.index.belonging import check_column
from elanus.index.exact import ExactScan
from elanus.index.floats import FloatRows
from elanus.index.ivf.coarse import Centroids, centroid_artefacts, length_of_rows
from elanus.index.ivf.grouping import GroupedRows
from elanus.index.ivf.lists import InvertedLists
from elanus.schema.types import Metric

__all__ = ["read_layout", "shared_artefacts"]

_FORMAT_VERSION: Final = 2
_DESCRIPTION: Final = "lists.json"


class _Description(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored with inverted lists so that they are opened only over their own column."""

    version: int
    kind: str
    row_count: int
    present_count: int
    dim: int
    metric: str
    list_count: int
    length: float


def shared_artefacts(
    kind: str, vectors: FloatRows, metric: Metric, grouped: GroupedRows
) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
    """The description, centroids and lists of an index of type `kind`."""
    description = _Description(
        version=_FORMAT_VERSION,
        kind=kind,
        row_count=len(vectors.matrix),
        present_count=len(vectors),
        dim=vectors.dim,
        metric=metric.value,
        list_count=grouped.lists.list_count,
        length=length_of_rows(vectors, metric),
    )
    return {
        _DESCRIPTION: description_bytes(description),
        **centroid_artefacts(grouped.centroids),
        **grouped.lists.artefacts(),
    }


def read_layout(
    artefacts: Mapping[str, memoryview | pa.Buffer], kind: str, scan: ExactScan
) -> tuple[Centroids, InvertedLists]:
    """Centroids and lists over mapped artefacts.

    Raises:
        DataCorrupt: artefacts of another column, metric or index type, or of a newer format.
    """
    description = read_description(artefacts, _DESCRIPTION, _Description)
    row_count, dim = scan.matrix.shape
    check_format(description.version, _FORMAT_VERSION)
    check_agrees("index type", description.kind, kind)
    check_column(scan, description, width=description.dim)
    list_count = description.list_count
    lists = InvertedLists.from_artefacts(
        artefacts, list_count=list_count, present_count=scan.present_count, row_count=row_count
    )
    length = description.length
    return Centroids.from_artefacts(artefacts, scan.metric, dim=dim, lists=lists, length=length), lists
