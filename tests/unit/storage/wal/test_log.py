"""The log: what was acknowledged comes back, torn tails are cut, damage is told, and a failing disk poisons."""

import errno
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.errors import DataCorrupt, Unavailable
from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.mapped_file import file_behind
from elanus.storage.wal import log as log_module
from elanus.storage.wal.log import Log, LoggedRecord, RecordsChanged
from elanus.storage.wal.record import HEADER_BYTES, InsertRecord, PartitionRows, encode
from tests.simulation.disk import PowerLoss, SimulatedDisk, SimulatedFile
from tests.unit.storage.wal.records import FOLDER, delete, every_type, insert, keys_of, opened, same, small

_BOTH = pytest.mark.parametrize("sync", [True, False])


def _files(disk: SimulatedDisk) -> list[str]:
    return [path for path in disk.paths() if path.endswith(".wal")]


def _written(disk: SimulatedDisk, *groups: list[int], sync: bool = True, close: bool = False) -> Log:
    """A log with one group of single-key inserts after another; key k has timestamp k."""
    log, _ = opened(disk, sync=sync)
    for group in groups:
        log.append([(key, insert(key)) for key in group])
    if close:
        log.close()
    return log


@_BOTH
def test_records_come_back_in_order(sync: bool) -> None:
    disk = SimulatedDisk()
    _written(disk, [1], [2, 3, 4], [9], sync=sync)
    _, found = opened(disk, sync=sync)
    assert found == [(1, [1]), (2, [2]), (3, [3]), (4, [4]), (9, [9])]


def test_a_new_log_is_empty_and_makes_no_file() -> None:
    disk = SimulatedDisk()
    log = Log(disk, FOLDER, sync=True, file_bytes_max=100)
    assert log.recover(lambda entry: None, after=0) == 0
    assert (log.size_bytes(), disk.paths()) == (0, [])
    log.close()
    log.remove_through(10)


def test_records_of_every_kind_come_back_from_real_files(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    written = [
        encode(InsertRecord((PartitionRows(1, every_type(9)), PartitionRows(2, every_type(9, offset=3))))),
        delete(1, 2, before=7, partition_ids=(3,), request_id="r"),
        insert(5, replace=True, first_id=5),
        encode(InsertRecord((PartitionRows(1, every_type(200, seed=5)),))),
    ]
    log = Log(disk, FOLDER, sync=True, file_bytes_max=1 << 20)
    log.append([(10, written[0]), (11, written[1])])
    log.append([(12, written[2]), (13, written[3])])
    log.close()
    found: list[LoggedRecord] = []
    assert Log(disk, FOLDER, sync=True, file_bytes_max=1).recover(found.append, after=0) == 13
    assert [entry.timestamp for entry in found] == [10, 11, 12, 13]
    assert all(same(entry.record, encoded.record) for entry, encoded in zip(found, written, strict=True))


def test_only_records_after_the_flushed_timestamp_are_given() -> None:
    disk = SimulatedDisk()
    _written(disk, [1, 2], [3], close=True)
    log, found = opened(disk, after=2)
    assert found == [(3, [3])]
    assert Log(disk, FOLDER, sync=True, file_bytes_max=1).recover(lambda entry: None, after=3) == 3
    assert log.size_bytes() > 0


@_BOTH
def test_a_log_goes_on_after_it_was_opened_again(sync: bool) -> None:
    disk = SimulatedDisk()
    expected: list[tuple[int, list[int]]] = []
    for key in range(1, 6):
        log, found = opened(disk, sync=sync)
        assert found == expected
        log.append([(key, insert(key))])
        expected.append((key, [key]))
        if key % 2:
            log.close()
    assert opened(disk, sync=sync)[1] == expected


def test_a_full_file_is_followed_by_another() -> None:
    disk = SimulatedDisk()
    log, _ = opened(disk, file_bytes_max=2000)
    for key in range(1, 20):
        log.append([(key, insert(key))])
    names = [path.rpartition("/")[2] for path in _files(disk)]
    assert len(names) > 2
    assert names == sorted(names)
    assert names[0] == f"{1:020d}.wal"
    assert [found[0] for found in opened(disk)[1]] == list(range(1, 20))


def test_a_schema_is_written_once_a_file() -> None:
    disk = SimulatedDisk()
    log, _ = opened(disk)
    log.append([(1, insert(1)), (2, insert(2)), (3, delete(3))])
    log.append([(4, delete(4)), (5, insert(5))])
    log.rotate()
    log.append([(6, insert(6))])
    log.close()
    field_name = b"\0text\0"
    counts = [bytes(disk.map(path)).count(field_name) for path in _files(disk)]
    assert counts == [1, 1]
    assert [timestamp for timestamp, _ in opened(disk)[1]] == [1, 2, 3, 4, 5, 6]


def test_files_of_flushed_records_are_removed_but_never_the_one_in_use() -> None:
    disk = SimulatedDisk()
    log, _ = opened(disk)
    for first in (1, 11, 21):
        log.append([(first, insert(first)), (first + 5, insert(first + 5))])
        log.rotate()
    log.append([(31, insert(31))])
    log.remove_through(5)
    assert len(_files(disk)) == 4
    log.remove_through(6)
    assert [path[-12:-4] for path in _files(disk)] == ["00000011", "00000021", "00000031"]
    log.remove_through(25)
    assert len(_files(disk)) == 2
    log.remove_through(10**9)
    assert [path[-12:-4] for path in _files(disk)] == ["00000031"]
    assert opened(disk)[1] == [(31, [31])]


def test_files_found_at_opening_are_removed_by_what_they_hold() -> None:
    disk = SimulatedDisk()
    _written(disk, [1], [5], close=True)
    log, _ = opened(disk)
    log.append([(9, insert(9))])
    log.rotate()
    log.remove_through(4)
    assert len(_files(disk)) == 2
    log.remove_through(5)
    assert len(_files(disk)) == 1


class TestTornTails:
    """What a power cut leaves of a group that was not acknowledged."""

    @pytest.mark.parametrize("sync", [True, False])
    def test_a_group_cut_at_any_length_is_whole_up_to_a_record(self, sync: bool) -> None:
        disk = SimulatedDisk()
        log = _written(disk, [1, 2], sync=sync)
        (path,) = _files(disk)
        before = len(disk.read(path))
        log.append([(3, insert(3)), (4, delete(4)), (5, insert(5))])
        whole = disk.read(path)
        seen = set()
        for size in range(before, len(whole) + 1):
            torn = deepcopy(disk)
            torn.corrupted(path, lambda _, size=size: whole[:size])
            log, found = opened(torn, sync=sync)
            assert [timestamp for timestamp, _ in found] in ([1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5])
            seen.add(len(found))
            log.append([(9, insert(9))])
            assert opened(torn, sync=sync)[1] == [*found, (9, [9])]
        assert seen == {2, 3, 4, 5}

    def test_a_first_group_cut_at_any_length(self) -> None:
        disk = SimulatedDisk()
        _written(disk, [1, 2])
        (path,) = _files(disk)
        whole = disk.read(path)
        for size in range(len(whole)):
            torn = deepcopy(disk)
            torn.corrupted(path, lambda _, size=size: whole[:size])
            log, found = opened(torn)
            assert found in ([], [(1, [1])])
            log.append([(9, insert(9))])
            assert opened(torn)[1] == [*found, (9, [9])]

    @pytest.mark.parametrize("lost", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
    def test_sectors_of_one_group_may_be_lost_in_any_order(self, lost: tuple[int, ...]) -> None:
        """The second record of a group may be there without the first: the group was never acknowledged."""
        disk = SimulatedDisk()
        log = _written(disk, [1])
        before = len(disk.read(_files(disk)[0]))
        edges = []
        for keys in ([2], [2, 3], [2, 3, 4]):
            other = SimulatedDisk()
            _written(other, [1], keys)
            edges.append(len(other.read(_files(other)[0])))
        log.append([(key, insert(key)) for key in (2, 3, 4)])
        (path,) = _files(disk)
        data = bytearray(disk.read(path))
        for number in lost:
            start = before if number == 0 else edges[number - 1]
            data[start : edges[number]] = bytes(edges[number] - start)
        disk.corrupted(path, lambda _: bytes(data))
        _, found = opened(disk)
        assert [timestamp for timestamp, _ in found] == [1, *range(2, 2 + lost[0])]

    def test_power_cuts_at_every_operation_and_much_luck(self) -> None:
        """Acknowledged records are there; of the group under way any prefix."""
        groups = [[1], [2, 3, 4], [5], [6, 7], [8]]
        reference = SimulatedDisk()
        log, _ = opened(reference, file_bytes_max=1500)
        for group in groups:
            log.append([(key, insert(key)) for key in group])
        log.close()
        for step in range(len(reference.steps)):
            disk = SimulatedDisk()
            disk.power_loss_at = step
            acknowledged = 0
            try:
                log, _ = opened(disk, file_bytes_max=1500)
                for group in groups:
                    log.append([(key, insert(key)) for key in group])
                    acknowledged = group[-1]
                log.close()
            except PowerLoss:
                pass
            for luck in range(4):
                revived = disk.after_power_loss(seed=luck)
                again, found = opened(revived)
                keys = [timestamp for timestamp, _ in found]
                assert keys == list(range(1, len(keys) + 1)), f"step {step}, luck {luck}"
                assert len(keys) >= acknowledged, f"step {step}, luck {luck}"
                again.append([(99, insert(99))])
                assert [timestamp for timestamp, _ in opened(revived.after_power_loss(luck))[1]] == [*keys, 99]

    def test_without_syncing_a_power_cut_never_stops_the_opening(self) -> None:
        for seed in range(150):
            disk = SimulatedDisk()
            _written(disk, *([key] for key in range(1, 30)), sync=False)
            _, found = opened(disk.after_power_loss(seed), sync=False)
            keys = [timestamp for timestamp, _ in found]
            assert keys == list(range(1, len(keys) + 1))


class TestDamage:
    """Bits that flip in what was acknowledged."""

    def test_damage_before_an_acknowledged_record_is_told_with_its_offset(self) -> None:
        disk = SimulatedDisk()
        log = _written(disk, [1], [2])
        (path,) = _files(disk)
        second = len(disk.read(path))
        log.append([(3, insert(3))])
        for place in range(second):
            damaged = deepcopy(disk)
            damaged.corrupted(path, lambda data, place=place: _flipped(data, place))
            try:
                _, found = opened(damaged)
            except DataCorrupt as error:
                assert path in error.message  # noqa: PT017 (harmless padding has another outcome)
                continue
            assert found == [(1, [1]), (2, [2]), (3, [3])], f"bit flipped at {place}"

    @pytest.mark.parametrize("sync", [True, False])
    def test_damage_in_a_log_closed_in_order_is_told_or_harmless(self, sync: bool) -> None:
        """Only the end record itself may be damaged unseen: nothing is lost with it."""
        disk = SimulatedDisk()
        _written(disk, [1], [2, 3], sync=sync, close=True)
        (path,) = _files(disk)
        told = 0
        for place in range(len(disk.read(path))):
            damaged = deepcopy(disk)
            damaged.corrupted(path, lambda data, place=place: _flipped(data, place))
            try:
                _, found = opened(damaged, sync=sync)
            except DataCorrupt:
                told += 1
                continue
            assert found == [(1, [1]), (2, [2]), (3, [3])], f"bit flipped at {place}"
        assert told > 500

    def test_damage_anywhere_in_an_older_file_is_told_or_harmless(self) -> None:
        disk = SimulatedDisk()
        log = _written(disk, [1], [2])
        log.rotate()
        log.append([(3, insert(3))])
        path = _files(disk)[0]
        for place in range(0, len(disk.read(path)), 3):
            damaged = deepcopy(disk)
            damaged.corrupted(path, lambda data, place=place: _flipped(data, place))
            try:
                _, found = opened(damaged)
            except DataCorrupt as error:
                assert path in error.message  # noqa: PT017 (harmless padding has another outcome)
                continue
            assert found == [(1, [1]), (2, [2]), (3, [3])], f"bit flipped at {place}"

    @pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.999])
    def test_an_older_file_cut_short_is_told(self, share: float) -> None:
        disk = SimulatedDisk()
        log = _written(disk, [1], [2])
        log.rotate()
        log.append([(3, insert(3))])
        path = _files(disk)[0]
        disk.corrupted(path, lambda data: data[: int(len(data) * share)])
        with pytest.raises(DataCorrupt, match="without its end record") as caught:
            opened(disk)
        assert path in caught.value.message

    def test_a_newer_format_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        disk = SimulatedDisk()
        monkeypatch.setattr(log_module, "_FORMAT", 2)
        _written(disk, [1], close=True)
        monkeypatch.setattr(log_module, "_FORMAT", 1)
        with pytest.raises(DataCorrupt, match="was written by a newer version; upgrade elanus") as caught:
            opened(disk)
        assert caught.value.kind == "newer_format"

    def test_other_files_in_the_folder_are_left_alone(self) -> None:
        disk = SimulatedDisk()
        _written(disk, [1], close=True)
        disk.create(f"{FOLDER}/notes.txt")
        assert opened(disk)[1] == [(1, [1])]
        assert f"{FOLDER}/notes.txt" in disk.paths()

    def test_the_header_of_a_file_is_the_format(self) -> None:
        disk = SimulatedDisk()
        _written(disk, [1])
        head = disk.read(_files(disk)[0])[:HEADER_BYTES]
        assert head[:24] == b'elanus log\n{"format":1}\n'
        assert head[24:60] == bytes(36)


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1 << (place % 8)
    return bytes(changed)


class TestFailingDisk:
    """Errors of the disk: said, without effect, and never papered over."""

    def test_a_full_disk_refuses_the_group_and_the_next_one_may_succeed(self) -> None:
        disk = SimulatedDisk()
        log = _written(disk, [1])
        disk.failure_at, disk.failures_last = len(disk.steps), 1
        with pytest.raises(Unavailable, match="writing the log") as caught:
            log.append([(2, insert(2)), (3, insert(3))])
        assert caught.value.kind == "storage_failed"
        disk.failure_at = None
        assert opened(disk.after_power_loss(1))[1] == [(1, [1])]
        log.append([(4, insert(4))])
        assert opened(disk)[1] == [(1, [1]), (4, [4])]

    def test_a_failed_sync_poisons_the_log(self, monkeypatch: pytest.MonkeyPatch) -> None:
        disk = SimulatedDisk()
        log = _written(disk, [1])
        whole = SimulatedFile.sync

        def fail(file: SimulatedFile) -> None:
            raise OSError(errno.EIO, "sync failed")

        monkeypatch.setattr(SimulatedFile, "sync", fail)
        with pytest.raises(Unavailable, match="syncing the log"):
            log.append([(2, insert(2))])
        monkeypatch.setattr(SimulatedFile, "sync", whole)
        size = len(disk.read(_files(disk)[0]))
        for key in (3, 4):
            with pytest.raises(Unavailable, match=r"stopped: a sync failed .*; open it again"):
                log.append([(key, insert(key))])
        log.close()
        assert len(disk.read(_files(disk)[0])) == size
        again, found = opened(disk)
        assert found in ([(1, [1])], [(1, [1]), (2, [2])])
        again.append([(5, insert(5))])
        assert opened(disk)[1] == [*found, (5, [5])]

    def test_a_write_that_cannot_be_undone_poisons_the_log(self) -> None:
        disk = SimulatedDisk()
        log = _written(disk, [1])
        disk.failure_at, disk.failures_last = len(disk.steps), 2
        with pytest.raises(Unavailable, match="writing the log"):
            log.append([(2, insert(2))])
        disk.failure_at = None
        with pytest.raises(Unavailable, match="could not be undone"):
            log.append([(3, insert(3))])
        assert opened(disk)[1] == [(1, [1])]

    @pytest.mark.parametrize("failures", [1, 2, 5])
    def test_any_operation_may_fail_and_what_was_acknowledged_stays(self, failures: int) -> None:
        """Also the log goes on, or says that it must be opened again."""
        groups = [[1], [2, 3], [4], [5, 6], [7]]
        reference = SimulatedDisk()
        log, _ = opened(reference, file_bytes_max=900)
        for group in groups:
            log.append([(key, insert(key)) for key in group])
        for step in range(len(reference.steps)):
            disk = SimulatedDisk()
            disk.failure_at, disk.failures_last = step, failures
            log, _ = opened(disk, file_bytes_max=900)
            acknowledged: list[int] = []
            for group in groups:
                try:
                    log.append([(key, insert(key)) for key in group])
                except Unavailable:
                    continue
                acknowledged += group
            disk.failure_at = None
            for revived in (disk, disk.after_power_loss(step)):
                keys = [timestamp for timestamp, _ in opened(revived)[1]]
                assert set(acknowledged) <= set(keys), f"step {step}"
                assert keys == sorted(set(keys)), f"step {step}"

    def test_a_failed_rotation_keeps_the_file(self) -> None:
        disk = SimulatedDisk()
        log = _written(disk, [1])
        disk.failure_at, disk.failures_last = len(disk.steps), 1
        with pytest.raises(Unavailable, match="ending a file"):
            log.rotate()
        disk.failure_at = None
        log.append([(2, insert(2))])
        assert len(_files(disk)) == 1
        log.close()
        assert opened(disk)[1] == [(1, [1]), (2, [2])]


def test_large_records_are_written_in_one_piece(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path)
    log: Any = Log(disk, FOLDER, sync=True, file_bytes_max=1)
    big = encode(InsertRecord(tuple(PartitionRows(number, small(*range(200))) for number in range(700))))
    log.append([(1, big)])
    log.append([(2, insert(2))])
    log.close()
    found: list[LoggedRecord] = []
    Log(disk, FOLDER, sync=True, file_bytes_max=1).recover(found.append, after=0)
    assert same(found[0].record, big.record)
    assert len(found) == 2


class TestViews:
    """Borrowed records are kept as views of the log, whatever becomes of the files."""

    def test_a_borrowed_record_is_kept_as_a_view_of_the_file(self, tmp_path: Path) -> None:
        disk = LocalDisk(tmp_path)
        log, _ = opened(disk)
        rows = every_type(300)
        borrowed = encode(InsertRecord((PartitionRows(1, rows), PartitionRows(2, small(1, 2)))), borrow_bytes_min=0)
        kept = log.append([(1, insert(1)), (2, borrowed), (3, delete(3))])
        assert [entry.timestamp for entry in kept] == [1, 2, 3]
        assert same(kept[1].record, borrowed.record)
        record = kept[1].record
        assert isinstance(record, InsertRecord)
        ids = record.parts[0].rows.column("id").to_numpy()
        assert file_behind(ids) is not None
        assert not np.shares_memory(ids, rows.column("id").to_numpy())

    def test_views_outlive_rotation_removal_and_later_records(self, tmp_path: Path) -> None:
        disk = LocalDisk(tmp_path)
        log, _ = opened(disk, file_bytes_max=3000)
        kept: list[LoggedRecord] = []
        for key in range(1, 60):
            kept += log.append([(key, insert(*range(key, key + 20), borrowed=True))])
            if key % 7 == 0:
                log.rotate()
                log.remove_through(key - 3)
        log.close()
        log.remove_through(100)
        assert log.size_bytes() == 0
        assert [keys_of(entry) for entry in kept] == [list(range(key, key + 20)) for key in range(1, 60)]

    def test_views_outlive_a_failed_write_that_was_cut_off(self) -> None:
        disk = SimulatedDisk()
        log, _ = opened(disk)
        kept = log.append([(1, insert(1, borrowed=True))])
        disk.failure_at, disk.failures_last = len(disk.steps), 1
        with pytest.raises(Unavailable):
            log.append([(2, insert(2, borrowed=True))])
        disk.failure_at = None
        kept += log.append([(3, insert(3, borrowed=True))])
        assert [keys_of(entry) for entry in kept] == [[1], [3]]
        assert opened(disk.after_power_loss(1))[1] == [(1, [1]), (3, [3])]

    def test_views_outlive_a_failed_sync_and_the_next_opening(self) -> None:
        disk = SimulatedDisk()
        log, _ = opened(disk)
        kept = log.append([(1, insert(1, borrowed=True))])
        disk.failure_at, disk.failures_last = len(disk.steps) + 1, 1
        with pytest.raises(Unavailable, match="syncing"):
            log.append([(2, insert(2, borrowed=True))])
        disk.failure_at = None
        again, found = opened(disk)
        assert (1, [1]) in found
        kept += again.append([(3, insert(3, borrowed=True))])
        assert [keys_of(entry) for entry in kept] == [[1], [3]]

    def test_what_cannot_be_mapped_is_undone_and_refused(self) -> None:
        """The first record of the group was mapped already, and must not be looked at any more."""
        disk = SimulatedDisk()
        log, _ = opened(disk)
        log.append([(1, insert(1))])
        disk.failing_mappings = range(1, 2)
        with pytest.raises(Unavailable, match="writing the log"):
            log.append([(key, insert(key, borrowed=True)) for key in (2, 3, 4)])
        log.append([(5, insert(5, borrowed=True))])
        assert opened(disk.after_power_loss(1))[1] == [(1, [1]), (5, [5])]

    def test_bytes_that_are_not_what_was_written_are_never_acknowledged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whether the caller's memory changed or the file has something else, for every byte of the record."""
        encoded = insert(1, 2, borrowed=True)
        whole = SimulatedFile.write
        for place in range(0, encoded.size_bytes, 37):
            disk = SimulatedDisk()
            log, _ = opened(disk)
            log.append([(1, insert(1))])

            def write(file: SimulatedFile, parts: list[memoryview], at: int = place) -> None:
                data = bytearray(b"".join(parts))
                data[len(data) - encoded.size_bytes + at] ^= 1
                whole(file, [memoryview(data)])

            monkeypatch.setattr(SimulatedFile, "write", write)
            with pytest.raises(RecordsChanged) as caught:
                log.append([(2, encoded)])
            monkeypatch.undo()
            assert caught.value.places == {0}
            log.append([(3, encoded)])
            assert opened(disk.after_power_loss(1))[1] == [(1, [1]), (3, [1, 2])]

    def test_a_power_cut_before_changed_records_are_cut_off_leaves_none_of_the_group(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keys = np.array([2], np.int64)
        rows = encode(InsertRecord((PartitionRows(1, pa.record_batch({"id": pa.array(keys)})),)), borrow_bytes_min=0)
        whole = SimulatedFile.write

        def write(file: SimulatedFile, parts: list[memoryview]) -> None:
            keys[:] += 1
            whole(file, parts)

        for luck in range(20):
            disk = SimulatedDisk()
            log, _ = opened(disk)
            log.append([(1, insert(1))])
            disk.power_loss_at = len(disk.steps) + 1
            monkeypatch.setattr(SimulatedFile, "write", write)
            with pytest.raises(PowerLoss):
                log.append([(2, rows), (3, insert(3))])
            monkeypatch.undo()
            assert opened(disk.after_power_loss(luck))[1] == [(1, [1])]
