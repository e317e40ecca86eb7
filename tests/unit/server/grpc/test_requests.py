"""Search, query, delete and index requests from the protocol."""

from typing import Any

import numpy as np
import pytest
from pymilvus.client.prepare import Prepare

from elanus.errors import InvalidInput, NotFound
from elanus.server.grpc.index_messages import create_index_from_message
from elanus.server.grpc.query_request import delete_from_message, query_from_message
from elanus.server.grpc.search_request import search_from_message
from elanus.server.grpc.stubs import common_pb2, milvus_pb2, schema_pb2
from elanus.service.requests.collections import CollectionInfo
from elanus.service.requests.data import Delete
from elanus.service.requests.indexes import CreateIndex
from elanus.service.requests.query import Aggregate, Query


def _search(**options: Any) -> Any:
    settings: dict[str, Any] = {
        "collection_name": "books",
        "anns_field": "vector",
        "param": {},
        "limit": 3,
        "data": [[1.0, 2.0], [3.0, 4.0]],
        **options,
    }
    return Prepare.search_requests_with_expr(**settings)


def test_a_search_as_pymilvus_sends_it(books: CollectionInfo) -> None:
    request = _search(
        param={"metric_type": "COSINE", "params": {"ef": 50, "radius": 0.1}, "offset": 2},
        expr="pages > {low}",
        expr_params={"low": 10},
        output_fields=["title", "$meta"],
        partition_names=["p"],
        round_decimal=3,
        guarantee_timestamp=2,
        ignore_growing=True,
    )
    search = search_from_message(request, books)
    np.testing.assert_array_equal(search.vectors, np.array([[1, 2], [3, 4]], np.float32))
    assert (search.collection, search.database, search.field_name) == ("books", "default", "vector")
    assert (search.limit, search.offset, search.round_decimals) == (3, 2, 3)
    assert (search.metric, search.params) == ("COSINE", {"ef": 50, "radius": 0.1})
    assert (search.filter, search.filter_params) == ("pages > {low}", {"low": 10})
    assert (search.output_fields, search.partitions) == (("title", "$meta"), ("p",))
    assert search.ignore_growing
    assert search.require_loaded
    assert search.guarantee_timestamp == 0


def test_only_iterators_read_the_past(books: CollectionInfo) -> None:
    moment = 1 << 60
    assert search_from_message(_search(guarantee_timestamp=moment), books).guarantee_timestamp == 0
    iterating = _search(guarantee_timestamp=moment, iterator="True", collection_id=7)
    assert search_from_message(iterating, books).guarantee_timestamp == moment
    first = _search(guarantee_timestamp=2, iterator="True")
    assert search_from_message(first, books).guarantee_timestamp == 0


def test_an_iterator_over_a_collection_made_anew(books: CollectionInfo) -> None:
    with pytest.raises(NotFound, match="is not the one this iterator began on"):
        search_from_message(_search(iterator="True", collection_id=8), books)


def test_the_number_of_queries_must_agree(books: CollectionInfo) -> None:
    request = _search()
    request.nq = 3
    with pytest.raises(InvalidInput, match="nq is 3, but 2 query vectors were sent"):
        search_from_message(request, books)


def _with_old_filter() -> Any:
    request = _search()
    request.dsl, request.dsl_type = "{}", common_pb2.Dsl
    return request


def _changed(change: Any) -> Any:
    request = _search()
    change(request)
    return request


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (_changed(lambda r: r.sub_reqs.add()), "hybrid search"),
        (_changed(lambda r: r.function_chains.add()), "a function chain"),
        (_changed(lambda r: r.highlighter.SetInParent()), "highlighting"),
        (_changed(lambda r: setattr(r, "namespace", "n")), "a namespace"),
        (_changed(lambda r: setattr(r, "travel_timestamp", 5)), "time travel"),
        (_with_old_filter(), "the old filter language"),
        (_search(cluster_id="c"), "the choice of a cluster"),
        (_search(data=["text"]), "text or ids"),
    ],
)
def test_searches_of_later_versions(request_: Any, told: str, books: CollectionInfo) -> None:
    with pytest.raises(InvalidInput, match=f"{told}.* is not supported yet") as raised:
        search_from_message(request_, books)
    assert raised.value.kind == "not_supported"


def test_params_that_are_no_json(books: CollectionInfo) -> None:
    request = _changed(lambda r: r.ClearField("search_params"))
    for text in ("{", "[1]"):
        request.search_params.append(common_pb2.KeyValuePair(key="params", value=text))
        with pytest.raises(InvalidInput, match="params"):
            search_from_message(request, books)


def test_a_query_as_pymilvus_sends_it() -> None:
    request = Prepare.query_request(
        "books", "pages in {list}", ["title"], ["p"], expr_params={"list": [1, 2]}, limit=5, offset=1
    )
    assert query_from_message(request, database="d") == Query(
        "books",
        filter="pages in {list}",
        filter_params={"list": [1, 2]},
        output_fields=("title",),
        partitions=("p",),
        limit=5,
        offset=1,
        require_loaded=True,
        database="d",
    )


def test_an_ordered_query_as_pymilvus_sends_it() -> None:
    request = Prepare.query_request(
        "books", "", ["title"], [], limit=5, order_by=["pages:desc", {"field": "title"}, "id"]
    )
    query = query_from_message(request, database="d")
    assert isinstance(query, Query)
    assert query.order_by == ("pages:desc", "title:asc", "id")


def test_an_aggregation_as_pymilvus_sends_it() -> None:
    request = Prepare.query_request(
        "books",
        "pages > 1",
        ["title", "count(*)"],
        ["p"],
        group_by_fields=["title"],
        order_by=["count(*):desc"],
        limit=3,
    )
    assert query_from_message(request, database="d") == Aggregate(
        "books",
        ("title", "count(*)"),
        group_by=("title",),
        filter="pages > 1",
        order_by=("count(*):desc",),
        partitions=("p",),
        limit=3,
        require_loaded=True,
        database="d",
    )
    alone = query_from_message(Prepare.query_request("books", "", ["AVG( pages )"], []), database="d")
    assert alone == Aggregate("books", ("AVG( pages )",), require_loaded=True, database="d")
    counted = query_from_message(Prepare.query_request("books", "", ["count(*)"], []), database="d")
    assert isinstance(counted, Query)


def test_a_page_of_a_query_iterator() -> None:
    request = Prepare.query_request(
        "books",
        "id > 5",
        ["*"],
        [],
        limit=100,
        iterator="True",
        reduce_stop_for_best="True",
        guarantee_timestamp=1 << 60,
    )
    query = query_from_message(request, database="d")
    assert (query.limit, query.guarantee_timestamp) == (100, 1 << 60)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"limit": 0}, "limit is 0, expected 1 or more"),
        ({"limit": -1}, "limit is -1"),
        ({"limit": "all"}, "limit is 'all'"),
        ({"offset": "x"}, "offset is 'x'"),
        ({"order_by_fields": ["pages"]}, "order_by needs a limit"),
        ({"order_by": ["pages"], "limit": 1, "iterator": "True"}, "an iterator goes by primary key"),
        ({"group_by_fields": ["pages"], "iterator": "True"}, "an iterator goes by primary key"),
        ({"query_iter_last_pk": 1}, "not supported"),
        ({"namespace": "n"}, "not supported"),
    ],
)
def test_queries_that_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        query_from_message(Prepare.query_request("books", "id > 1", [], [], **options), database="d")


def test_an_unknown_query_option_is_not_ignored() -> None:
    request = Prepare.query_request("books", "id > 1", [], [])
    request.query_params.append(common_pb2.KeyValuePair(key="sorcery", value="yes"))
    with pytest.raises(InvalidInput, match="query option sorcery is not supported"):
        query_from_message(request, database="d")


def test_a_delete_as_pymilvus_sends_it() -> None:
    request = Prepare.delete_request("books", "id == {x}", "p", consistency_level=0, expr_params={"x": 3})
    expected = Delete("books", filter="id == {x}", filter_params={"x": 3}, partition="p", database="d")
    assert delete_from_message(request, database="d") == expected
    with pytest.raises(InvalidInput, match="a namespace"):
        delete_from_message(milvus_pb2.DeleteRequest(namespace="n"), database="d")


def test_an_index_flat_or_nested() -> None:
    flat = Prepare.create_index_request(
        "books", "vector", {"index_type": "HNSW", "metric_type": "L2", "M": 16, "efConstruction": 100}, index_name="i"
    )
    nested = Prepare.create_index_request(
        "books",
        "vector",
        {"index_type": "HNSW", "metric_type": "L2", "params": {"M": 16, "efConstruction": 100}},
        index_name="i",
    )
    for request, numbers in ((flat, ("16", "100")), (nested, (16, 100))):
        params = {"M": numbers[0], "efConstruction": numbers[1]}
        expected = CreateIndex("books", "vector", "HNSW", "L2", params, "i", database="d")
        assert create_index_from_message(request, database="d") == expected


def test_settings_of_an_index_are_apart() -> None:
    request = Prepare.create_index_request("books", "vector", {"mmap.enabled": True, "dim": 2})
    expected = CreateIndex("books", "vector", settings={"mmap.enabled": "True"}, database="d")
    assert create_index_from_message(request, database="d") == expected


def test_an_index_parameter_given_twice() -> None:
    request = Prepare.create_index_request("books", "vector", {"M": 16, "params": {"M": 8}})
    with pytest.raises(InvalidInput, match="ambiguous index parameter M"):
        create_index_from_message(request, database="d")


def test_a_field_operation_is_known_by_name() -> None:
    operation = schema_pb2.FieldPartialUpdateOp
    assert operation.OpType.Name(operation.REPLACE) == "REPLACE"
