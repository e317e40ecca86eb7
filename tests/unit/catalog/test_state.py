"""The catalog in memory: names, aliases, renames, and the rules before a change."""

import pytest

from elanus.catalog.changes import (
    AliasRemoved,
    AliasSet,
    CatalogChange,
    CollectionEntry,
    CollectionRemoved,
    CollectionSet,
    DatabaseEntry,
    DatabaseRemoved,
    DatabaseSet,
)
from elanus.catalog.state import CatalogState
from elanus.errors import AlreadyExists, Conflict, ElanusError, NotFound


def _collection(number: int, name: str, database: str = "default") -> CollectionSet:
    return CollectionSet(CollectionEntry(number, database, name, 100 + number))


def _state(*changes: CatalogChange) -> CatalogState:
    state = CatalogState()
    state.apply([DatabaseSet(DatabaseEntry(1, "default", 5)), DatabaseSet(DatabaseEntry(2, "other", 6)), *changes])
    return state


def _missing(kind: str, question: object) -> None:
    with pytest.raises(NotFound) as caught:
        question()  # type: ignore[operator]
    assert caught.value.kind == kind


def test_collections_are_found_by_name_within_their_database() -> None:
    state = _state(_collection(10, "a"), _collection(11, "a", "other"), _collection(12, "b"))
    assert state.collection("default", "a").collection_id == 10
    assert state.collection("other", "a").collection_id == 11
    assert state.collection_of(12).name == "b"
    assert [entry.name for entry in state.collections_of("default")] == ["a", "b"]
    _missing("collection_not_found", lambda: state.collection("other", "b"))
    _missing("collection_not_found", lambda: state.collection_of(99))
    for question in (state.collections_of, state.database, lambda name: state.collection(name, "a")):
        _missing("database_not_found", lambda question=question: question("nothing"))


def test_an_alias_finds_its_collection_and_the_name_wins() -> None:
    state = _state(_collection(10, "a"), _collection(12, "b"), AliasSet("default", "x", 12))
    assert state.collection("default", "x").name == "b"
    assert state.alias_target("default", "x").name == "b"
    _missing("alias_not_found", lambda: state.alias_target("default", "a"))
    _missing("alias_not_found", lambda: state.alias_target("other", "x"))
    _missing("collection_not_found", lambda: state.collection("other", "x"))
    _missing("database_not_found", lambda: state.alias_target("nothing", "x"))
    state.apply([AliasSet("default", "x", 10), AliasSet("default", "y", 10)])
    assert state.collection("default", "x").name == "a"
    assert state.aliases_of("default") == {"x": 10, "y": 10}
    assert state.aliases_of("default", 12) == {}
    assert state.aliases_of("default", 10) == {"x": 10, "y": 10}
    assert state.aliases_of("other") == {}
    state.apply([AliasRemoved("default", "x")])
    _missing("collection_not_found", lambda: state.collection("default", "x"))


def test_a_renamed_collection_has_its_new_name_only_and_keeps_its_aliases() -> None:
    state = _state(_collection(10, "a"), AliasSet("default", "x", 10), _collection(10, "new"))
    assert state.collection("default", "new").collection_id == 10
    assert state.collection("default", "x").name == "new"
    _missing("collection_not_found", lambda: state.collection("default", "a"))
    state.apply([_collection(11, "a")])
    assert [entry.name for entry in state.collections_of("default")] == ["new", "a"]
    state.apply([_collection(10, "new")])
    assert state.collection("default", "new").collection_id == 10


def test_two_collections_may_swap_names_in_one_commit() -> None:
    state = _state(_collection(10, "a"), _collection(11, "b"))
    state.apply([_collection(10, "tmp"), _collection(11, "a"), _collection(10, "b")])
    assert state.collection("default", "a").collection_id == 11
    assert state.collection("default", "b").collection_id == 10


def test_a_removed_collection_takes_its_aliases() -> None:
    state = _state(
        _collection(10, "a"), _collection(11, "b"), AliasSet("default", "x", 10), AliasSet("default", "y", 11)
    )
    state.apply([CollectionRemoved(10)])
    assert state.aliases_of("default") == {"y": 11}
    _missing("collection_not_found", lambda: state.collection("default", "a"))
    state.check_name_free("default", "a")
    state.check_name_free("default", "x")


def test_a_name_is_free_unless_a_collection_or_alias_has_it() -> None:
    state = _state(_collection(10, "a"), AliasSet("default", "x", 10))
    state.check_name_free("default", "b")
    state.check_name_free("other", "a")
    for name, kind in (("a", "collection_exists"), ("x", "alias_exists")):
        with pytest.raises(AlreadyExists, match=repr(name)) as caught:
            state.check_name_free("default", name)
        assert caught.value.kind == kind
    _missing("database_not_found", lambda: state.check_name_free("nothing", "a"))


def test_only_an_empty_database_may_go() -> None:
    state = _state(_collection(10, "a", "other"))
    with pytest.raises(Conflict, match="'other' still has 1 collections") as caught:
        state.check_database_empty("other")
    assert caught.value.kind == "database_not_empty"
    state.apply([CollectionRemoved(10)])
    state.check_database_empty("other")
    state.apply([DatabaseRemoved("other")])
    _missing("database_not_found", lambda: state.check_database_empty("other"))


def test_a_database_is_altered_in_place() -> None:
    state = _state(_collection(10, "a"), DatabaseSet(DatabaseEntry(1, "default", 5, {"k": "v"})))
    assert state.database("default").properties == {"k": "v"}
    assert state.collection("default", "a").collection_id == 10
    assert list(state.databases) == ["default", "other"]


def test_a_snapshot_is_the_whole_state() -> None:
    state = _state(
        _collection(10, "a"), _collection(11, "b", "other"), AliasSet("default", "x", 10), _collection(10, "c")
    )
    again = CatalogState.from_snapshot(state.snapshot())
    assert again.snapshot() == state.snapshot()
    assert again.entry_count == state.entry_count == 5
    assert again.collection("default", "x").name == "c"
    before = state.snapshot()
    state.apply([CollectionRemoved(10)])
    assert before != state.snapshot()


def test_every_refusal_has_a_message_with_the_name() -> None:
    state = _state()
    for question in (
        lambda: state.collection("default", "the-name"),
        lambda: state.database("the-name"),
        lambda: state.alias_target("default", "the-name"),
    ):
        with pytest.raises(ElanusError, match="the-name"):
            question()
