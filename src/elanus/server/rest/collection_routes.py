"""Routes about collections."""

from typing import Final

from elanus.server.compaction_jobs import CompactionJobs
from elanus.server.option_values import option_text
from elanus.server.repetition import create_collection, drop_collection
from elanus.server.rest.body import Body
from elanus.server.rest.index_json import IndexOptions, index_definition, index_from_json
from elanus.server.rest.routes import Reply, Routes, done
from elanus.server.rest.schema_json import field_from_json, field_to_json, quick_schema, schema_from_json
from elanus.service.requests.base import Service
from elanus.service.requests.collections import (
    AlterCollectionProperties,
    CreateCollection,
    DescribeCollection,
    DropCollection,
    GetLoadState,
    GetRowCount,
    HasCollection,
    ListCollections,
    LoadCollection,
    LoadStatus,
    ReleaseCollection,
    RenameCollection,
    TruncateCollection,
)
from elanus.service.requests.data import Flush
from elanus.service.requests.fields import AddField, AlterField

__all__ = ["CollectionRoutes"]

_LOAD_STATES: Final = {
    LoadStatus.NOT_EXIST: "LoadStateNotExist",
    LoadStatus.NOT_LOADED: "LoadStateNotLoad",
    LoadStatus.LOADED: "LoadStateLoaded",
}
# Options of a new collection, and the properties they are short for.
_PROPERTY_OPTIONS: Final = {
    "ttlSeconds": "collection.ttl.seconds",
    "partitionKeyIsolation": "partitionkey.isolation",
    "ttlField": "ttl_field",
    "mmap.enabled": "mmap.enabled",
    "warmup.scalarField": "warmup.scalarField",
    "warmup.scalarIndex": "warmup.scalarIndex",
    "warmup.vectorField": "warmup.vectorField",
    "warmup.vectorIndex": "warmup.vectorIndex",
}


class CollectionRoutes:
    """Translates routes about collections for a service."""

    def __init__(self, service: Service, jobs: CompactionJobs) -> None:
        self._service: Final = service
        self._jobs: Final = jobs

    def routes(self) -> Routes:
        """The routes answered here."""
        return {
            "collections/create": self._create,
            "collections/list": self._list,
            "collections/describe": self._describe,
            "collections/has": self._has,
            "collections/drop": self._drop,
            "collections/rename": self._rename,
            "collections/get_stats": self._statistics,
            "collections/load": self._load,
            "collections/refresh_load": self._load,
            "collections/release": self._release,
            "collections/get_load_state": self._load_state,
            "collections/flush": self._flush,
            "collections/compact": self._compact,
            "collections/get_compaction_state": self._compaction_state,
            "collections/truncate": self._truncate,
            "collections/alter_properties": self._alter,
            "collections/drop_properties": self._drop_properties,
            "collections/fields/add": self._add_field,
            "collections/fields/alter_properties": self._alter_field,
        }

    def _create(self, body: Body) -> Reply:
        if body.value("schema") is None:
            schema = quick_schema(body)
            metric = body.text("metricType", "metric_type", default="COSINE")
            options = [IndexOptions(schema.vector_fields[0].name, metric=metric)]
        else:
            schema = schema_from_json(body.part("schema"), description=body.text("description", default=""))
            options = [index_from_json(part) for part in body.parts("indexParams")]
        indexed = {index.field_name for index in options}
        params = body.part("params")
        create_collection(
            self._service,
            CreateCollection(
                name=body.collection,
                schema=schema,
                database=body.database,
                shard_count=params.integer("shardsNum", default=body.integer("shardsNum", default=1)),
                partition_count=params.integer("partitionsNum", default=0),
                consistency_level=params.text(
                    "consistencyLevel", default=body.text("consistencyLevel", default="Bounded")
                ),
                properties=_properties(params),
                indexes=tuple(index_definition(index, schema) for index in options),
                # As in Milvus, a collection whose vectors are all indexed can be searched at once.
                loaded=all(field.name in indexed for field in schema.vector_fields),
            ),
        )
        return done()

    def _list(self, body: Body) -> Reply:
        return {"data": [entry.name for entry in self._service.execute(ListCollections(body.database))]}

    def _describe(self, body: Body) -> Reply:
        info = self._service.execute(DescribeCollection(body.collection, body.database))
        progress = self._service.execute(GetLoadState(body.collection, database=body.database))
        indexes = [
            {
                "indexName": index.index_name,
                "fieldName": index.field_name,
                "metricType": "" if index.metric is None else index.metric.value,
            }
            for index in info.indexes
        ]
        return {
            "data": {
                "collectionName": info.name,
                "collectionID": info.collection_id,
                "description": info.schema.description,
                "aliases": list(info.aliases),
                "autoId": info.schema.primary_field.auto_id,
                "enableDynamicField": info.schema.enable_dynamic_field,
                "consistencyLevel": info.consistency_level,
                "shardsNum": info.shard_count,
                "partitionsNum": info.partition_count,
                "properties": [{"key": key, "value": value} for key, value in info.properties.items()],
                "fields": [field_to_json(field) for field in info.schema.user_fields],
                "functions": [],
                "indexes": indexes,
                "load": _LOAD_STATES[progress.status],
            }
        }

    def _has(self, body: Body) -> Reply:
        return {"data": {"has": self._service.execute(HasCollection(body.collection, body.database))}}

    def _drop(self, body: Body) -> Reply:
        drop_collection(self._service, DropCollection(body.collection, body.database))
        return done()

    def _rename(self, body: Body) -> Reply:
        self._service.execute(
            RenameCollection(
                body.collection, body.text("newCollectionName"), body.database, body.text("newDbName", default="")
            )
        )
        return done()

    def _statistics(self, body: Body) -> Reply:
        count = self._service.execute(GetRowCount(body.collection, database=body.database))
        return {"data": {"rowCount": count}}

    def _load(self, body: Body) -> Reply:
        self._service.execute(
            LoadCollection(
                body.collection, replica_count=body.integer("replicaNumber", default=1), database=body.database
            )
        )
        return done()

    def _release(self, body: Body) -> Reply:
        self._service.execute(ReleaseCollection(body.collection, database=body.database))
        return done()

    def _load_state(self, body: Body) -> Reply:
        progress = self._service.execute(GetLoadState(body.collection, body.texts("partitionNames"), body.database))
        if progress.status is LoadStatus.NOT_EXIST:
            return {"data": {"loadState": _LOAD_STATES[progress.status], "loadProgress": 0, "message": ""}}
        loaded = progress.status is LoadStatus.LOADED
        state = _LOAD_STATES[progress.status]
        return {"data": {"loadState": state, "loadProgress": 100 if loaded else 0, "message": ""}}

    def _flush(self, body: Body) -> Reply:
        self._service.execute(Flush(body.collection, body.database))
        return done()

    def _compact(self, body: Body) -> Reply:
        info = self._service.execute(DescribeCollection(body.collection, body.database))
        job = self._jobs.run(info, by_clustering_key=body.flag("isClustering"))
        return {"data": {"compactionID": job if body.allow_int64 else str(job)}}

    def _compaction_state(self, body: Body) -> Reply:
        job = body.integer("jobID")
        self._jobs.check_finished(job)
        return {
            "data": {
                "compactionID": str(job),
                "state": "Completed",
                "executingPlanNumber": 0,
                "timeoutPlanNumber": 0,
                "completedPlanNumber": 1,
            }
        }

    def _truncate(self, body: Body) -> Reply:
        self._service.execute(TruncateCollection(body.collection, body.database))
        return done()

    def _alter(self, body: Body) -> Reply:
        properties = {key: option_text(value) for key, value in body.mapping("properties").items()}
        self._service.execute(AlterCollectionProperties(body.collection, properties, database=body.database))
        return done()

    def _drop_properties(self, body: Body) -> Reply:
        keys = body.texts("propertyKeys")
        self._service.execute(AlterCollectionProperties(body.collection, removed=keys, database=body.database))
        return done()

    def _add_field(self, body: Body) -> Reply:
        part = body.part("schema") if body.value("schema") is not None else body
        self._service.execute(AddField(body.collection, field_from_json(part, auto_id=False), body.database))
        return done()

    def _alter_field(self, body: Body) -> Reply:
        settings = {key: option_text(value) for key, value in body.mapping("fieldParams", "properties").items()}
        self._service.execute(AlterField(body.collection, body.text("fieldName"), settings, database=body.database))
        return done()


def _properties(params: Body) -> dict[str, str]:
    """The properties a new collection gets by options."""
    named = {name: params.value(option) for option, name in _PROPERTY_OPTIONS.items()}
    return {name: option_text(value) for name, value in named.items() if value is not None}
