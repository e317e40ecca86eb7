"""The machine's disk keeps the promises of the protocol, and the simulated one behaves alike."""

import os
import threading
from pathlib import Path

import pytest

from elanus.objectstore.disk import Disk, LocalDisk
from tests.simulation.disk import SimulatedDisk


@pytest.fixture(params=["local", "simulated"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return LocalDisk(tmp_path) if request.param == "local" else SimulatedDisk()


def _write(disk: Disk, path: str, *parts: bytes) -> None:
    file = disk.create(path)
    file.write([memoryview(part) for part in parts])
    file.sync()
    file.close()


def test_writes_append_in_order(disk: Disk) -> None:
    _write(disk, "x", b"ab", b"", b"c")
    file = disk.open_append("x")
    file.write([memoryview(b"de")])
    file.close()
    assert disk.read("x") == b"abcde"
    assert bytes(disk.map("x")) == b"abcde"


def test_after_a_cut_writes_go_on_there(disk: Disk) -> None:
    file = disk.create("x")
    file.write([memoryview(b"abcdef")])
    file.truncate(2)
    file.write([memoryview(b"X")])
    file.sync()
    file.close()
    assert disk.read("x") == b"abX"


def test_more_parts_than_one_system_call_takes(disk: Disk) -> None:
    parts = [b"%04d" % number for number in range(3000)]
    _write(disk, "x", *parts)
    assert disk.read("x") == b"".join(parts)


def test_a_write_that_stops_half_way_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take fewer bytes than it was given, also in the middle of a part."""
    whole = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, parts: whole(fd, [memoryview(b"".join(parts))[:7]]))
    _write(LocalDisk(tmp_path), "x", b"0123456789", b"", b"abc", b"defghijklmnop")
    assert (tmp_path / "x").read_bytes() == b"0123456789abcdefghijklmnop"


def test_a_write_without_progress_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "writev", lambda fd, parts: 0)
    with pytest.raises(OSError, match="no progress"):
        _write(LocalDisk(tmp_path), "x", b"1")


def test_names_are_taken_once(disk: Disk) -> None:
    _write(disk, "x", b"1")
    _write(disk, "y", b"2")
    with pytest.raises(FileExistsError):
        disk.create("x")
    with pytest.raises(FileExistsError):
        disk.link("y", "x")
    assert disk.read("x") == b"1"


def test_a_link_is_the_same_file(disk: Disk) -> None:
    _write(disk, "x", b"1")
    disk.link("x", "y")
    disk.unlink("x")
    assert disk.read("y") == b"1"


def test_missing_files_are_said_so(disk: Disk) -> None:
    for attempt in (disk.read, disk.map, disk.unlink, disk.open_append):
        with pytest.raises(FileNotFoundError):
            attempt("nothing")
    with pytest.raises(FileNotFoundError):
        disk.create("no/folder")


def test_folders_are_made_listed_and_removed_with_all_in_them(disk: Disk) -> None:
    disk.make_folder("a/b/c")
    disk.make_folder("a/b")
    _write(disk, "a/x", b"123")
    disk.sync_folder("a")
    disk.sync_folder("")
    listed = [(entry.name, entry.size_bytes, entry.is_folder) for entry in disk.list_folder("a")]
    assert listed == [("b", 0, True), ("x", 3, False)]
    assert disk.list_folder("nothing") == []
    disk.remove_folder("a")
    disk.remove_folder("a")
    assert disk.list_folder("") == []


def test_mapped_bytes_stay_after_the_file_is_gone(disk: Disk) -> None:
    _write(disk, "x", b"abc")
    _write(disk, "empty")
    mapped = disk.map("x")
    disk.unlink("x")
    assert bytes(mapped) == b"abc"
    assert mapped.readonly
    assert disk.map("empty").nbytes == 0


def test_bytes_just_written_can_be_looked_at(disk: Disk) -> None:
    file = disk.create("x")
    file.write([memoryview(b"0123456789" * 1000)])
    view = file.map(4095, 10)
    assert view == b"5678901234"
    assert view.readonly
    file.write([memoryview(b"later")])
    later = file.map(10_000, 5)
    assert later == b"later"
    del later
    file.truncate(10_000)
    file.close()
    disk.unlink("x")
    assert view == b"5678901234"


def test_a_file_that_goes_on_can_be_looked_at_too(disk: Disk) -> None:
    _write(disk, "x", b"abc")
    file = disk.open_append("x")
    file.write([memoryview(b"def")])
    assert file.map(2, 3) == b"cde"
    file.close()


def test_a_simulated_file_is_not_cut_below_a_view_of_it() -> None:
    """Reading such a view kills a real process."""
    disk = SimulatedDisk()
    file = disk.create("x")
    file.write([memoryview(b"0123456789")])
    view = file.map(0, 8)
    with pytest.raises(AssertionError, match="below a view"):
        file.truncate(7)
    file.truncate(8)
    del view
    file.truncate(7)


def test_files_removed_while_a_folder_is_listed_do_not_hide_the_others(tmp_path: Path) -> None:
    """Otherwise a versioned log would look empty while a temporary file comes and goes beside its commits."""
    disk = LocalDisk(tmp_path)
    for number in range(30):
        _write(disk, f"kept-{number:02d}")
    done = threading.Event()

    def disturb() -> None:
        while not done.is_set():
            for number in range(20):
                _write(disk, f"gone-{number}")
            for number in range(20):
                disk.unlink(f"gone-{number}")

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(200):
            kept = [entry.name for entry in disk.list_folder("") if entry.name.startswith("kept")]
            assert len(kept) == 30
    finally:
        done.set()
        thread.join()
