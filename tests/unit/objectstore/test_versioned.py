"""The versioned log: one winner a commit, checkpoints that may be interrupted anywhere, and damage that is found."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.errors import Conflict, DataCorrupt, ElanusError
from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.local import LocalStore
from elanus.objectstore.memory import MemoryStore
from elanus.objectstore.store import ObjectStore
from elanus.objectstore.versioned import VersionedLog, VersionedState
from tests.simulation.disk import PowerLoss, SimulatedDisk

_BODIES = [b'{"n":%d}' % number for number in range(1, 13)]


def _committed(store: ObjectStore, count: int) -> VersionedLog:
    log = VersionedLog(store, "log")
    for number in range(1, count + 1):
        log.commit(number, _BODIES[number - 1])
    return log


def _fold(state: VersionedState) -> list[bytes]:
    """All bodies ever committed, when a checkpoint is the bodies so far, one a line."""
    before = [] if state.checkpoint is None else state.checkpoint.split(b"\n")
    return [*before, *state.commits]


def _keys(store: ObjectStore) -> list[str]:
    return [info.key.removeprefix("log/").lstrip("0") for info in store.list_objects("log")]


def test_a_new_log_is_empty() -> None:
    assert VersionedLog(MemoryStore(), "log").load() == VersionedState(0, None, 0, [])


def test_commits_come_back_in_order() -> None:
    store = MemoryStore()
    state = _committed(store, 12).load()
    assert (state.version, state.checkpoint, state.checkpoint_version) == (12, None, 0)
    assert list(state.commits) == _BODIES
    assert _keys(store) == [f"{number}.json" for number in range(1, 13)]


def test_the_files_are_two_lines_of_json() -> None:
    """Other tools read them; and it is the file format."""
    store = MemoryStore()
    log = _committed(store, 1)
    log.write_checkpoint(1, b'{"all":1}')
    assert store.get("log/00000000000000000001.checkpoint.json") == (
        b'{"kind":"checkpoint","format":1,"version":1,"crc32c":2809031561}\n{"all":1}\n'
    )
    log.commit(2, b'{"n":2}')
    assert store.get("log/00000000000000000002.json").startswith(b'{"kind":"commit","format":1,"version":2,"crc32c":')


def test_a_taken_version_is_a_conflict() -> None:
    log = _committed(MemoryStore(), 3)
    with pytest.raises(Conflict, match="has a commit 3 already, made by another writer"):
        log.commit(3, b"{}")
    assert list(log.load().commits) == _BODIES[:3]


def test_of_racing_writers_one_wins_each_version(tmp_path: Path) -> None:
    store = LocalStore(LocalDisk(tmp_path))

    def write(writer: int) -> int:
        log, won = VersionedLog(store, "log"), 0
        for version in range(1, 9):
            try:
                log.commit(version, b"%d" % writer)
                won += 1
            except Conflict:
                continue
        return won

    with ThreadPoolExecutor(10) as pool:
        wins = list(pool.map(write, range(10)))
    assert sum(wins) == 8
    assert VersionedLog(store, "log").load().version == 8


def test_a_checkpoint_replaces_what_it_covers() -> None:
    store = MemoryStore()
    log = _committed(store, 5)
    log.write_checkpoint(3, b"\n".join(_BODIES[:3]))
    state = log.load()
    assert (state.version, state.checkpoint_version) == (5, 3)
    assert _fold(state) == _BODIES[:5]
    assert _keys(store) == ["3.checkpoint.json", "4.json", "5.json"]
    log.write_checkpoint(5, b"\n".join(_BODIES[:5]))
    assert _keys(store) == ["5.checkpoint.json"]
    log.commit(6, _BODIES[5])
    assert _fold(log.load()) == _BODIES[:6]


def test_a_checkpoint_that_is_there_already_is_left_alone() -> None:
    store = MemoryStore()
    log = _committed(store, 2)
    log.write_checkpoint(2, b"first")
    log.write_checkpoint(2, b"second")
    assert log.load().checkpoint == b"first"


def test_a_crash_anywhere_in_a_checkpoint_loses_nothing() -> None:
    reference = SimulatedDisk()
    log = _committed(LocalStore(reference), 6)
    first = len(reference.steps)
    log.write_checkpoint(6, b"\n".join(_BODIES[:6]))
    for step in range(first, len(reference.steps)):
        for luck in range(6):
            disk = SimulatedDisk()
            log = _committed(LocalStore(disk), 6)
            disk.power_loss_at = step
            with pytest.raises(PowerLoss):
                log.write_checkpoint(6, b"\n".join(_BODIES[:6]))
            again = VersionedLog(LocalStore(disk.after_power_loss(luck)), "log")
            assert _fold(again.load()) == _BODIES[:6]
            again.commit(7, _BODIES[6])
            again.write_checkpoint(7, b"\n".join(_BODIES[:7]))
            assert _fold(again.load()) == _BODIES[:7]


def test_a_crash_anywhere_in_a_commit_leaves_it_whole_or_out() -> None:
    reference = SimulatedDisk()
    log = _committed(LocalStore(reference), 3)
    first = len(reference.steps)
    log.commit(4, _BODIES[3])
    for step in range(first, len(reference.steps)):
        for luck in range(6):
            disk = SimulatedDisk()
            log = _committed(LocalStore(disk), 3)
            disk.power_loss_at = step
            with pytest.raises(PowerLoss):
                log.commit(4, _BODIES[3])
            assert _fold(VersionedLog(LocalStore(disk.after_power_loss(luck)), "log").load()) in (
                _BODIES[:3],
                _BODIES[:4],
            )


@pytest.mark.parametrize("missing", [1, 2, 4])
def test_a_missing_commit_is_named(missing: int) -> None:
    store = MemoryStore()
    log = _committed(store, 5)
    store.delete(f"log/{missing:020d}.json")
    with pytest.raises(DataCorrupt, match=f"log/{missing:020d}.json is missing") as caught:
        log.load()
    assert caught.value.kind == "missing_file"


def test_a_missing_commit_after_a_checkpoint_is_named() -> None:
    store = MemoryStore()
    log = _committed(store, 5)
    log.write_checkpoint(2, b"x")
    store.delete(f"log/{3:020d}.json")
    with pytest.raises(DataCorrupt, match=f"{3:020d}.json is missing"):
        log.load()


def test_a_missing_checkpoint_is_noticed() -> None:
    store = MemoryStore()
    log = _committed(store, 5)
    log.write_checkpoint(3, b"x")
    store.delete(f"log/{3:020d}.checkpoint.json")
    with pytest.raises(DataCorrupt, match=f"{1:020d}.json is missing"):
        log.load()


def test_a_newer_format_says_upgrade() -> None:
    store = MemoryStore()
    store.put(f"log/{1:020d}.json", [b'{"kind":"commit","format":2,"version":1,"crc32c":0}\n{}\n'])
    with pytest.raises(DataCorrupt, match="has format 2, this version reads up to 1; upgrade elanus") as caught:
        VersionedLog(store, "log").load()
    assert caught.value.kind == "newer_format"


def test_a_file_under_another_name_is_refused() -> None:
    """A commit copied over another, or a checkpoint renamed to a commit, has a right checksum and wrong contents."""
    store = MemoryStore()
    _committed(store, 2)
    second = store.get(f"log/{2:020d}.json")
    store.put(f"log/{3:020d}.json", [second])
    with pytest.raises(DataCorrupt, match="is damaged"):
        VersionedLog(store, "log").load()
    other = MemoryStore()
    other.put(f"log/{2:020d}.checkpoint.json", [second])
    with pytest.raises(DataCorrupt, match="is damaged"):
        VersionedLog(other, "log").load()


def test_other_files_in_the_folder_do_not_matter() -> None:
    store = MemoryStore()
    log = _committed(store, 2)
    for name in ("notes.txt", "1.json", "00000000000000000009.json.bak", "deep/00000000000000000009.json"):
        store.put(f"log/{name}", [b"?"])
    assert log.load().version == 2


def _damaged(edit: bytes, key: str) -> ObjectStore:
    """A log of a checkpoint and three commits with one file replaced."""
    store = MemoryStore()
    log = _committed(store, 5)
    log.write_checkpoint(2, b"\n".join(_BODIES[:2]))
    store.delete(key)
    store.put(key, [edit])
    return store


_FILES = [f"log/{2:020d}.checkpoint.json", *(f"log/{number:020d}.json" for number in (3, 4, 5))]


@given(st.sampled_from(_FILES), st.integers(0, 200), st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_found_or_harmless(key: str, place: int, bit: int) -> None:
    original = _damaged(b"", "log/none")
    data = bytearray(original.get(key))
    data[place % len(data)] ^= 1 << bit
    log = VersionedLog(_damaged(bytes(data), key), "log")
    try:
        state = log.load()
    except DataCorrupt as error:
        assert key in error.message  # noqa: PT017 (both outcomes are right; one has more to check)
        return
    assert _fold(state) == _BODIES[:5]


@given(st.sampled_from(_FILES), st.binary(max_size=80))
def test_any_other_contents_are_found(key: str, contents: bytes) -> None:
    with pytest.raises(ElanusError) as caught:
        VersionedLog(_damaged(contents, key), "log").load()
    assert isinstance(caught.value, DataCorrupt)
    assert key in caught.value.message


@given(st.sampled_from(_FILES), st.integers(0, 80))
def test_a_file_cut_short_is_found(key: str, size: int) -> None:
    whole = _damaged(b"", "log/none").get(key)
    with pytest.raises(DataCorrupt, match=key):
        VersionedLog(_damaged(whole[: size % (len(whole) - 1)], key), "log").load()
