"""Parts of files as memory: the right bytes for as long as someone looks, and no descriptor."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from elanus.objectstore.mapped_region import map_region

CONTENT = np.random.default_rng(1).integers(0, 256, 50_000).astype(np.uint8).tobytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def descriptor(path: Path) -> Iterator[int]:
    opened = os.open(path, os.O_RDONLY)
    yield opened
    os.close(opened)


@pytest.mark.parametrize("start", [0, 1, 64, 4095, 4096, 4097, 16_384, 40_000, 49_999])
@pytest.mark.parametrize("size_bytes", [0, 1, 63, 4096, 9_000])
def test_the_bytes_are_those_of_the_file(descriptor: int, start: int, size_bytes: int) -> None:
    size_bytes = min(size_bytes, len(CONTENT) - start)
    assert map_region(descriptor, start, size_bytes) == CONTENT[start : start + size_bytes]


def test_what_is_written_later_is_seen(path: Path, descriptor: int) -> None:
    """A view is of the file, and not of what it was."""
    region = map_region(descriptor, 5000, 10)
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(b"0123456789")
    assert region == b"0123456789"


def test_the_file_may_be_closed_and_removed(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    region = map_region(descriptor, 100, 9_000)
    os.close(descriptor)
    path.unlink()
    assert region == CONTENT[100:9_100]


def test_a_region_cannot_be_written(descriptor: int) -> None:
    region = map_region(descriptor, 0, 10)
    assert region.readonly
    assert not np.frombuffer(region, np.uint8).flags.writeable


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
def test_a_region_is_unmapped_with_its_last_view_and_holds_no_descriptor(path: Path, descriptor: int) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (names that vanish while they are read)
    views = [np.frombuffer(map_region(descriptor, 4096 * number, 4096), np.uint8) for number in range(5)]
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208
    assert _is_mapped(path)
    part = views[3][10:20]
    views.clear()
    gc.collect()
    assert _is_mapped(path)
    assert part.tobytes() == CONTENT[4096 * 3 + 10 : 4096 * 3 + 20]
    del part
    gc.collect()
    assert not _is_mapped(path)


def test_what_cannot_be_mapped_is_an_error_that_says_so() -> None:
    reader, writer = os.pipe()
    try:
        with pytest.raises(OSError, match="mapping 10 bytes of a file from 0 failed"):
            map_region(reader, 0, 10)
    finally:
        os.close(reader)
        os.close(writer)


def _is_mapped(path: Path) -> bool:
    return str(path) in Path("/proc/self/maps").read_text(encoding="utf-8")
