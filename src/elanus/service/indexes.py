"""Indexes."""

from elanus.engine.alterations import alter_index as change_index
from elanus.engine.alterations import define_index, find_index
from elanus.engine.alterations import drop_index as remove_index
from elanus.engine.collection import Collection
from elanus.engine.engine import Engine
from elanus.engine.scalar_columns import is_built
from elanus.errors import NotFound
from elanus.schema.collection import IndexDefinition
from elanus.service.requests.indexes import (
    AlterIndex,
    BuildState,
    CreateIndex,
    DescribeIndexes,
    DropIndex,
    IndexInfo,
    WaitForIndexes,
)


def create_index(engine: Engine, request: CreateIndex) -> None:
    collection = engine.collection(request.database, request.collection)
    definition = IndexDefinition(
        index_name=request.index_name,
        field_name=request.field_name,
        index_type=request.index_type,
        params=dict(request.params),
        settings=dict(request.settings),
    )
    define_index(collection, definition, request.metric)


def drop_index(engine: Engine, request: DropIndex) -> None:
    remove_index(
        engine.collection(request.database, request.collection), request.name, while_loaded=request.while_loaded
    )


def alter_index(engine: Engine, request: AlterIndex) -> None:
    collection = engine.collection(request.database, request.collection)
    change_index(collection, request.name, dict(request.settings), request.removed)


def describe_indexes(engine: Engine, request: DescribeIndexes) -> list[IndexInfo]:
    collection = engine.collection(request.database, request.collection)
    definitions = collection.manifest.indexes
    if request.name:
        found = find_index(collection.manifest, request.name)
        if found is None:
            raise NotFound("index_not_found", f"index not found: {request.name!r}")
        definitions = (found,)
    return [_describe(collection, definition) for definition in definitions]


def wait_for_indexes(engine: Engine, request: WaitForIndexes) -> bool:
    collection = engine.collection(request.database, request.collection)

    def is_complete() -> bool:
        # Raises when the collection is dropped meanwhile: nobody builds its indexes any more.
        engine.catalog.read(lambda state: state.collection_of(collection.collection_id))
        described = [_describe(collection, definition) for definition in collection.manifest.indexes]
        return all(info.state in {BuildState.FINISHED, BuildState.FAILED} for info in described)

    return engine.maintenance.finish(collection, is_complete, request.timeout_s)


def _describe(collection: Collection, definition: IndexDefinition) -> IndexInfo:
    state = collection.state
    total = sum(unit.entry.row_count for unit in state.sealed)
    if not is_built(state.manifest.schema, definition):
        return IndexInfo(definition, BuildState.FINISHED, total, total)
    rows_min = collection.components.settings.index_rows_min
    indexed, failure = 0, ""
    for unit in state.sealed:
        entry = unit.entry
        damaged = (entry.segment_id, definition.index_id) in collection.damaged_indexes
        built = not damaged and any(index.index_id == definition.index_id for index in entry.indexes)
        if built or entry.row_count < rows_min:
            indexed += entry.row_count
        failure = failure or collection.failed_builds.get((entry.segment_id, definition.index_id), "")
    if indexed == total:
        return IndexInfo(definition, BuildState.FINISHED, total, total)
    return IndexInfo(definition, BuildState.FAILED if failure else BuildState.BUILDING, total, indexed, failure)
