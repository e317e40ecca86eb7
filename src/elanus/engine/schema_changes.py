"""Changes of a collection's schema while it is read and written: fields added, altered and dropped.

Stored rows are not touched: a field that came later is null or its default in them, and one that was dropped is left
out until compaction writes them anew. Writes under way when the schema changes are fitted to it when they are applied.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from elanus.columns.fitting import fitted_batch
from elanus.engine.collection import Collection
from elanus.engine.state import CollectionState, SealedUnit
from elanus.errors import InvalidInput, NotFound
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.rules import check_schema
from elanus.storage.chunk import Chunk, ChunkRows, GrowingSegment
from elanus.storage.manifest import Change, IndexDropped, Manifest, SchemaChanged

__all__ = ["add_field", "alter_field", "drop_field", "enable_dynamic_field"]

_SIZES: Final = ("max_length", "max_capacity")
_SETTINGS: Final = ("mmap.enabled", "mmap_enabled", "warmup")


def add_field(collection: Collection, field: Field) -> None:
    """A new last field, which is null or its default in the rows there are.

    Raises:
        InvalidInput: it breaks a rule of schemas, is a key or generated, or rows could not be without it.
    """
    for is_so, what in (
        (field.is_primary, "a primary key"),
        (field.auto_id, "generated (auto_id)"),
        (field.is_partition_key, "a partition key"),
        (field.is_clustering_key, "a clustering key"),
        (field.is_dynamic, "the dynamic field"),
    ):
        if is_so:
            raise _wrong(field.name, f"is added to a collection that exists and cannot be {what}")
    if not field.nullable:
        raise _wrong(
            field.name, "is added to a collection that exists and must be nullable: its rows have no value yet"
        )

    def changed(schema: Schema) -> Schema:
        if schema.find(field.name) is not None:
            raise _wrong(field.name, "exists already")
        hidden = tuple(one for one in schema.fields if one.is_dynamic)
        return schema.with_fields((*schema.user_fields, field, *hidden))

    _change(collection, changed)


def alter_field(collection: Collection, name: str, settings: dict[str, str], removed: Sequence[str]) -> None:
    """Sets `max_length`, `max_capacity` and settings of a field, or of a member of structs as `array[member]`.

    Values there are stay as they are, also where they are longer than a new maximum.

    Raises:
        NotFound: there is no such field.
        InvalidInput: a setting that cannot be altered, or out of range.
    """
    for setting in (*settings, *removed):
        if setting not in _SETTINGS and (setting not in _SIZES or setting in removed):
            able = ", ".join((*_SIZES, *_SETTINGS))
            raise InvalidInput(
                "invalid_argument", f"field {name!r}: {setting!r} cannot be altered; {able} can", field=name
            )
    sizes = {key: _whole(name, key, settings[key]) for key in _SIZES if key in settings}

    def altered(field: Field) -> Field:
        if "max_length" in sizes and field.max_length is None:
            raise _wrong(field.name, f"is a {field.type_label()} without max_length")
        if "max_capacity" in sizes and field.max_capacity is None:
            raise _wrong(field.name, f"is a {field.type_label()} without max_capacity")
        kept = {key: value for key, value in field.params.items() if key not in removed}
        params = {**kept, **{key: value for key, value in settings.items() if key not in _SIZES}}
        return replace(
            field,
            params=params,
            max_length=sizes.get("max_length", field.max_length),
            max_capacity=sizes.get("max_capacity", field.max_capacity),
        )

    def changed(schema: Schema) -> Schema:
        array, _, member = name.removesuffix("]").partition("[")
        field = schema.field(array)
        if not member:
            return schema.with_fields(altered(one) if one is field else one for one in schema.fields)
        if field.struct_field(member) is None:
            raise NotFound("field_not_found", f"no field {name!r}", field=name)
        inner = tuple(altered(one) if one.name == member else one for one in field.struct_fields)
        outer = replace(field, struct_fields=inner)
        return schema.with_fields(outer if one is field else one for one in schema.fields)

    _change(collection, changed)


def drop_field(collection: Collection, name: str, *, field_id: int = 0) -> None:
    """Removes a field, by name or id, and its indexes.

    Raises:
        NotFound: there is no such field.
        InvalidInput: it is a key, the dynamic field, a member of structs, or the last field with vectors.
    """

    def changed(schema: Schema) -> Schema:
        field = next((one for one in schema.fields if field_id and one.field_id == field_id), None)
        if field is None:
            if "[" in name:
                raise _wrong(name, "is a member of structs, which stay as they were made; drop the whole array")
            field = schema.field(name)
        for is_so, what in (
            (field.is_primary, "the primary key"),
            (field.is_partition_key, "the partition key"),
            (field.is_clustering_key, "the clustering key"),
            (field.is_dynamic, "the dynamic field"),
        ):
            if is_so:
                raise _wrong(field.name, f"is {what} and cannot be dropped")
        # What is left is checked like every schema: it needs a vector.
        return schema.with_fields(one for one in schema.fields if one.field_id != field.field_id)

    _change(collection, changed)


def enable_dynamic_field(collection: Collection) -> None:
    """Lets rows have keys that the schema does not name; nothing happens if they may already."""
    _change(
        collection,
        lambda schema: schema if schema.enable_dynamic_field else replace(schema, enable_dynamic_field=True),
    )


def _change(collection: Collection, changed: Callable[[Schema], Schema]) -> None:
    """Commits what `changed` makes of the schema, if it is another one, and drops indexes that lost their field."""
    components = collection.components

    def decide(manifest: Manifest) -> list[Change]:
        before = manifest.schema
        after = changed(before)
        if after == before:
            return []
        check_schema(after, components.settings)
        after = after.with_ids(manifest.next_field_id)
        changes: list[Change] = [
            IndexDropped(one.index_id)
            for one in manifest.indexes
            if before.find_indexed(one.field_name) is not None and after.find_indexed(one.field_name) is None
        ]
        next_field_id = max(manifest.next_field_id, after.field_id_max + 1)
        return [SchemaChanged(after, next_field_id, components.oracle.allocate()), *changes]

    with collection.flush_lock:
        collection.decide_and_change(decide, lambda state: _fitted(collection, state))


def _fitted(collection: Collection, state: CollectionState) -> CollectionState:
    """The state whose rows have the fields of its manifest."""
    schema = state.manifest.schema

    def growing(segment: GrowingSegment) -> GrowingSegment:
        primary = schema.primary_field.name
        chunks = [
            Chunk(ChunkRows(fitted_batch(chunk.rows.batch, schema), primary), chunk.deletes) for chunk in segment.chunks
        ]
        return segment.with_chunks(chunks)

    def sealed(unit: SealedUnit) -> SealedUnit:
        entry = state.manifest.segment(unit.entry.segment_id)
        segment = unit.segment.with_fields(schema.fields)
        return collection.sealed_unit(state.manifest, entry, segment=segment, deletes=unit.deletes)

    return replace(
        state,
        growing={partition: growing(segment) for partition, segment in state.growing.items()},
        sealing=tuple(growing(segment) for segment in state.sealing),
        sealed=tuple(sealed(unit) for unit in state.sealed),
    )


def _whole(name: str, setting: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidInput(
            "invalid_argument", f"field {name!r}: {setting} is {text!r}, expected an integer", field=name
        ) from None


def _wrong(name: str, what: str) -> InvalidInput:
    return InvalidInput("invalid_schema", f"field {name!r} {what}", field=name)
