"""What building and opening have in common in all inverted files of our own: lists, codes, and what recall costs."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from elanus.index.artefacts import mapped_bytes
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.floats import FloatRows
from elanus.index.ivf.coarse import Centroids
from elanus.index.ivf.effort import ListCalibration
from elanus.index.ivf.grouping import GroupedRows, grouped_rows
from elanus.index.ivf.layout import read_layout, shared_artefacts
from elanus.index.ivf.measuring import measured
from elanus.index.ivf.search import IvfIndex, ListSearch
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, VectorColumn, VectorIndex
from elanus.schema.types import Metric

__all__ = ["built_lists", "opened_lists"]

SourceOf = Callable[[Centroids], ListSearch]
Encode = Callable[[FloatRows, GroupedRows], tuple[Mapping[str, npt.NDArray[np.uint8]], SourceOf]]
"""Gives the artefacts of the codes of all present rows, and what finds rows by them."""


def built_lists(
    kind: str, column: VectorColumn, metric: Metric, nlist: int, context: BuildContext, encode: Encode
) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
    """The artefacts of an index of type `kind`; nothing at all when every row is null.

    Raises:
        Unavailable: cancelled.
    """
    vectors = FloatRows.of(column, metric)
    if len(vectors) == 0:
        return {}
    grouped = grouped_rows(vectors, nlist, context)
    coded, source_of = encode(vectors, grouped)
    shared = shared_artefacts(kind, vectors, metric, grouped)
    scan = ExactScan.over(column, metric)
    centroids, _ = read_layout(shared, kind, scan)
    calibration = measured(scan, vectors, grouped, centroids, source_of(centroids), context)
    context.progress(1.0)
    return {**shared, **coded, **calibration.artefacts()}


def opened_lists(
    kind: str,
    column: VectorColumn,
    metric: Metric,
    artefacts: Artefacts,
    source_of: Callable[[Centroids, int], ListSearch],
) -> VectorIndex:
    """A search over the mapped lists and the column.

    `source_of` opens what finds rows by their codes; it is given the number of present rows.

    Raises:
        DataCorrupt: artefacts that do not belong together or to the column.
    """
    scan = ExactScan.over(column, metric)
    if scan.present_count == 0:
        return FlatIndex(scan)
    centroids, lists = read_layout(artefacts, kind, scan)
    return IvfIndex(
        scan=scan,
        centroids=centroids,
        lists=lists,
        source=source_of(centroids, scan.present_count),
        calibration=ListCalibration.from_artefacts(artefacts),
        bytes_used=IndexSize(mapped_bytes=mapped_bytes(artefacts), memory_bytes=0),
    )
