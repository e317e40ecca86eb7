"""Writing rows: admission, routing, one log record a request."""

import numpy as np
import pyarrow as pa

from elanus.columns.layout import arrow_field, arrow_type
from elanus.columns.numbers import number_array
from elanus.engine.admission import AdmissionRules, admit, route, without_repeated_keys
from elanus.engine.alterations import partition_entry
from elanus.engine.collection import Collection
from elanus.engine.engine import Engine
from elanus.engine.flush import flush as flush_collection
from elanus.engine.maintenance import perform, planned_action
from elanus.engine.partial import complete_rows
from elanus.engine.policy import Compact as CompactAction
from elanus.errors import Conflict, InvalidInput
from elanus.query.plan import plan_scope
from elanus.query.retrieve import keys_of
from elanus.schema.collection import Schema
from elanus.schema.types import DataType
from elanus.service.requests.data import Compact, Delete, DeleteReply, Flush, Insert, Upsert, WriteReply
from elanus.storage.manifest import Manifest, RequestOutcome
from elanus.storage.wal.record import DeleteRecord, InsertRecord, PartitionRows

_OWN_KEYS_PROPERTY = "allow_insert_auto_id"
_DEFAULT_PARTITION = "_default"


def insert(engine: Engine, request: Insert) -> WriteReply:
    collection = engine.collection(request.database, request.collection)
    manifest = collection.manifest
    _check_schema_timestamp(manifest, request.schema_timestamp)
    rules = AdmissionRules(
        allocate_ids=engine.components.ids.allocate_range,
        accepts_own_keys=manifest.properties.get(_OWN_KEYS_PROPERTY, "false").lower() == "true",
    )
    batch = admit(request.batch, manifest.schema, rules)
    generated = manifest.schema.primary_field.auto_id and _lacks(request.batch, manifest.schema.primary_field.name)
    keys = batch.column(manifest.schema.primary_field.name)
    record = InsertRecord(
        _parts(manifest, batch, request.partition),
        first_id=int(keys[0].as_py()) if generated and len(keys) else 0,
        request_id=request.request_id,
    )
    outcome = collection.outcome_of(request.request_id)
    if outcome is None:
        outcome = collection.write(record) if len(keys) else _nothing(collection)
    elif generated:
        keys = _generated_keys(outcome, manifest.schema, len(keys))
    return WriteReply(keys, len(keys), outcome.deleted_count, outcome.timestamp)


def upsert(engine: Engine, request: Upsert) -> WriteReply:
    collection = engine.collection(request.database, request.collection)
    manifest = collection.manifest
    _check_schema_timestamp(manifest, request.schema_timestamp)
    rules = AdmissionRules(allocate_ids=engine.components.ids.allocate_range, key_required=True)
    primary = manifest.schema.primary_field.name

    def record(given: pa.RecordBatch) -> InsertRecord:
        batch = without_repeated_keys(admit(given, manifest.schema, rules), primary)
        return InsertRecord(_parts(manifest, batch, request.partition), replace=True, request_id=request.request_id)

    outcome = collection.outcome_of(request.request_id)
    if outcome is None:
        if request.batch.num_rows == 0:
            outcome = _nothing(collection)
        elif request.partial:
            outcome = collection.write(lambda: record(complete_rows(collection.view(), request.batch)))
        else:
            outcome = collection.write(record(request.batch))
    keys = request.batch.column(primary)
    return WriteReply(keys, len(keys), outcome.deleted_count, outcome.timestamp)


def delete(engine: Engine, request: Delete) -> DeleteReply:
    collection = engine.collection(request.database, request.collection)
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
        )
        ids = keys_of(scope, primary)
    elif not ids.type.equals(arrow_type(primary)) or ids.null_count:
        raise InvalidInput(
            "type_mismatch", f"primary keys are {ids.type}, expected {primary.type_label()}", field=primary.name
        )
    partition_ids = tuple(partition_entry(manifest, name).partition_id for name in partitions) or None
    if len(ids) == 0:
        return DeleteReply(0, collection.state.applied_timestamp)
    keys = pa.RecordBatch.from_arrays([ids], schema=pa.schema([arrow_field(primary)]))
    outcome = collection.outcome_of(request.request_id)
    if outcome is None:
        outcome = collection.write(DeleteRecord(keys, before, partition_ids, request.request_id))
    return DeleteReply(outcome.deleted_count, outcome.timestamp)


def flush(engine: Engine, request: Flush) -> int:
    collection = engine.collection(request.database, request.collection)
    flush_collection(collection)
    return max(collection.manifest.flushed_timestamp, collection.state.applied_timestamp)


def compact(engine: Engine, request: Compact) -> None:
    collection = engine.collection(request.database, request.collection)
    while isinstance(action := planned_action(collection), CompactAction):
        perform(collection, action, cancelled=lambda: False)


def _check_schema_timestamp(manifest: Manifest, given: int) -> None:
    if given and given != manifest.schema_timestamp:
        raise Conflict("schema_mismatch", "the collection's schema has changed; describe it again and repeat the write")


def _lacks(batch: pa.RecordBatch, name: str) -> bool:
    return bool(batch.schema.get_field_index(name) < 0)


def _nothing(collection: Collection) -> RequestOutcome:
    """The outcome of a request without rows."""
    return RequestOutcome("", collection.state.applied_timestamp, 0, 0, 0)


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


def _generated_keys(outcome: RequestOutcome, schema: Schema, row_count: int) -> pa.Array:
    """The keys that a repeated request was given the first time."""
    keys = number_array(np.arange(outcome.first_id, outcome.first_id + row_count, dtype=np.int64))
    return keys if schema.primary_field.data_type is DataType.INT64 else keys.cast(pa.string())
