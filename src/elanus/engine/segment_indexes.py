"""The indexes of one sealed segment, opened at first use. A damaged one is set aside and the segment scanned."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from elanus.errors import DataCorrupt
from elanus.index.protocol import VectorColumn, VectorIndex
from elanus.index.registry import index_type
from elanus.objectstore.store import ObjectStore
from elanus.runtime.log import get_logger
from elanus.schema.collection import IndexDefinition
from elanus.schema.field import Field
from elanus.storage.artefacts import map_artefacts
from elanus.storage.manifest import Manifest, SegmentEntry, SegmentIndex
from elanus.storage.segment.reader import SealedSegment

__all__ = ["BuiltIndex", "SegmentIndexes", "artefact_prefix", "built_indexes"]

_logger: Final = get_logger("engine.indexes")


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """An index that has artefacts for a segment."""

    field: Field
    definition: IndexDefinition
    files: SegmentIndex


def artefact_prefix(segment_prefix: str, field: Field, index_id: int) -> str:
    """The folder of an index's artefacts."""
    return f"{segment_prefix}/index/{field.field_id}/{index_id}"


def built_indexes(manifest: Manifest, entry: SegmentEntry) -> dict[str, BuiltIndex]:
    """The indexes built for a segment, by field name."""
    definitions = {definition.index_id: definition for definition in manifest.indexes}
    found = {}
    for files in entry.indexes:
        definition = definitions[files.index_id]
        field = manifest.schema.find(definition.field_name)
        if field is not None and field.is_vector:
            found[field.name] = BuiltIndex(field, definition, files)
    return found


class SegmentIndexes:
    """Called with a field name, gives the opened index on it or None. Thread-safe."""

    def __init__(
        self,
        store: ObjectStore,
        segment: SealedSegment,
        built: Mapping[str, BuiltIndex],
        on_damage: Callable[[int, int], None],
    ) -> None:
        """`on_damage` gets segment id and index id of an index that cannot be used."""
        self._store: Final = store
        self._segment: Final = segment
        self._built: Final = built
        self._on_damage: Final = on_damage
        self._lock: Final = threading.Lock()
        self._opened: dict[str, VectorIndex | None] = {}

    def __call__(self, field_name: str) -> VectorIndex | None:
        opened = self._opened.get(field_name)
        if opened is not None or field_name not in self._built:
            return opened
        with self._lock:
            if field_name not in self._opened:
                self._opened[field_name] = self._open(self._built[field_name])
            return self._opened[field_name]

    def with_built(self, built: Mapping[str, BuiltIndex]) -> "SegmentIndexes":
        """The same segment with other indexes; unchanged ones stay open, and damaged ones are tried again."""
        renewed = SegmentIndexes(self._store, self._segment, built, self._on_damage)
        with self._lock:
            for name, index in self._opened.items():
                if index is not None and name in built and built[name] == self._built[name]:
                    renewed._opened[name] = index
        return renewed

    def _open(self, built: BuiltIndex) -> VectorIndex | None:
        definition = built.definition
        assert definition.metric is not None
        column = VectorColumn(built.field, self._segment.column(built.field.name))
        folder = artefact_prefix(self._segment.prefix, built.field, definition.index_id)
        try:
            artefacts = map_artefacts(self._store, folder, built.files.artefacts)
            return index_type(definition.index_type).open(column, definition.metric, definition.params, artefacts)
        except DataCorrupt as error:
            _logger.error("index %r will be rebuilt, searches scan until then: %s", definition.index_name, error)  # noqa: TRY400
            self._on_damage(self._segment.segment_id, definition.index_id)
            return None
