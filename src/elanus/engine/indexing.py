"""Index builds: from a sealed segment's column to artefacts that a manifest commit makes part of it.

Runs beside everything else. A crash at any point leaves at most files that nobody names.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from elanus.columns.structs import vector_column
from elanus.engine.collection import Collection
from elanus.engine.policy import SegmentSummary
from elanus.engine.scalar_columns import is_built, scalar_column
from elanus.engine.segment_indexes import SegmentIndexes, artefact_prefix, built_indexes
from elanus.engine.state import CollectionState, SealedUnit
from elanus.errors import ElanusError, Unavailable
from elanus.index.protocol import BuildContext, VectorColumn
from elanus.index.registry import index_type
from elanus.index.scalar.files import build_scalar_index
from elanus.runtime.log import get_logger
from elanus.runtime.memory import memory_bytes
from elanus.schema.collection import IndexDefinition
from elanus.storage.artefacts import ArtefactWriter
from elanus.storage.manifest import Change, IndexBuilt, Manifest, SegmentIndex

__all__ = ["build_index", "refresh_indexes", "summarise_segments"]

_logger: Final = get_logger("engine.indexing")
# A second thread for less data than this costs more than it brings.
_BYTES_PER_THREAD: Final = 16 << 20


def summarise_segments(collection: Collection) -> list[SegmentSummary]:
    """Every sealed segment in numbers, for the policy."""
    state = collection.state
    schema = state.manifest.schema
    wanted = [definition for definition in state.manifest.indexes if is_built(schema, definition)]
    expiry = collection.expiry(state.manifest)
    summaries = []
    for unit in state.sealed:
        expired = None if expiry is None else expiry.expired(unit.segment)
        segment_id = unit.entry.segment_id
        built = {index.index_id for index in unit.entry.indexes}
        missing = tuple(
            definition.index_id
            for definition in wanted
            if (segment_id, definition.index_id) in collection.damaged_indexes
            or (definition.index_id not in built and (segment_id, definition.index_id) not in collection.failed_builds)
        )
        summaries.append(
            SegmentSummary(
                segment_id=segment_id,
                partition_id=unit.entry.partition_id,
                row_count=unit.entry.row_count,
                deleted_count=unit.deletes.count if expired is None else max(unit.deletes.count, expired.count()),
                size_bytes=unit.entry.size_bytes,
                missing_index_ids=missing,
                is_damaged=segment_id in collection.damaged_segments,
                offset_max=unit.segment.offset_max,
            )
        )
    return summaries


def build_index(
    collection: Collection,
    segment_id: int,
    index_id: int,
    *,
    thread_count: int,
    cancelled: Callable[[], bool] = lambda: False,
) -> bool:
    """Builds one index of one segment and publishes it. False when either has gone, or the build failed.

    A failure is remembered with its text in `failed_builds` and not tried again until the definition changes.

    Raises:
        Unavailable: cancelled, or the disk failed.
    """
    unit = next((unit for unit in collection.state.sealed if unit.entry.segment_id == segment_id), None)
    definition = _definition(collection.manifest, index_id)
    if unit is None or definition is None:
        return False
    try:
        files = _build_files(collection, unit, definition, thread_count=thread_count, cancelled=cancelled)
    except Unavailable:
        raise
    except ElanusError as error:
        _logger.error("index %r of segment %d failed: %s", definition.index_name, segment_id, error)  # noqa: TRY400
        collection.failed_builds[segment_id, index_id] = error.message
        return False
    published: list[bool] = []

    def decide(manifest: Manifest) -> list[Change]:
        present = any(entry.segment_id == segment_id for entry in manifest.segments)
        if not present or _definition(manifest, index_id) != definition:
            return []
        published.append(True)
        return [IndexBuilt(segment_id, files)]

    def refresh(state: CollectionState) -> CollectionState:
        return refresh_indexes(state, rebuilt_segment_id=segment_id)

    collection.decide_and_change(decide, refresh)
    collection.damaged_indexes.discard((segment_id, index_id))
    return bool(published)


def refresh_indexes(state: CollectionState, *, rebuilt_segment_id: int = 0) -> CollectionState:
    """The state with every sealed unit's indexes as the manifest now has them; unchanged ones stay open.

    The segment whose index was just built is looked at even if its entry is the same: artefacts built anew in the place
    of damaged ones are equal to them.
    """
    entries = {entry.segment_id: entry for entry in state.manifest.segments}
    units = []
    for unit in state.sealed:
        entry = entries[unit.entry.segment_id]
        is_changed = entry.indexes != unit.entry.indexes or entry.segment_id == rebuilt_segment_id
        if is_changed and isinstance(unit.index, SegmentIndexes):
            indexes = unit.index.with_built(built_indexes(state.manifest, entry))
            unit = replace(unit, index=indexes, predicates=indexes.predicates())  # noqa: PLW2901
        interim = unit.interim
        if interim is not None and not interim.is_needed(
            state.manifest.indexes, {built.index_id for built in entry.indexes}
        ):
            interim = None
        units.append(replace(unit, entry=entry, interim=interim))
    return replace(state, sealed=tuple(units))


def _build_files(
    collection: Collection,
    unit: SealedUnit,
    definition: IndexDefinition,
    *,
    thread_count: int,
    cancelled: Callable[[], bool],
) -> SegmentIndex:
    schema = collection.manifest.schema
    field = schema.find_indexed(definition.field_name)
    assert field is not None
    useful_threads = max(1, unit.entry.size_bytes // _BYTES_PER_THREAD)
    folder = artefact_prefix(unit.segment.prefix, field, definition.index_id)
    writer = ArtefactWriter(collection.components.store, folder)
    context = BuildContext(
        thread_count=min(thread_count, useful_threads),
        cancelled=cancelled,
        store_artefact=writer.write,
        memory_bytes=_memory_share(collection, unit),
    )
    started = collection.components.clock.monotonic_s()
    if field.is_vector:
        assert definition.metric is not None
        column = VectorColumn(field, vector_column(unit.segment.column, field))
        kind = index_type(definition.index_type)
        artefacts = kind.build(column, definition.metric, definition.params, context)
    else:
        values = scalar_column(schema, definition, unit.segment)
        artefacts = {**build_scalar_index(values, definition.index_type, definition.params, context)}
    for name, content in artefacts.items():
        writer.write(name, [content])
    files = SegmentIndex(definition.index_id, writer.files)
    seconds = collection.components.clock.monotonic_s() - started
    _logger.info("built %s %r over %d rows in %.2f s", definition.index_type, definition.index_name,
                 unit.entry.row_count, seconds)  # fmt: skip
    return files


def _memory_share(collection: Collection, unit: SealedUnit) -> int | None:
    """What of the machine's memory is for a segment, by its share of the collection."""
    found = memory_bytes()
    whole = sum(sealed.entry.size_bytes for sealed in collection.state.sealed)
    return None if found is None else found * unit.entry.size_bytes // max(whole, unit.entry.size_bytes, 1)


def _definition(manifest: Manifest, index_id: int) -> IndexDefinition | None:
    return next((item for item in manifest.indexes if item.index_id == index_id), None)
