"""Manifests: what each change means, and that commits and checkpoints say the same."""

from dataclasses import replace
from typing import Any, get_args

import msgspec
import pytest

from elanus.schema.collection import IndexDefinition, Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric
from elanus.storage.manifest import (
    ArtefactFile,
    Change,
    CollectionCreated,
    DeleteFile,
    DeletesAdded,
    IndexBuilt,
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
    RequestOutcome,
    SchemaChanged,
    SegmentEntry,
    SegmentIndex,
    SegmentsReplaced,
    apply,
    decode_changes,
    decode_manifest,
    encode_changes,
    encode_manifest,
)

_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True, auto_id=True),
        Field("v", DataType.FLOAT_VECTOR, dim=8, params={"mmap.enabled": "true"}),
        Field("n", DataType.INT64, default_value=-(2**63)),
        Field("b", DataType.BOOL, default_value=False),
        Field("d", DataType.DOUBLE, default_value=1e-300),
        Field("s", DataType.VARCHAR, max_length=9, default_value="é\n\"'", description="naïve"),
        Field("a", DataType.ARRAY, element_type=DataType.INT8, max_capacity=4, nullable=True),
    ),
    enable_dynamic_field=True,
    description="what it is",
).with_ids()
_INDEX = IndexDefinition("i", "v", "HNSW", Metric.L2, {"M": 16, "x": [1.5]}, {"mmap.enabled": "true"}, 500)
_FILE = DeleteFile("deletes/1.arrow", 2**32 - 1, 7)
_BUILT = SegmentIndex(500, (ArtefactFile("graph", 2**40, 5), ArtefactFile("data", 0, 0)))
_SEGMENT = SegmentEntry(10, 1, 1000, 2**40, 77)
_START = Manifest(
    2**60 + 1,
    _SCHEMA,
    created_timestamp=2**61,
    next_field_id=108,
    partitions=(PartitionEntry(1, "_default", 3), PartitionEntry(2, "other", 4)),
    segments=(_SEGMENT, replace(_SEGMENT, segment_id=11, partition_id=2)),
    properties={"ttl": "5"},
)
_OUTCOME = RequestOutcome("request-1", 2**62, 3, 4, 2**60)

_EXAMPLES: list[Change] = [
    SchemaChanged(_SCHEMA.with_fields(_SCHEMA.fields[:3]), 120, 2**62),
    PropertiesChanged({"a": "b"}),
    PartitionAdded(PartitionEntry(3, "new", 9)),
    PartitionDropped(2),
    IndexDefined(_INDEX),
    IndexDropped(500),
    IndexBuilt(10, _BUILT),
    SegmentsReplaced((10,), (replace(_SEGMENT, segment_id=12, deletes=(_FILE,), indexes=(_BUILT,)),)),
    DeletesAdded(11, _FILE),
    LoadChanged(LoadState(partition_ids=(1, 2), replica_count=2)),
    LogAdvanced(2**62, (_OUTCOME,)),
]


def test_there_is_an_example_of_every_change() -> None:
    assert {type(change) for change in _EXAMPLES} == set(get_args(Change)) - {CollectionCreated}


@pytest.mark.parametrize("change", [CollectionCreated(_START), *_EXAMPLES], ids=lambda change: type(change).__name__)
def test_a_change_comes_back_from_its_commit(change: Change) -> None:
    (again,) = decode_changes(encode_changes([change]))
    assert again == change
    assert type(again) is type(change)


def test_a_commit_keeps_the_order_of_its_changes() -> None:
    assert decode_changes(encode_changes(iter(_EXAMPLES))) == _EXAMPLES


@pytest.mark.parametrize("change", _EXAMPLES, ids=lambda change: type(change).__name__)
def test_a_checkpoint_is_the_state_it_was_made_of(change: Change) -> None:
    state = apply(_START, [change], 5)
    assert decode_manifest(encode_manifest(state)) == state
    assert state.version == 5
    assert state != _START


def test_defaults_keep_their_value_and_type() -> None:
    again = decode_manifest(encode_manifest(_START)).schema
    for field in _SCHEMA.fields:
        value = again.field(field.name).default_value
        assert value == field.default_value
        assert type(value) is type(field.default_value)
    assert again == _SCHEMA


def test_the_first_change_creates_the_collection() -> None:
    assert apply(None, [CollectionCreated(_START), PropertiesChanged({})], 1) == replace(
        _START, version=1, properties={}
    )
    for changes in ([], [PropertiesChanged({})]):
        with pytest.raises(AssertionError):
            apply(None, changes, 1)
    with pytest.raises(AssertionError):
        apply(_START, [CollectionCreated(_START)], 2)


def test_a_state_is_never_changed_in_place() -> None:
    before = encode_manifest(_START)
    apply(_START, _EXAMPLES, 9)
    assert encode_manifest(_START) == before


def test_changing_the_schema_counts_it() -> None:
    schema = _SCHEMA.with_fields(_SCHEMA.fields[:2])
    after = apply(_START, [SchemaChanged(schema, 130, 77)], 2)
    assert (after.schema, after.schema_version, after.schema_timestamp, after.next_field_id) == (schema, 2, 77, 130)


def test_a_dropped_partition_takes_its_segments() -> None:
    after = apply(_START, [PartitionDropped(2)], 2)
    assert [entry.name for entry in after.partitions] == ["_default"]
    assert [entry.segment_id for entry in after.segments] == [10]
    assert apply(after, [PartitionAdded(PartitionEntry(9, "third", 5))], 3).partitions[-1].name == "third"


def test_an_index_is_defined_redefined_and_dropped_with_its_artefacts() -> None:
    other = replace(_INDEX, index_id=501, index_name="other")
    after = apply(_START, [IndexDefined(_INDEX), IndexDefined(other), IndexBuilt(10, _BUILT)], 2)
    changed = replace(_INDEX, settings={})
    after = apply(after, [IndexDefined(changed)], 3)
    assert {entry.index_id: entry for entry in after.indexes} == {500: changed, 501: other}
    assert after.segment(10).indexes == (_BUILT,)
    after = apply(after, [IndexDropped(500)], 4)
    assert after.indexes == (other,)
    assert after.segment(10).indexes == ()


def test_an_index_built_again_replaces_the_first() -> None:
    newer = SegmentIndex(500, ())
    after = apply(_START, [IndexBuilt(10, _BUILT), IndexBuilt(10, SegmentIndex(7, ())), IndexBuilt(10, newer)], 2)
    assert after.segment(10).indexes == (SegmentIndex(7, ()), newer)
    assert after.segment(11).indexes == ()


def test_segments_are_replaced_together() -> None:
    new = replace(_SEGMENT, segment_id=12)
    after = apply(_START, [SegmentsReplaced((10, 11), (new,))], 2)
    assert after.segments == (new,)
    with pytest.raises(KeyError):
        after.segment(10)
    assert apply(after, [SegmentsReplaced((12,), ())], 3).segments == ()


def test_deletes_are_added_to_their_segment_in_order() -> None:
    second = replace(_FILE, name="deletes/2.arrow")
    after = apply(_START, [DeletesAdded(11, _FILE), DeletesAdded(11, second)], 2)
    assert after.segment(11).deletes == (_FILE, second)
    assert after.segment(10).deletes == ()


def test_what_belongs_to_a_segment_that_is_gone_changes_nothing() -> None:
    after = apply(_START, [SegmentsReplaced((10,), ()), DeletesAdded(10, _FILE), IndexBuilt(10, _BUILT)], 2)
    assert [entry.segment_id for entry in after.segments] == [11]
    assert after.segments[0] == _START.segments[1]


def test_the_log_advances_with_the_requests_it_remembers() -> None:
    after = apply(_START, [LogAdvanced(99, (_OUTCOME,))], 2)
    assert (after.flushed_timestamp, after.recent_requests) == (99, (_OUTCOME,))
    assert apply(after, [LogAdvanced(100)], 3).recent_requests == ()


def test_loading_allows_all_or_some_partitions() -> None:
    assert not LoadState().allows(1)
    assert LoadState(loaded=True).allows(1)
    assert LoadState(partition_ids=(2,)).allows(2)
    assert not LoadState(partition_ids=(2,)).allows(1)


def test_files_of_a_later_version_with_more_keys_are_read() -> None:
    """A reader ignores keys it does not know: what it must not ignore changes the format number."""
    body: list[dict[str, Any]] = msgspec.json.decode(encode_changes([PartitionDropped(2)]))
    body[0]["later"] = True
    assert decode_changes(msgspec.json.encode(body)) == [PartitionDropped(2)]


def test_a_change_nobody_knows_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="later_change"):
        decode_changes(b'[{"change":"later_change"}]')
