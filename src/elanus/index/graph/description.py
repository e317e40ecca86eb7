"""What is stored with every graph so that it is opened only over its own column, in memory as on disk."""

from typing import TypedDict

import msgspec

from elanus.index.artefacts import check_format
from elanus.index.belonging import check_column
from elanus.index.exact import ExactScan
from elanus.index.floats import FloatRows
from elanus.index.graph.coding import Coding
from elanus.schema.types import Metric

__all__ = ["CodedColumn", "GraphDescription", "coded_column"]


class CodedColumn(TypedDict):
    """A column and how its rows are coded, as `GraphDescription` has them."""

    row_count: int
    present_count: int
    dim: int
    metric: str
    bits: int
    seed: int


class GraphDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A column and how its rows are coded; what a kind of graph stores besides is added by its own description.

    Attributes:
        version: of the artefacts' format.
        bits: of a code's elements; 0 when numbers are beyond what codes hold, so that nothing else is stored.
        degree: links of a node.
    """

    version: int
    row_count: int
    present_count: int
    dim: int
    metric: str
    bits: int
    seed: int
    degree: int = 0

    def check(self, scan: ExactScan, *, newest: int) -> None:
        """Refuses a description of another column or metric, or of a format above `newest`.

        Raises:
            DataCorrupt: it is not that of the column of `scan`.
        """
        check_format(self.version, newest)
        check_column(scan, self, width=self.dim)


def coded_column(vectors: FloatRows, metric: Metric, coding: Coding | None) -> CodedColumn:
    """That of the column of `vectors`; `coding` is None when its numbers are beyond what codes hold."""
    return {
        "row_count": len(vectors.matrix),
        "present_count": len(vectors),
        "dim": vectors.dim,
        "metric": metric.value,
        "bits": 0 if coding is None else coding.bits,
        "seed": 0 if coding is None else coding.seed,
    }
