"""Changes to what a collection is made of: partitions, indexes, properties, load state, and truncation."""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from elanus.engine.collection import Collection
from elanus.engine.compaction import retire
from elanus.engine.indexing import refresh_indexes
from elanus.engine.scalar_columns import definition_path
from elanus.engine.state import CollectionState, SealedUnit
from elanus.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from elanus.expr.bound import JsonPath
from elanus.index.registry import index_type
from elanus.index.scalar.rules import check_scalar_index
from elanus.schema.collection import IndexDefinition, Schema
from elanus.schema.field import Field
from elanus.schema.names import NAME_LENGTH_MAX, check_name
from elanus.schema.types import LIST_METRICS_OF, METRICS_OF, Metric
from elanus.storage.manifest import (
    Change,
    IndexDefined,
    IndexDropped,
    LoadChanged,
    LoadState,
    LogAdvanced,
    Manifest,
    PartitionAdded,
    PartitionDropped,
    PartitionEntry,
    PropertiesChanged,
    SegmentsReplaced,
)

__all__ = [
    "alter_index",
    "change_properties",
    "create_partition",
    "define_index",
    "drop_index",
    "drop_partition",
    "find_index",
    "partition_entry",
    "set_load_state",
    "truncate",
]

_DEFAULT_PARTITION: Final = "_default"
_ALTERABLE: Final = ("mmap.enabled", "warmup", "indexoffsetcache.enabled")


def partition_entry(manifest: Manifest, name: str) -> PartitionEntry:
    """The partition of that name. Raises NotFound."""
    found = next((entry for entry in manifest.partitions if entry.name == name), None)
    if found is None:
        raise NotFound("partition_not_found", f"partition not found: {name!r}")
    return found


def create_partition(collection: Collection, name: str) -> None:
    """A new, empty partition.

    Raises:
        AlreadyExists: there is one of that name.
        InvalidInput: the name is wrong, there are too many, or a partition key makes the partitions.
    """
    check_name("partition", name)
    components = collection.components
    limit = components.settings.partition_count_max

    def decide(manifest: Manifest) -> list[Change]:
        _refuse_keyed(manifest, "create")
        if any(entry.name == name for entry in manifest.partitions):
            raise AlreadyExists("partition_exists", f"partition {name!r} exists already")
        if len(manifest.partitions) >= limit:
            raise InvalidInput("limit_exceeded", f"the collection has {limit} partitions already, which is the maximum")
        return [PartitionAdded(PartitionEntry(components.ids.allocate(), name, components.oracle.allocate()))]

    collection.decide_and_change(decide)


def drop_partition(collection: Collection, name: str) -> None:
    """Removes a partition and its rows.

    Raises:
        NotFound: there is none of that name.
        InvalidInput: it is the default partition, or one of a partition key.
    """
    if name == _DEFAULT_PARTITION:
        raise InvalidInput("not_supported", "the default partition cannot be dropped")

    def drop(cut: int) -> None:
        def decide(manifest: Manifest) -> list[Change]:
            _refuse_keyed(manifest, "drop")
            return [PartitionDropped(partition_entry(manifest, name).partition_id, complete_since=cut)]

        def edit(state: CollectionState) -> CollectionState:
            live = {entry.partition_id for entry in state.manifest.partitions}
            return replace(
                state,
                sealed=tuple(unit for unit in state.sealed if unit.entry.partition_id in live),
                growing={partition_id: rows for partition_id, rows in state.growing.items() if partition_id in live},
                sealing=tuple(rows for rows in state.sealing if rows.partition_id in live),
                applied_timestamp=cut,
            )

        _change_and_retire(collection, decide, edit)

    with collection.flush_lock:
        collection.paused(drop)


def truncate(collection: Collection) -> None:
    """Removes every row. Writes that come while it runs are before or after it as a whole."""

    def empty(cut: int) -> None:
        collection.log.rotate()

        def decide(manifest: Manifest) -> list[Change]:
            removed = tuple(entry.segment_id for entry in manifest.segments)
            return [SegmentsReplaced(removed, (), complete_since=cut), LogAdvanced(cut, collection.recent_requests())]

        def edit(state: CollectionState) -> CollectionState:
            return replace(state, sealed=(), growing={}, sealing=(), applied_timestamp=cut)

        _change_and_retire(collection, decide, edit)
        collection.log.remove_through(cut)

    with collection.flush_lock:
        collection.paused(empty)


def change_properties(collection: Collection, properties: dict[str, str], removed: Sequence[str]) -> None:
    """Sets some properties of the collection and removes others."""

    def decide(manifest: Manifest) -> list[Change]:
        kept = {name: value for name, value in manifest.properties.items() if name not in removed}
        return [PropertiesChanged({**kept, **properties})]

    collection.decide_and_change(decide)


def set_load_state(collection: Collection, decide_load: Callable[[LoadState], LoadState]) -> None:
    """Replaces the load state by what `decide_load` makes of it."""

    def decide(manifest: Manifest) -> list[Change]:
        load = decide_load(manifest.load)
        return [] if load == manifest.load else [LoadChanged(load)]

    collection.decide_and_change(decide)


def find_index(manifest: Manifest, name: str) -> IndexDefinition | None:
    """The index called `name`, or the one on the field called `name`."""
    for definition in manifest.indexes:
        if definition.index_name == name:
            return definition
    return next((definition for definition in manifest.indexes if definition.field_name == name), None)


def define_index(collection: Collection, definition: IndexDefinition, metric: str) -> None:
    """A new index, to be built in the background. The same definition again changes nothing.

    Raises:
        InvalidInput: index type, metric or a parameter does not fit the field.
        AlreadyExists: the name is taken, or the field has another index.
    """
    _check_settings(definition.settings)
    schema = collection.manifest.schema
    name = definition.field_name
    field = schema.find_indexed(name) or schema.field(name)
    complete = _complete(schema, field, definition, metric, collection.components.ids.allocate())

    def decide(manifest: Manifest) -> list[Change]:
        nonlocal complete
        if not definition.index_name:
            complete = replace(complete, index_name=_free_name(manifest, complete))
        for other in manifest.indexes:
            if replace(other, index_id=complete.index_id, settings=complete.settings) == complete:
                return []
            if other.index_name == complete.index_name:
                raise AlreadyExists(
                    "index_exists", f"index {other.index_name!r} exists already, on {other.field_name!r}"
                )
            if _place(manifest, other) == _place(manifest, complete):
                raise AlreadyExists(
                    "index_exists",
                    f"field {other.field_name!r} has index {other.index_name!r} already; drop it first",
                    field=other.field_name,
                )
        return [IndexDefined(complete)]

    collection.decide_and_change(decide)


def alter_index(collection: Collection, name: str, settings: dict[str, Any], removed: Sequence[str]) -> None:
    """Sets or removes settings that do not change how an index is built.

    Raises:
        NotFound: there is no such index.
        InvalidInput: a setting would change how it is built.
    """
    _check_settings((*settings, *removed))

    def decide(manifest: Manifest) -> list[Change]:
        definition = find_index(manifest, name)
        if definition is None:
            raise NotFound("index_not_found", f"index not found: {name!r}")
        kept = {key: value for key, value in definition.settings.items() if key not in removed}
        return [IndexDefined(replace(definition, settings={**kept, **{k: str(v) for k, v in settings.items()}}))]

    collection.decide_and_change(decide)


def drop_index(collection: Collection, name: str, *, while_loaded: bool = True) -> None:
    """Removes an index, by its name or its field's; nothing happens if there is none.

    Raises:
        Conflict: the collection is loaded, the index is on a vector field, and `while_loaded` is false.
    """

    def decide(manifest: Manifest) -> list[Change]:
        definition = find_index(manifest, name)
        if definition is None:
            return []
        field = manifest.schema.find_indexed(definition.field_name)
        loaded = manifest.load.loaded or bool(manifest.load.partition_ids)
        if loaded and not while_loaded and field is not None and field.is_vector:
            raise Conflict(
                "operation_not_allowed", f"index {definition.index_name!r} is in use; release the collection first"
            )
        return [IndexDropped(definition.index_id)]

    collection.decide_and_change(decide, refresh_indexes)


def _complete(schema: Schema, field: Field, definition: IndexDefinition, metric: str, index_id: int) -> IndexDefinition:
    """The definition with name, metric and parameters filled in and checked."""
    is_member = "[" in field.name
    usual = _name_of_key(definition.field_name) if field.is_dynamic else field.name.replace("[", "_").removesuffix("]")
    name = definition.index_name or usual
    check_name("index", name)
    if not field.is_vector:
        params = definition.params
        if field.is_dynamic:
            params = {"json_path": definition.field_name, **params}
        kept, checked = check_scalar_index(field, definition.index_type, params)
        complete = replace(definition, index_name=name, index_type=kept, params=checked, index_id=index_id)
        definition_path(schema, complete)
        return complete
    kind = index_type(definition.index_type)
    if field.data_type not in kind.data_types():
        raise InvalidInput(
            "invalid_index", f"index type {kind.name} does not take a {field.data_type.label} field", field=field.name
        )
    of_lists = LIST_METRICS_OF[field.data_type] if is_member else ()
    allowed = (*of_lists, *METRICS_OF[field.data_type])
    chosen = metric.upper() or allowed[0].value
    if chosen not in {item.value for item in allowed}:
        raise InvalidInput(
            "metric_mismatch",
            f"metric {metric!r} does not fit field {field.name!r}, expected one of {', '.join(allowed)}",
            field=field.name,
        )
    params = kind.check_build_params(field, Metric(chosen).element, definition.params)
    return replace(
        definition,
        index_name=name,
        index_type=kind.name,
        metric=Metric(chosen),
        params=params,
        index_id=index_id,
    )


def _name_of_key(key: str) -> str:
    """The name of an index on a dynamic key or a path from one that is given none: the letters and digits of it."""
    name = re.sub(r"\W+", "_", key, flags=re.ASCII).strip("_")
    return (name if name[:1].isalpha() else f"key_{name}")[:NAME_LENGTH_MAX]


def _check_settings(names: Iterable[str]) -> None:
    for name in names:
        if name not in _ALTERABLE:
            near = difflib.get_close_matches(name, _ALTERABLE, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InvalidInput("invalid_index", f"an index has no setting {name!r} that can be altered{hint}")


def _free_name(manifest: Manifest, definition: IndexDefinition) -> str:
    """A name for an index that was given none: its field's, with a number when another path of the field has that."""
    name, number = definition.index_name, 1
    taken = {other.index_name: _place(manifest, other) for other in manifest.indexes}
    while taken.get(name, _place(manifest, definition)) != _place(manifest, definition):
        number += 1
        name = f"{definition.index_name}_{number}"
    return name


def _place(manifest: Manifest, definition: IndexDefinition) -> tuple[Field | None, JsonPath | None]:
    """What the index is on: a field, and the path inside it if it is JSON."""
    schema = manifest.schema
    return schema.find_indexed(definition.field_name), definition_path(schema, definition)


def _refuse_keyed(manifest: Manifest, verb: str) -> None:
    if manifest.partitions_by_key:
        raise InvalidInput("not_supported", f"cannot {verb} partitions of a collection whose partition key makes them")


def _change_and_retire(
    collection: Collection,
    decide: Callable[[Manifest], Sequence[Change]],
    edit: Callable[[CollectionState], CollectionState],
) -> None:
    """Changes the manifest, and removes the files of segments that left with it once nobody reads them."""
    before: tuple[SealedUnit, ...] = ()

    def remember(manifest: Manifest) -> Sequence[Change]:
        nonlocal before
        before = collection.state.sealed
        return decide(manifest)

    collection.decide_and_change(remember, edit)
    kept = {unit.entry.segment_id for unit in collection.state.sealed}
    for unit in before:
        if unit.entry.segment_id not in kept:
            retire(collection, unit)
