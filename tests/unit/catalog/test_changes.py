"""Catalog changes and snapshots as bytes."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.catalog.changes import (
    AliasRemoved,
    AliasSet,
    CatalogChange,
    CatalogSnapshot,
    CollectionEntry,
    CollectionRemoved,
    CollectionSet,
    DatabaseEntry,
    DatabaseRemoved,
    DatabaseSet,
    decode_changes,
    decode_snapshot,
    encode_changes,
    encode_snapshot,
)

_IDS = st.integers(0, 2**63 - 1)
_NAMES = st.text(max_size=6)
_DATABASES = st.builds(DatabaseEntry, _IDS, _NAMES, _IDS, st.dictionaries(_NAMES, _NAMES, max_size=2))
_COLLECTIONS = st.builds(CollectionEntry, _IDS, _NAMES, _NAMES, _IDS)
_BY_TYPE: dict[type, st.SearchStrategy[CatalogChange]] = {
    DatabaseSet: st.builds(DatabaseSet, _DATABASES),
    DatabaseRemoved: st.builds(DatabaseRemoved, _NAMES),
    CollectionSet: st.builds(CollectionSet, _COLLECTIONS),
    CollectionRemoved: st.builds(CollectionRemoved, _IDS),
    AliasSet: st.builds(AliasSet, _NAMES, _NAMES, _IDS),
    AliasRemoved: st.builds(AliasRemoved, _NAMES, _NAMES),
}


def test_every_change_is_tried() -> None:
    assert set(_BY_TYPE) == set(get_args(CatalogChange))


@given(st.lists(st.one_of(list(_BY_TYPE.values())), max_size=5))
def test_changes_come_back_in_order(changes: list[CatalogChange]) -> None:
    assert decode_changes(encode_changes(changes)) == changes


@given(st.lists(_DATABASES, max_size=3), st.lists(_COLLECTIONS, max_size=3), st.lists(st.tuples(_NAMES, _NAMES, _IDS)))
def test_snapshots_come_back(
    databases: list[DatabaseEntry], collections: list[CollectionEntry], aliases: list[tuple[str, str, int]]
) -> None:
    snapshot = CatalogSnapshot(databases, collections, aliases)
    assert decode_snapshot(encode_snapshot(snapshot)) == snapshot


def test_the_bytes_are_the_file_format() -> None:
    changes: list[CatalogChange] = [AliasSet("d", "a", 7), CollectionSet(CollectionEntry(7, "d", "c", 9))]
    assert encode_changes(changes) == (
        b'[{"change":"alias_set","database":"d","alias":"a","collection_id":7},'
        b'{"change":"collection_set","entry":{"collection_id":7,"database":"d","name":"c","created_timestamp":9}}]'
    )


def test_a_change_nobody_knows_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_changes(b'[{"change":"user_set"}]')
