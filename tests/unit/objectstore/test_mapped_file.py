"""The file behind mapped memory: found for maps and parts of maps, not for anything else."""

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.local import LocalStore
from elanus.objectstore.mapped_file import file_behind, release_pages

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")

CONTENT = np.random.default_rng(1).integers(0, 256, 50_000).astype(np.uint8)


@pytest.fixture
def mapped(tmp_path: Path) -> memoryview:
    store = LocalStore(LocalDisk(tmp_path))
    store.put("a folder/x", [CONTENT.data])
    return store.map("a folder/x")


def test_bytes_read_from_the_file_are_those_of_the_map(mapped: memoryview) -> None:
    array = np.frombuffer(mapped, np.uint8)
    for part in (array, array[5:100], array[40_000:], array[4096:].view(np.uint32)[:10]):
        found = file_behind(part)
        assert found is not None
        descriptor, offset = found.part
        assert os.pread(descriptor, part.nbytes, offset) == part.tobytes()


def test_memory_has_no_file() -> None:
    assert file_behind(CONTENT) is None
    assert file_behind(CONTENT[:0]) is None
    with mmap.mmap(-1, 8192) as anonymous:
        array = np.frombuffer(anonymous, np.uint8)
        assert file_behind(array) is None
        del array


def test_a_file_that_was_deleted_or_replaced_is_not_taken(mapped: memoryview, tmp_path: Path) -> None:
    array = np.frombuffer(mapped, np.uint8)
    path = tmp_path / "a folder" / "x"
    path.unlink()
    assert file_behind(array) is None
    path.write_bytes(bytes(50_000))
    assert file_behind(array) is None
    np.testing.assert_array_equal(array, CONTENT)


def test_a_map_in_pieces_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(CONTENT.tobytes())
    with path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    pages.madvise(mmap.MADV_RANDOM, 8192, 4096)
    array = np.frombuffer(pages, np.uint8)
    found = file_behind(array)
    assert found is not None
    assert os.pread(found.part[0], 50_000, found.part[1]) == CONTENT.tobytes()


def test_released_pages_are_read_again(mapped: memoryview) -> None:
    release_pages(mapped)
    np.testing.assert_array_equal(np.frombuffer(mapped, np.uint8), CONTENT)
    writable = bytearray(b"kept")
    release_pages(memoryview(writable))
    release_pages(memoryview(b"kept"))
    with mmap.mmap(-1, 4096) as anonymous:
        anonymous[:4] = b"kept"
        view = memoryview(anonymous).toreadonly()
        release_pages(view)
        assert anonymous[:4] == b"kept"
        view.release()
    assert writable == b"kept"
