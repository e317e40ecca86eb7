"""Schemas and indexes as the REST interface writes them."""

from typing import Any

import pytest

from elanus.errors import InvalidInput, NotFound
from elanus.schema.collection import IndexDefinition, Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric
from elanus.server.rest.body import Body
from elanus.server.rest.index_json import IndexOptions, index_definition, index_from_json
from elanus.server.rest.schema_json import field_to_json, quick_schema, schema_from_json
from elanus.service.requests.collections import CollectionInfo


def test_the_quick_form() -> None:
    assert quick_schema(Body({"dimension": 5})) == Schema(
        (Field("id", DataType.INT64, is_primary=True), Field("vector", DataType.FLOAT_VECTOR, dim=5)), True
    )
    # The reference's own example, text for numbers and all.
    options = {
        "dimension": 5,
        "primaryFieldName": "my_id",
        "idType": "VarChar",
        "vectorFieldName": "my_vector",
        "autoId": True,
        "description": "d",
        "params": {"max_length": "512", "enableDynamicField": False},
    }
    key = Field("my_id", DataType.VARCHAR, is_primary=True, auto_id=True, max_length=512)
    assert quick_schema(Body(options)) == Schema((key, Field("my_vector", DataType.FLOAT_VECTOR, dim=5)), False, "d")


@pytest.mark.parametrize(
    ("options", "told"), [({}, "dimension"), ({"dimension": 2, "idType": "Bool"}, "idType is 'Bool'")]
)
def test_quick_forms_that_are_wrong(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        quick_schema(Body(options))


def test_the_full_form() -> None:
    body = Body(
        {
            "autoId": True,
            "enableDynamicField": True,
            "fields": [
                {"fieldName": "id", "dataType": "Int64", "isPrimary": True},
                {
                    "fieldName": "tags",
                    "dataType": "Array",
                    "elementDataType": "VarChar",
                    "elementTypeParams": {"max_length": "16", "max_capacity": 8},
                    "nullable": True,
                },
                {
                    "fieldName": "year",
                    "dataType": "DataType.INT16",
                    "defaultValue": "1999",
                    "isClusteringKey": True,
                    "isPartitionKey": True,
                    "elementTypeParams": {"mmap.enabled": True},
                },
                {"fieldName": "v", "dataType": "FloatVector", "elementTypeParams": {"dim": "5"}},
            ],
        }
    )
    assert schema_from_json(body, description="d") == Schema(
        (
            Field("id", DataType.INT64, is_primary=True, auto_id=True),
            Field("tags", DataType.ARRAY, nullable=True, max_length=16, max_capacity=8, element_type=DataType.VARCHAR),
            Field(
                "year",
                DataType.INT16,
                default_value=1999,
                is_partition_key=True,
                is_clustering_key=True,
                params={"mmap.enabled": "True"},
            ),
            Field("v", DataType.FLOAT_VECTOR, dim=5),
        ),
        True,
        "d",
    )


@pytest.mark.parametrize(
    ("spelled", "data_type"),
    [("Json", DataType.JSON), ("VARCHAR", DataType.VARCHAR), ("DataType.FLOAT16_VECTOR", DataType.FLOAT16_VECTOR)],
)
def test_spellings_of_types(spelled: str, data_type: DataType) -> None:
    body = Body({"fields": [{"fieldName": "f", "dataType": spelled}]})
    assert schema_from_json(body, description="").fields[0].data_type is data_type


@pytest.mark.parametrize(
    ("data_type", "sent", "stored"),
    [("Float", "0.5", 0.5), ("Bool", "true", True), ("VarChar", "x", "x"), ("Int64", 7, 7), ("Double", 1.5, 1.5)],
)
def test_default_values(data_type: str, sent: Any, stored: Any) -> None:
    body = Body({"fields": [{"fieldName": "f", "dataType": data_type, "defaultValue": sent}]})
    assert schema_from_json(body, description="").fields[0].default_value == stored


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"functions": [{"name": "b"}]}, "a function in a schema"),
        ({"externalSource": "s3://x"}, "an external collection"),
        ({"fields": [{"fieldName": "f", "dataType": "ArrayOfStruct"}]}, "type ArrayOfStruct is not supported yet"),
        ({"fields": [{"fieldName": "f", "dataType": "Magic"}]}, "data type 'Magic', expected one of Bool"),
        ({"fields": [{"dataType": "Int64"}]}, "fieldName"),
        ({"fields": "x"}, "fields is 'x'"),
        (
            {"fields": [{"fieldName": "f", "dataType": "VarChar", "elementTypeParams": {"enable_match": "true"}}]},
            "enable_match is not supported yet",
        ),
        ({"fields": [{"fieldName": "f", "dataType": "Float", "defaultValue": "x"}]}, "default value 'x'"),
        ({"fields": [{"fieldName": "f", "dataType": "Int8", "elementTypeParams": {"dim": "x"}}]}, "dim is 'x'"),
    ],
)
def test_schemas_that_are_refused(schema: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        schema_from_json(Body(schema), description="")


def test_options_of_an_index_wherever_they_stand() -> None:
    expected = IndexOptions("v", "i", "HNSW", "L2", {"M": 16}, {"mmap.enabled": "true"})
    beside = {"fieldName": "v", "indexName": "i", "indexType": "HNSW", "metricType": "L2"}
    among = {"fieldName": "v", "indexName": "i"}
    params = {"M": 16, "mmap.enabled": True}
    assert index_from_json(Body({**beside, "params": params})) == expected
    named = {"index_type": "HNSW", "metric_type": "L2", **params}
    assert index_from_json(Body({**among, "params": named})) == expected
    assert index_from_json(Body({"fieldName": "v"})) == IndexOptions("v")


def test_indexes_of_a_new_collection(books: CollectionInfo) -> None:
    options = IndexOptions("vector", "i", "HNSW", "cosine", {"M": 16})
    assert index_definition(options, books.schema) == IndexDefinition("i", "vector", "HNSW", Metric.COSINE, {"M": 16})
    scalar = IndexOptions("title", metric="L2")
    assert index_definition(scalar, books.schema).metric is None
    with pytest.raises(InvalidInput, match="metric is 'EUCLID'"):
        index_definition(IndexOptions("vector", metric="EUCLID"), books.schema)
    with pytest.raises(NotFound, match="no field 'nope'"):
        index_definition(IndexOptions("nope", metric="L2"), books.schema)


def test_a_described_field() -> None:
    field = Field(
        "f", DataType.ARRAY, element_type=DataType.INT8, max_capacity=3, description="d", params={"k": "v"}, field_id=9
    )
    assert field_to_json(field) == {
        "name": "f",
        "id": 9,
        "type": "Array",
        "primaryKey": False,
        "partitionKey": False,
        "clusteringKey": False,
        "autoId": False,
        "nullable": False,
        "description": "d",
        "elementType": "Int8",
        "params": [{"key": "max_capacity", "value": "3"}, {"key": "k", "value": "v"}],
    }
