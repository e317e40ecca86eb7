"""Which vector fields of growing rows get an interim index, and those that one chunk has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from elanus.engine.scalar_columns import is_built
from elanus.index.interim import InterimIndex, has_interim
from elanus.schema.collection import IndexDefinition
from elanus.storage.manifest import Manifest

__all__ = ["InterimIndexes", "interim_definitions"]


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
