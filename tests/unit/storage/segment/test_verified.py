"""Blocks of a mapped file are checked before their first use, and each only once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from elanus.errors import DataCorrupt
from elanus.kernels.checksum import blocks_crc32c
from elanus.storage.segment import verified as verified_module
from elanus.storage.segment.meta import FileChecksums
from elanus.storage.segment.verified import VerifiedFile

_BLOCK = 100
_DATA = np.random.default_rng(3).bytes(1050)


def _file(data: bytes = _DATA) -> VerifiedFile:
    sums = FileChecksums.of(len(_DATA), blocks_crc32c(_DATA, _BLOCK))
    return VerifiedFile("the/key", memoryview(data), FileChecksums(sums.size_bytes, _BLOCK, sums.blocks_base64))


def _damaged(*places: int) -> VerifiedFile:
    data = bytearray(_DATA)
    for place in places:
        data[place] ^= 1
    return _file(bytes(data))


def test_intact_bytes_pass() -> None:
    file = _file()
    file.verify_range(0, 1)
    file.verify_range(950, 1050)
    file.verify_places(np.array([5, 305, 1049]), 1)
    file.verify_all()


@pytest.mark.parametrize("place", [0, 99, 100, 555, 1049])
def test_damage_is_found_by_whoever_needs_its_block(place: int) -> None:
    start = place // _BLOCK * _BLOCK
    told = f"the/key is damaged between offsets {start} and {start + _BLOCK}"
    last = min(start + _BLOCK, len(_DATA))
    for first, stop in ((place, place + 1), (start, start + 1), (last - 1, last), (0, len(_DATA))):
        with pytest.raises(DataCorrupt, match=told):
            _damaged(place).verify_range(first, stop)
    with pytest.raises(DataCorrupt, match=told):
        _damaged(place).verify_all()
    with pytest.raises(DataCorrupt, match=told):
        _damaged(place).verify_places(np.array([start]), 1)


def test_damage_elsewhere_does_not_matter_yet() -> None:
    file = _damaged(555)
    file.verify_range(0, 500)
    file.verify_range(600, 1050)
    file.verify_range(555, 555)
    file.verify_places(np.array([0, 400, 1000]), 50)
    with pytest.raises(DataCorrupt):
        file.verify_range(499, 501 + 54)


def test_a_place_across_blocks_needs_both() -> None:
    for place, starts in ((199, [150]), (200, [150]), (249, [150])):
        with pytest.raises(DataCorrupt):
            _damaged(place).verify_places(np.array(starts), 100)
    _damaged(250 + 50).verify_places(np.array([150]), 100)


def test_damage_is_found_again_by_the_next_reader() -> None:
    file = _damaged(555)
    for _ in range(3):
        with pytest.raises(DataCorrupt):
            file.verify_range(550, 560)


def test_blocks_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def counted(data: memoryview, size: int) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
        read.append(len(data))
        return blocks_crc32c(data, size)

    monkeypatch.setattr(verified_module, "blocks_crc32c", counted)
    file = _file()
    file.verify_range(0, 250)
    file.verify_range(100, 300)
    file.verify_places(np.array([0, 299]), 1)
    assert read == [300]
    file.verify_all()
    file.verify_all()
    file.verify_places(np.array([1000]), 50)
    assert read == [300, 1050]


def test_a_file_of_another_size_is_refused() -> None:
    for data in (_DATA[:-1], _DATA + b"x", b""):
        with pytest.raises(DataCorrupt, match="expected 1050; it was truncated"):
            _file(data)


def test_an_empty_file_is_intact() -> None:
    file = VerifiedFile("key", memoryview(b""), FileChecksums.of(0, np.empty(0, np.uint32)))
    file.verify_all()
    file.verify_range(0, 0)
    file.verify_places(np.empty(0, np.int64), 8)


def test_many_threads_may_verify_at_once() -> None:
    file = _file()
    ranges = [(start, min(start + 130, 1050)) for start in range(0, 1050, 35)] * 8
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: file.verify_range(*item), ranges))
    assert file._all_intact
