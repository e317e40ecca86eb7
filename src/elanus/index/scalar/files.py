"""Scalar indexes to files and back: which structure an index type is, and what a build leaves behind.

The files say which structure they hold, so that AUTOINDEX chooses anew for every segment.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.errors import DataCorrupt
from elanus.index.artefacts import check_agrees, check_format, description_bytes, read_description
from elanus.index.protocol import BuildContext
from elanus.index.scalar.bitmaps import bitmap_artefacts, open_bitmaps
from elanus.index.scalar.boxes import box_artefacts, open_boxes
from elanus.index.scalar.grouping import group_rows
from elanus.index.scalar.keys import open_keys
from elanus.index.scalar.ngrams import ngram_artefacts, open_ngrams
from elanus.index.scalar.postings import open_postings, posting_artefacts
from elanus.index.scalar.protocol import ScalarColumn, ScalarIndex
from elanus.index.scalar.row_sets import open_row_sets, row_set_artefacts, stored_set_names
from elanus.index.scalar.rules import CARDINALITY_LIMIT_DEFAULT

__all__ = ["build_scalar_index", "open_scalar_index"]

_FORMAT: Final = 1
_DESCRIPTION: Final = "index.json"
_ROW_COUNT_MAX: Final = 1 << 32


class _Description(msgspec.Struct, frozen=True):
    """What the other files are.

    Attributes:
        structure: `postings`, `bitmaps`, `ngrams` or `boxes`.
        key_count: distinct values, or boxes.
        key_type: of the keys of postings and bitmaps.
        row_sets: the sets of `protocol.RowSets` that have a file.
        gram_min, gram_max: lengths of grams in characters.
    """

    format: int
    structure: str
    row_count: int
    key_type: str = ""
    key_count: int = 0
    row_sets: tuple[str, ...] = ()
    gram_min: int = 0
    gram_max: int = 0


def build_scalar_index(
    column: ScalarColumn, index_type: str, params: Mapping[str, Any], context: BuildContext
) -> dict[str, bytes | npt.NDArray[np.uint8]]:
    """The artefacts of an index of a checked type and checked parameters.

    Raises:
        Unavailable: cancelled.
    """
    row_count = len(column.array)
    assert row_count == column.sets.row_count < _ROW_COUNT_MAX
    names, files = stored_set_names(column.sets), row_set_artefacts(column.sets)
    if index_type == "NGRAM":
        low, high = int(params["min_gram"]), int(params["max_gram"])
        description = _Description(_FORMAT, "ngrams", row_count, row_sets=names, gram_min=low, gram_max=high)
        files.update(ngram_artefacts(column.array, gram_min=low, gram_max=high, context=context))
        return {_DESCRIPTION: description_bytes(description), **files}
    if pa.types.is_fixed_size_list(column.array.type):
        box_count = row_count - column.array.null_count
        description = _Description(_FORMAT, "boxes", row_count, key_count=box_count, row_sets=names)
        files.update(box_artefacts(column.array, context))
        return {_DESCRIPTION: description_bytes(description), **files}
    context.check_cancelled()
    grouping = group_rows(column.array)
    context.check_cancelled()
    is_bitmap = index_type == "BITMAP"
    if index_type == "AUTOINDEX":
        is_bitmap = len(grouping.keys) <= params.get("bitmap_cardinality_limit", CARDINALITY_LIMIT_DEFAULT)
    files.update(bitmap_artefacts(grouping, row_count) if is_bitmap else posting_artefacts(grouping))
    description = _Description(
        _FORMAT, "bitmaps" if is_bitmap else "postings", row_count, grouping.key_type, len(grouping.keys), names
    )
    return {_DESCRIPTION: description_bytes(description), **files}


def open_scalar_index(artefacts: Mapping[str, memoryview | pa.Buffer], row_count: int) -> ScalarIndex:
    """An index over mapped artefacts, without copying what is large.

    Raises:
        DataCorrupt: artefacts that do not belong together or to a column of `row_count` rows.
    """
    description = read_description(artefacts, _DESCRIPTION, _Description)
    check_format(description.format, _FORMAT)
    check_agrees("rows", description.row_count, row_count)
    sets = open_row_sets(artefacts, description.row_sets, row_count)
    match description.structure:
        case "ngrams":
            return open_ngrams(artefacts, sets, gram_min=description.gram_min, gram_max=description.gram_max)
        case "boxes":
            return open_boxes(artefacts, sets, box_count=description.key_count)
        case "postings":
            keys = open_keys(artefacts, description.key_type, description.key_count)
            return open_postings(artefacts, keys, sets)
        case "bitmaps":
            keys = open_keys(artefacts, description.key_type, description.key_count)
            return open_bitmaps(artefacts, keys, sets)
        case other:
            raise DataCorrupt("newer_format", f"the index has structure {other!r}, which this program does not know")
