"""Takes a column of JSON apart when a segment is sealed: typed columns by path, beside the text they come from.

The text stays as it was inserted: it is what documents are returned from, exactly, and where everything is that no
column has. A path gets columns when enough rows have a value at it; of a rarer one its rows are noted, so that their
text is all that has to be read; of further ones it is noted where they may be.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.kernels.json_texts import JsonPathColumn, JsonPathFacts, json_paths, json_values
from elanus.storage.segment.shredded_columns import BufferFile, PathColumnWriter
from elanus.storage.segment.shredded_directory import PathEntry, ShreddedDirectory

__all__ = ["ShreddingRules", "shred"]

_DEPTH_MAX: Final = 16
_KEY_BYTES_MAX: Final = 256
# Paths of which the directory knows something, for each that may have columns.
_TOLD_FOR_EACH_COLUMN: Final = 4
_BLOCK_ROWS: Final = 65_536
# Columns of so many paths are made together, and no more than need this memory, strings aside.
_GROUP_PATHS_MAX: Final = 128
_GROUP_BYTES: Final = 256 << 20
# Kind, number and row of a value.
_VALUE_BYTES: Final = 13

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ShreddingRules:
    """Which paths get columns: the most frequent of those that enough rows have.

    Attributes:
        column_count_max: of one field.
        share_min: of the rows, that must have a value at the path.
    """

    column_count_max: int
    share_min: float


def shred(column: pa.Array, rules: ShreddingRules, put: Callable[[list[memoryview]], None]) -> ShreddedDirectory:
    """Takes apart a column of JSON texts; the directory, which lacks the names of the files.

    `put` is given the contents of one file after another, in parts.
    """
    texts = _Texts(column)
    facts, unread = texts.paths(rules)
    chosen = _chosen(facts, len(column), rules)
    file = BufferFile(0)
    unread_place = file.add(unread.astype(np.int32))
    places = {fact.path: place for place, fact in enumerate(facts)}
    entries = [_entry(fact, places, file, is_chosen=place in chosen) for place, fact in enumerate(facts)]
    put(file.parts)
    for number, group in enumerate(_groups(facts, sorted(chosen)), start=1):
        file = BufferFile(number)
        for place, written in zip(group, _path_columns(texts, [facts[place] for place in group]), strict=True):
            entries[place] = written.entry(file, entries[place])
        put(file.parts)
    return ShreddedDirectory(len(column), entries, unread_place)


class _Texts:
    """The texts of a column as the kernels want them."""

    def __init__(self, column: pa.Array) -> None:
        validity, offsets, data = column.buffers()
        self.row_count: Final = len(column)
        self._offsets: npt.NDArray[np.int32] = np.zeros(1, np.int32)
        self._data: npt.NDArray[np.uint8] = np.empty(0, np.uint8)
        if offsets is not None:
            self._offsets = np.frombuffer(offsets, np.int32, len(column) + 1, column.offset * 4)
        if data is not None:
            self._data = np.frombuffer(data, np.uint8)
        self._valid: Bitset | None = None
        if column.null_count and validity is not None:
            packed = np.frombuffer(validity, np.uint8)
            self._valid = Bitset.from_packed(packed, offset=column.offset, size=len(column))

    def paths(self, rules: ShreddingRules) -> tuple[list[JsonPathFacts], Rows]:
        return json_paths(
            self._offsets,
            self._data,
            valid=None if self._valid is None else self._valid.words,
            path_count_max=_TOLD_FOR_EACH_COLUMN * rules.column_count_max,
            depth_max=_DEPTH_MAX,
            key_bytes_max=_KEY_BYTES_MAX,
            row_count_max=int(rules.share_min * self.row_count),
        )

    def values(self, paths: Sequence[tuple[bytes, ...]]) -> Iterator[list[JsonPathColumn]]:
        """The values at each path, block by block of rows."""
        for start in range(0, self.row_count, _BLOCK_ROWS):
            size = min(_BLOCK_ROWS, self.row_count - start)
            valid = None if self._valid is None else self._valid.part(start, size).words
            yield json_values(self._offsets[start : start + size + 1], self._data, paths, valid=valid)[0]


def _chosen(facts: Sequence[JsonPathFacts], row_count: int, rules: ShreddingRules) -> frozenset[int]:
    """The places of the paths that get columns."""
    totals = [(sum(fact.counts), -place) for place, fact in enumerate(facts)]
    frequent = sorted((item for item in totals if item[0] and item[0] >= rules.share_min * row_count), reverse=True)
    return frozenset(-place for _, place in frequent[: rules.column_count_max])


def _entry(
    fact: JsonPathFacts, places: Mapping[tuple[bytes, ...], int], file: BufferFile, *, is_chosen: bool
) -> PathEntry:
    """What is known of a path without its columns."""
    return PathEntry(
        parent=places[fact.path[:-1]] if fact.path else -1,
        key=fact.path[-1].decode() if fact.path else "",
        counts=fact.counts,
        is_open=fact.is_open,
        rows=None if is_chosen or fact.rows is None else file.add(fact.rows.astype(np.int32)),
    )


def _groups(facts: Sequence[JsonPathFacts], places: Sequence[int]) -> Iterator[list[int]]:
    """The places, those together whose columns are made together."""
    group: list[int] = []
    size_bytes = 0
    for place in places:
        path_bytes = _VALUE_BYTES * sum(facts[place].counts)
        if group and (len(group) == _GROUP_PATHS_MAX or size_bytes + path_bytes > _GROUP_BYTES):
            yield group
            group, size_bytes = [], 0
        group.append(place)
        size_bytes += path_bytes
    if group:
        yield group


def _path_columns(texts: _Texts, facts: Sequence[JsonPathFacts]) -> list[PathColumnWriter]:
    writers = [PathColumnWriter(texts.row_count, fact.counts) for fact in facts]
    for block in texts.values([fact.path for fact in facts]):
        for writer, column in zip(writers, block, strict=True):
            writer.append(column)
    return writers
