"""The indexes of one sealed segment, opened at first use. A damaged one is set aside and the segment scanned."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from elanus.columns.structs import vector_column
from elanus.engine.scalar_columns import definition_path
from elanus.errors import DataCorrupt
from elanus.expr.bound import JsonPath
from elanus.index.protocol import VectorColumn, VectorIndex
from elanus.index.registry import index_type
from elanus.index.scalar.files import open_scalar_index
from elanus.objectstore.store import ObjectStore
from elanus.query.predicate_indexes import FieldIndex, SegmentPredicates
from elanus.query.primary_keys import PrimaryKeys
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
    """An index that has artefacts for a segment; `path` is where in a JSON field its values are."""

    field: Field
    definition: IndexDefinition
    files: SegmentIndex
    path: JsonPath | None = None


def artefact_prefix(segment_prefix: str, field: Field, index_id: int) -> str:
    """The folder of an index's artefacts."""
    return f"{segment_prefix}/index/{field.field_id}/{index_id}"


def built_indexes(manifest: Manifest, entry: SegmentEntry) -> dict[int, BuiltIndex]:
    """The indexes built for a segment, by index id."""
    definitions = {definition.index_id: definition for definition in manifest.indexes}
    found = {}
    for files in entry.indexes:
        definition = definitions[files.index_id]
        field = manifest.schema.find_indexed(definition.field_name)
        if field is not None:
            path = None if field.is_vector else definition_path(manifest.schema, definition)
            found[files.index_id] = BuiltIndex(field, definition, files, path)
    return found


Opened = VectorIndex | FieldIndex


class SegmentIndexes:
    """Called with the name of a vector field, gives the opened index on it or None. Thread-safe."""

    def __init__(
        self,
        store: ObjectStore,
        segment: SealedSegment,
        built: Mapping[int, BuiltIndex],
        on_damage: Callable[[int, int], None],
    ) -> None:
        """`on_damage` gets segment id and index id of an index that cannot be used."""
        self._store: Final = store
        self._segment: Final = segment
        self._built: Final = built
        self._vectors: Final = {item.field.name: item for item in built.values() if item.field.is_vector}
        self._scalars: Final[dict[str, list[BuiltIndex]]] = {}
        for item in built.values():
            if not item.field.is_vector:
                self._scalars.setdefault(item.field.name, []).append(item)
        self._keys: Final = FieldIndex("primary key", segment.primary_field.name, PrimaryKeys(segment))
        self._on_damage: Final = on_damage
        self._lock: Final = threading.Lock()
        self._opened: dict[int, Opened | None] = {}

    def __call__(self, field_name: str) -> VectorIndex | None:
        built = self._vectors.get(field_name)
        if built is None:
            return None
        opened = self._open_once(built)
        assert not isinstance(opened, FieldIndex)
        return opened

    def predicates(self) -> SegmentPredicates:
        """The indexes for filters."""
        return SegmentPredicates(self.on_scalars)

    def on_scalars(self, field_name: str) -> list[FieldIndex]:
        """The indexes on a field that is no vector; the primary key has one of its own."""
        built = self._scalars.get(field_name, ())
        found = [opened for item in built if isinstance(opened := self._open_once(item), FieldIndex)]
        return [*found, self._keys] if field_name == self._keys.field_name else found

    def with_built(self, built: Mapping[int, BuiltIndex]) -> "SegmentIndexes":
        """The same segment with other indexes; unchanged ones stay open, and damaged ones are tried again."""
        renewed = SegmentIndexes(self._store, self._segment, built, self._on_damage)
        with self._lock:
            for index_id, index in self._opened.items():
                if index is not None and index_id in built and built[index_id] == self._built[index_id]:
                    renewed._opened[index_id] = index
        return renewed

    def _open_once(self, built: BuiltIndex) -> Opened | None:
        index_id = built.files.index_id
        opened = self._opened.get(index_id)
        if opened is not None:
            return opened
        with self._lock:
            if index_id not in self._opened:
                self._opened[index_id] = self._open(built)
            return self._opened[index_id]

    def _open(self, built: BuiltIndex) -> Opened | None:
        definition = built.definition
        folder = artefact_prefix(self._segment.prefix, built.field, definition.index_id)
        try:
            artefacts = map_artefacts(self._store, folder, built.files.artefacts)
            if not built.field.is_vector:
                index = open_scalar_index(artefacts, self._segment.row_count)
                steps = None if built.path is None else built.path.steps
                cast = "" if built.path is None else str(definition.params["json_cast_type"])
                return FieldIndex(definition.index_name, built.field.name, index, steps, cast)
            assert definition.metric is not None
            column = VectorColumn(built.field, vector_column(self._segment.column, built.field))
            return index_type(definition.index_type).open(column, definition.metric, definition.params, artefacts)
        except DataCorrupt as error:
            _logger.error("index %r will be rebuilt, searches scan until then: %s", definition.index_name, error)  # noqa: TRY400
            self._on_damage(self._segment.segment_id, definition.index_id)
            return None
