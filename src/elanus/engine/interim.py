"""Which vector fields of growing rows get an interim index; those of a chunk, and of the segment the rows became.

A sealed segment keeps them until it has indexes of its own: its rows lie in the order in which they grew.
"""

import threading
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from elanus.engine.scalar_columns import is_built
from elanus.index.interim import InterimIndex, has_interim
from elanus.index.interim_runs import InterimRuns
from elanus.index.protocol import VectorColumn
from elanus.schema.collection import IndexDefinition, Schema
from elanus.storage.chunk import GrowingSegment
from elanus.storage.manifest import Manifest
from elanus.storage.segment.reader import SealedSegment

__all__ = ["InterimIndexes", "SealedInterim", "interim_definitions"]


@dataclass(frozen=True, slots=True)
class InterimIndexes:
    """The `ChunkIndex` of a chunk: by the definitions they were built for, which may have changed since."""

    built: Mapping[int, tuple[IndexDefinition, InterimIndex]]

    @property
    def memory_bytes(self) -> int:
        return sum(index.memory_bytes for _, index in self.built.values())

    def covers(self, definitions: Sequence[IndexDefinition]) -> bool:
        """Whether there is one for each definition, as it now is."""
        return all(self._of(definition) is not None for definition in definitions)

    def on_field(self, definitions: Sequence[IndexDefinition], field_name: str) -> InterimIndex | None:
        """The index on a field by one of the collection's definitions; None when it has none of those."""
        definition = next((one for one in definitions if one.field_name == field_name), None)
        return None if definition is None else self._of(definition)

    def _of(self, definition: IndexDefinition) -> InterimIndex | None:
        built = self.built.get(definition.index_id)
        return built[1] if built is not None and built[0] == definition else None


@dataclass(frozen=True, slots=True)
class _Run:
    """Rows of a segment from `start` on, and what opens the index over them."""

    start: int
    row_count: int
    opened: Callable[[VectorColumn], InterimIndex]


class SealedInterim:
    """The interim indexes of a segment, opened over its column when first asked for. Thread-safe."""

    def __init__(self, segment: SealedSegment, schema: Schema, grown: GrowingSegment) -> None:
        """`segment` has the rows of `grown`, whose memory is let go."""
        self._segment: Final = segment
        self._schema: Final = schema
        self._lock: Final = threading.Lock()
        self._opened: Final[dict[int, InterimRuns]] = {}
        self._runs: Final[dict[int, tuple[IndexDefinition, list[_Run]]]] = {}
        start = 0
        for chunk in grown.chunks:
            built = chunk.index.built if isinstance(chunk.index, InterimIndexes) else {}
            for index_id, (definition, index) in built.items():
                # Vectors in arrays of structs are numbered apart from rows; those are scanned.
                if schema.find(definition.field_name) is not None:
                    known, runs = self._runs.setdefault(index_id, (definition, []))
                    if known == definition:
                        runs.append(_Run(start, chunk.rows.row_count, index.elsewhere()))
            start += chunk.rows.row_count

    def is_needed(self, definitions: Sequence[IndexDefinition], built_ids: Container[int]) -> bool:
        """Whether there is one that the segment has no index for, by the definitions there are."""
        return any(
            definition.index_id in self._runs and definition.index_id not in built_ids for definition in definitions
        )

    def on_field(self, definitions: Sequence[IndexDefinition], field_name: str) -> InterimRuns | None:
        """The index on a field by one of the collection's definitions; None when it has none of those.

        Raises:
            DataCorrupt: the segment's column is damaged.
        """
        definition = next((one for one in definitions if one.field_name == field_name), None)
        if definition is None or self._runs.get(definition.index_id, (None,))[0] != definition:
            return None
        found = self._opened.get(definition.index_id)
        if found is not None:
            return found
        with self._lock:
            if definition.index_id not in self._opened:
                self._opened[definition.index_id] = self._open(definition)
            return self._opened[definition.index_id]

    def _open(self, definition: IndexDefinition) -> InterimRuns:
        field = self._schema.find(definition.field_name)
        assert field is not None, definition.field_name
        assert definition.metric is not None, definition.index_name
        column = self._segment.column(field.name)
        runs = [
            (run.start, run.opened(VectorColumn(field, column.slice(run.start, run.row_count))))
            for run in self._runs[definition.index_id][1]
        ]
        return InterimRuns.over(VectorColumn(field, column), definition.metric, runs)


def interim_definitions(manifest: Manifest) -> tuple[IndexDefinition, ...]:
    """The indexes whose fields get one on growing rows."""
    found = []
    for definition in manifest.indexes:
        field = manifest.schema.find_indexed(definition.field_name)
        if field is None or not field.is_vector or definition.metric is None:
            continue
        if is_built(manifest.schema, definition) and has_interim(definition.index_type, field, definition.metric):
            found.append(definition)
    return tuple(found)
