"""A manifest is the fold of its commits, whatever the commits, and wherever the checkpoint falls."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from elanus.objectstore.memory import MemoryStore
from elanus.objectstore.versioned import VersionedLog
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

_IDS = st.integers(1, 4)
_STAMPS = st.integers(0, 2**63 - 1)
_SIZES = st.integers(0, 2**50)
_CRCS = st.integers(0, 2**32 - 1)
_TEXTS = st.text(max_size=5)
_MAPS = st.dictionaries(_TEXTS, _TEXTS, max_size=2)
_DEFAULTS: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _TEXTS

_FIELDS = st.builds(Field, _TEXTS, st.sampled_from(DataType), default_value=_DEFAULTS, params=_MAPS, field_id=_IDS)
_SCHEMAS = st.builds(Schema, st.lists(_FIELDS, max_size=3).map(tuple), st.booleans(), _TEXTS)
_DELETE_FILES = st.builds(DeleteFile, _TEXTS, _CRCS, _SIZES)
_ARTEFACTS = st.builds(ArtefactFile, _TEXTS, _SIZES, _CRCS)
_BUILT = st.builds(SegmentIndex, _IDS, st.lists(_ARTEFACTS, max_size=2).map(tuple))
_SEGMENTS = st.builds(
    SegmentEntry,
    _IDS,
    _IDS,
    _SIZES,
    _SIZES,
    _CRCS,
    st.lists(_DELETE_FILES, max_size=2).map(tuple),
    st.lists(_BUILT, max_size=2).map(tuple),
)
_DEFINITIONS = st.builds(
    IndexDefinition,
    _TEXTS,
    _TEXTS,
    _TEXTS,
    st.none() | st.sampled_from(Metric),
    st.dictionaries(_TEXTS, st.integers() | st.booleans() | _TEXTS, max_size=2),
    _MAPS,
    _IDS,
)
_OUTCOMES = st.builds(RequestOutcome, _TEXTS, _STAMPS, _SIZES, _SIZES, _STAMPS)
_CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(SchemaChanged, _SCHEMAS, _IDS, _STAMPS),
    st.builds(PropertiesChanged, _MAPS),
    st.builds(PartitionAdded, st.builds(PartitionEntry, _IDS, _TEXTS, _STAMPS)),
    st.builds(PartitionDropped, _IDS),
    st.builds(IndexDefined, _DEFINITIONS),
    st.builds(IndexDropped, _IDS),
    st.builds(IndexBuilt, _IDS, _BUILT),
    st.builds(SegmentsReplaced, st.lists(_IDS, max_size=2).map(tuple), st.lists(_SEGMENTS, max_size=2).map(tuple)),
    st.builds(DeletesAdded, _IDS, _DELETE_FILES),
    st.builds(LoadChanged, st.builds(LoadState, st.booleans(), st.lists(_IDS, max_size=2).map(tuple), _IDS)),
    st.builds(LogAdvanced, _STAMPS, st.lists(_OUTCOMES, max_size=2).map(tuple)),
)
_START = CollectionCreated(Manifest(1, Schema((Field("id", DataType.INT64, is_primary=True),)).with_ids()))


def _opened(log: VersionedLog) -> Manifest:
    """The state as opening a collection makes it."""
    loaded = log.load()
    state = None if loaded.checkpoint is None else decode_manifest(loaded.checkpoint)
    for number, body in enumerate(loaded.commits):
        state = apply(state, decode_changes(body), loaded.checkpoint_version + 1 + number)
    assert state is not None
    return state


@given(st.lists(st.lists(_CHANGES, min_size=1, max_size=3), max_size=8), st.sets(st.integers(1, 9)))
def test_opening_gives_the_state_that_was_left(commits: list[list[Change]], checkpoints: set[int]) -> None:
    log = VersionedLog(MemoryStore(), "manifest")
    state: Manifest | None = None
    first: list[Change] = [_START]
    for version, changes in enumerate([first, *commits], start=1):
        log.commit(version, encode_changes(changes))
        state = apply(state, changes, version)
        if version in checkpoints:
            log.write_checkpoint(version, encode_manifest(state))
        assert _opened(log) == state
        assert _opened(log).version == version


@given(_CHANGES)
def test_every_change_comes_back(change: Change) -> None:
    (again,) = decode_changes(encode_changes([change]))
    assert again == change
    assert encode_changes([again]) == encode_changes([change])
