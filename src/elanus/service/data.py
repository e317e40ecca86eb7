"""Writing rows: admission, routing, one log record a request."""

import numpy as np
import pyarrow as pa

from elanus.columns.check import check_keys
from elanus.columns.layout import arrow_field, arrow_type
from elanus.columns.numbers import number_array
from elanus.engine.admission import AdmissionRules, admit, route, without_repeated_keys
from elanus.engine.alterations import partition_entry
from elanus.engine.clustering import clustering_key
from elanus.engine.collection import Collection
from elanus.engine.engine import Engine
from elanus.engine.flush import flush as flush_collection
from elanus.engine.maintenance import cluster, merge, perform, planned_action
from elanus.engine.partial import complete_rows
from elanus.engine.policy import Compact as CompactAction
from elanus.errors import Conflict, InvalidInput
from elanus.query.plan import plan_scope
from elanus.query.retrieve import keys_of
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.service.requests.data import Compact, Delete, DeleteReply, Flush, Insert, Upsert, WriteReply
from elanus.service.timezones import effective_timezone
from elanus.storage.manifest import Manifest, RequestOutcome
from elanus.storage.wal.record import DeleteRecord, InsertRecord, PartitionRows

_OWN_KEYS_PROPERTY = "allow_insert_auto_id"
_DEFAULT_PARTITION = "_default"


def insert(engine: Engine, request: Insert) -> WriteReply:
    collection = engine.collection(request.database, request.collection)
    manifest = collection.manifest
    primary = manifest.schema.primary_field
    generated = _lacks(request.batch, primary.name)
    outcome = collection.outcome_of(request.request_id, repeated_since_ms=request.repeated_since_ms)
    if outcome is not None:
        row_count = request.batch.num_rows
        keys = _generated_keys(outcome, primary, row_count) if generated else request.batch.column(primary.name)
        return _reply(keys, outcome)
    _check_schema_timestamp(manifest, request.schema_timestamp)
    if request.batch.num_rows == 0:
        return _nothing_written(collection)
    rules = AdmissionRules(
        allocate_ids=engine.components.ids.allocate_range,
        accepts_own_keys=manifest.properties.get(_OWN_KEYS_PROPERTY, "false").lower() == "true",
    )
    batch = admit(request.batch, manifest.schema, rules)
    keys = batch.column(primary.name)
    record = InsertRecord(
        _parts(manifest, batch, request.partition),
        first_id=int(keys[0].as_py()) if generated else 0,
        request_id=request.request_id,
    )
    outcome = collection.write(record)
    if generated and outcome.first_id != record.first_id:
        # The same request came twice at once, and the other one was done.
        keys = _generated_keys(outcome, primary, len(keys))
    return _reply(keys, outcome)


def upsert(engine: Engine, request: Upsert) -> WriteReply:
    collection = engine.collection(request.database, request.collection)
    manifest = collection.manifest
    primary = manifest.schema.primary_field.name
    outcome = collection.outcome_of(request.request_id, repeated_since_ms=request.repeated_since_ms)
    if outcome is not None:
        return _reply(request.batch.column(primary), outcome)
    _check_schema_timestamp(manifest, request.schema_timestamp)
    if request.batch.num_rows == 0:
        return _nothing_written(collection)
    rules = AdmissionRules(allocate_ids=engine.components.ids.allocate_range, key_required=True)

    def record(given: pa.RecordBatch) -> InsertRecord:
        batch = without_repeated_keys(admit(given, manifest.schema, rules), primary)
        return InsertRecord(_parts(manifest, batch, request.partition), replace=True, request_id=request.request_id)

    if request.partial:
        outcome = collection.write(lambda: record(complete_rows(collection.view(), request.batch)))
    else:
        outcome = collection.write(record(request.batch))
    return _reply(request.batch.column(primary), outcome)


def delete(engine: Engine, request: Delete) -> DeleteReply:
    collection = engine.collection(request.database, request.collection)
    outcome = collection.outcome_of(request.request_id, repeated_since_ms=request.repeated_since_ms)
    if outcome is not None:
        return DeleteReply(outcome.deleted_count, outcome.timestamp)
    manifest = collection.manifest
    primary = manifest.schema.primary_field
    partitions = (request.partition,) if request.partition else ()
    before = 0
    ids = request.ids
    if ids is None:
        if not request.filter.strip():
            raise InvalidInput("invalid_argument", "a delete needs primary keys or a filter")
        view = collection.view()
        before = view.read_timestamp + 1
        scope = plan_scope(
            view,
            filter_text=request.filter,
            filter_params=request.filter_params,
            partitions=partitions,
            ignore_growing=False,
            timezone=effective_timezone(engine, manifest.schema, request.database, properties=manifest.properties),
        )
        ids = keys_of(scope, primary)
    else:
        check_keys(primary, ids)
    partition_ids = tuple(partition_entry(manifest, name).partition_id for name in partitions) or None
    if len(ids) == 0:
        return DeleteReply(0, collection.state.applied_timestamp)
    keys = pa.RecordBatch.from_arrays([ids], schema=pa.schema([arrow_field(primary)]))
    outcome = collection.write(DeleteRecord(keys, before, partition_ids, request.request_id))
    return DeleteReply(outcome.deleted_count, outcome.timestamp)


def flush(engine: Engine, request: Flush) -> int:
    collection = engine.collection(request.database, request.collection)
    flush_collection(collection)
    return max(collection.manifest.flushed_timestamp, collection.state.applied_timestamp)


def compact(engine: Engine, request: Compact) -> None:
    collection = engine.collection(request.database, request.collection)
    settings = engine.components.settings
    if request.segment_bytes is not None and request.segment_bytes < 1:
        raise InvalidInput(
            "out_of_range", f"segment_bytes is {request.segment_bytes}, expected at least 1, or none for what is due"
        )
    if request.by_clustering_key:
        if clustering_key(collection.manifest.schema, settings) is None:
            raise InvalidInput(
                "invalid_argument", f"collection {request.collection!r} has no clustering key to divide its rows by"
            )
        segment_bytes = request.segment_bytes or settings.segment_bytes_max
        if segment_bytes < settings.segment_bytes_max:
            raise InvalidInput(
                "out_of_range",
                f"segment_bytes is {segment_bytes}, expected at least segment_bytes_max "
                f"({settings.segment_bytes_max}) with a clustering key: smaller segments would be merged again, "
                "and their ranges of the key with them",
            )
        cluster(collection, segment_bytes)
    elif request.segment_bytes is not None:
        merge(collection, request.segment_bytes)
    while isinstance(action := planned_action(collection), CompactAction):
        perform(collection, action, cancelled=lambda: False)


def _check_schema_timestamp(manifest: Manifest, given: int) -> None:
    if given and given != manifest.schema_timestamp:
        raise Conflict("schema_mismatch", "the collection's schema has changed; describe it again and repeat the write")


def _lacks(batch: pa.RecordBatch, name: str) -> bool:
    return bool(batch.schema.get_field_index(name) < 0)


def _reply(keys: pa.Array, outcome: RequestOutcome) -> WriteReply:
    return WriteReply(keys, len(keys), outcome.deleted_count, outcome.timestamp)


def _nothing_written(collection: Collection) -> WriteReply:
    """The reply to a request without rows, which may come without columns too."""
    state = collection.state
    none = pa.nulls(0, arrow_type(state.manifest.schema.primary_field))
    return WriteReply(none, 0, 0, state.applied_timestamp)


def _parts(manifest: Manifest, batch: pa.RecordBatch, partition: str) -> tuple[PartitionRows, ...]:
    key = manifest.schema.partition_key_field
    if key is not None:
        if partition:
            raise InvalidInput(
                "invalid_argument", f"rows go where the partition key {key.name!r} sends them; name no partition"
            )
        ids = [entry.partition_id for entry in manifest.partitions[: manifest.partitions_by_key]]
        return route(batch, key.name, ids)
    return (PartitionRows(partition_entry(manifest, partition or _DEFAULT_PARTITION).partition_id, batch),)


def _generated_keys(outcome: RequestOutcome, primary: Field, row_count: int) -> pa.Array:
    """The keys that a repeated request was given the first time."""
    keys = number_array(np.arange(outcome.first_id, outcome.first_id + row_count, dtype=np.int64))
    return keys if primary.data_type is DataType.INT64 else keys.cast(pa.string())
