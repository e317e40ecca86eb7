"""MINHASH_LSH: its parameters, searching by bands, and opening it."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.errors import InvalidInput
from elanus.index.artefacts import mapped_bytes
from elanus.index.belonging import ColumnDescription
from elanus.index.binary.matching import ELEMENT_BITS_DEFAULT, ElementBitsParam, MatchScan, check_element_bits
from elanus.index.cursor import WidelySearched
from elanus.index.eligibility import check_eligible
from elanus.index.flat.index import FlatIndex
from elanus.index.minhash.bands import Bands, miss_probability
from elanus.index.params import INT_MAX, BoolParam, FloatParam, IntParam, checked_params
from elanus.index.planning import EXACT_ROW_COUNT
from elanus.index.protocol import (
    Artefacts,
    BuildContext,
    IndexSize,
    RangeBounds,
    SearchHits,
    VectorColumn,
    VectorIndex,
)
from elanus.index.ranking import best_first
from elanus.index.rescoring import replaced_where_short, rescored
from elanus.index.strategy import SearchStrategy
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

__all__ = ["MinHashIndex", "MinHashLshType"]

_MISS_MAX: Final = 0.01
_ELEMENTS_PER_BAND: Final = 4
_ELEMENT_BITS: Final = ElementBitsParam(default=ELEMENT_BITS_DEFAULT)
_BAND: Final = "mh_lsh_band"
_SEARCH_PARAMS: Final = (
    BoolParam("mh_search_with_jaccard", default=False),
    IntParam("refine_k", 1, INT_MAX),
    BoolParam("mh_lsh_batch_search", default=False),
)


@dataclass(frozen=True, slots=True)
class MinHashIndex(WidelySearched):
    """Opened bands over a column of signatures.

    Attributes:
        scan: the column and its exact scores.
        bands: which rows share a band.
        elements_per_band: as it says.
        bytes_used: what `size` says.
    """

    scan: MatchScan
    bands: Bands
    elements_per_band: int
    bytes_used: IndexSize

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`.

        Candidates are the rows that share most bands, `k` of them or `refine_k` with `mh_search_with_jaccard`. A query
        that shares bands with fewer than `k` allowed rows is answered by a scan.
        """
        visible = self.scan.visible(allow)
        if self._is_scanned(k, visible):
            return self.scan.search(queries, k, visible)
        candidates = [self._candidates(query, self._pool(k, params), visible) for query in queries]
        return replaced_where_short(rescored(self.scan, queries, candidates, k), self.scan, queries, visible)

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`; compared are the rows whose signatures are."""
        visible = self.scan.visible(allow)
        allowed_count = self.scan.visible_count(visible)
        if self._is_scanned(k, visible):
            reason = f"a scan of {allowed_count} allowed rows is cheapest"
            return SearchStrategy(exact=True, reason=reason, compared_count=allowed_count * len(queries))
        found = [len(self._candidates(query, self._pool(k, params), visible)) for query in queries]
        scanned_count = sum(count < k for count in found)
        given_up = (
            f", too few, so that {allowed_count} rows were scanned, {scanned_count} times" if scanned_count else ""
        )
        return SearchStrategy(
            exact=False,
            reason=f"rows that share most of {len(self.bands.hashes)} bands{given_up}",
            compared_count=sum(found) + scanned_count * allowed_count,
        )

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`: of the rows that share a band with the query.

        Scans instead when more than a hundredth of the rows at the radius would share none.
        """
        visible = self.scan.visible(allow)
        missed = miss_probability(
            bounds.radius, band_count=len(self.bands.hashes), elements_per_band=self.elements_per_band
        )
        if missed > _MISS_MAX:
            return self.scan.range_search(query, bounds, visible)
        rows = self._candidates(query, self.scan.row_count, visible)
        scores = self.scan.scores(query, rows)
        inside = bounds.accepts(self.scan.metric, scores)
        return best_first(self.scan.metric, scores[inside], rows[inside], len(rows))

    def size(self) -> IndexSize:
        """Bytes of the bands; the column is not counted."""
        return self.bytes_used

    def _is_scanned(self, k: int, visible: Bitset | None) -> bool:
        return self.scan.visible_count(visible) <= max(k, EXACT_ROW_COUNT)

    def _pool(self, k: int, params: Mapping[str, Any]) -> int:
        return max(k, params.get("refine_k", k)) if params["mh_search_with_jaccard"] else k

    def _candidates(self, query: npt.NDArray[Any], pool: int, visible: Bitset | None) -> npt.NDArray[np.int64]:
        rows, counts = self.bands.sharing(query)
        if visible is not None:
            kept = visible.test(rows)
            rows, counts = rows[kept], counts[kept]
        if len(rows) <= pool:
            return rows
        return rows[np.lexsort((rows, -counts))[:pool]]


@dataclass(frozen=True, slots=True)
class MinHashLshType:
    """MINHASH_LSH.

    Artefacts: `column.json`, `band_hashes` and `band_rows`, 12 bytes a row and band. A column of at most 1,000 present
    rows is scanned and has none. `mh_lsh_code_in_mem`, `with_raw_data`, `mh_lsh_bloom_false_positive_prob` and
    `mh_lsh_batch_search` are taken and change no answer: bands are mapped and looked up by binary search, and the
    column is the raw data.
    """

    name: str = "MINHASH_LSH"

    def data_types(self) -> frozenset[DataType]:
        """Bits, which are packed elements."""
        return frozenset({DataType.BINARY_VECTOR})

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`mh_element_bit_width`, `mh_lsh_band` and those that change no answer. MHJACCARD only.

        `mh_lsh_band` divides the number of elements; by default bands have four elements, or as few more as divide it.
        """
        check_eligible(self.name, field, metric, self.data_types(), metrics=frozenset({Metric.MHJACCARD}))
        assert field.dim is not None
        given_bits = params.get(_ELEMENT_BITS.name)
        bits = ELEMENT_BITS_DEFAULT if given_bits is None else _ELEMENT_BITS.checked(given_bits, self.name)
        check_element_bits(field, bits)
        length = field.dim // bits
        specs = (
            _ELEMENT_BITS,
            IntParam(_BAND, 1, length, default=_default_band_count(length), high_name="elements of a signature"),
            BoolParam("mh_lsh_code_in_mem", default=False),
            BoolParam("with_raw_data", default=True),
            FloatParam("mh_lsh_bloom_false_positive_prob", 0.001, 0.1, default=0.01),
        )
        complete = checked_params(self.name, specs, params)
        if length % complete[_BAND]:
            raise InvalidInput(
                "out_of_range",
                f"{self.name} parameter {_BAND} is {complete[_BAND]}, expected a divisor of the {length} elements of a "
                "signature",
                field=field.name,
            )
        return complete

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`mh_search_with_jaccard`, `refine_k` and `mh_lsh_batch_search`."""
        return checked_params(self.name, _SEARCH_PARAMS, params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """The bands; nothing for a small column."""
        scan = MatchScan.of(column, metric, params[_ELEMENT_BITS.name])
        if scan.present_count <= EXACT_ROW_COUNT:
            return {}
        rows = np.arange(scan.row_count) if scan.present is None else scan.present.rows()
        bands = Bands.of(scan.matrix, rows, element_bits=scan.element_bits, band_count=params[_BAND], context=context)
        return ColumnDescription.beside(self.name, scan, {**bands.artefacts()})

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A search over the mapped bands and the column."""
        scan = MatchScan.of(column, metric, params[_ELEMENT_BITS.name])
        if scan.present_count <= EXACT_ROW_COUNT:
            return FlatIndex(scan)
        ColumnDescription.check(artefacts, self.name, scan)
        bands = Bands.from_artefacts(
            artefacts,
            element_bits=scan.element_bits,
            band_count=params[_BAND],
            present_count=scan.present_count,
            row_count=scan.row_count,
        )
        length = 8 * scan.matrix.shape[1] // scan.element_bits
        size = IndexSize(mapped_bytes=mapped_bytes(artefacts), memory_bytes=0)
        return MinHashIndex(scan=scan, bands=bands, elements_per_band=length // params[_BAND], bytes_used=size)


def _default_band_count(length: int) -> int:
    """The largest divisor of `length` that leaves at least four elements a band; 1 for shorter signatures."""
    most = max(1, length // _ELEMENTS_PER_BAND)
    return next(count for count in range(most, 0, -1) if length % count == 0)
