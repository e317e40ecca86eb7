"""`segment.json`: what it says comes back, and a newer or senseless one is refused."""

import msgspec
import numpy as np
import pytest

from elanus.errors import DataCorrupt
from elanus.storage.segment.meta import BLOCK_BYTES, ColumnFile, FieldStats, FileChecksums, SegmentMeta

_META = SegmentMeta(
    segment_id=2**60,
    row_count=7,
    min_timestamp=1,
    max_timestamp=2**63 - 1,
    files=[ColumnFile("data/x.arrow", [100, -1], FileChecksums.of(5, np.array([1, 2**32 - 1], np.uint32)))],
    stats={
        "100": FieldStats(0, -(2**63), 2**63 - 1),
        "101": FieldStats(3, "a\n", "é"),
        "102": FieldStats(0, -0.5, 1e300),
        "103": FieldStats(7),
    },
)


def test_a_meta_comes_back() -> None:
    again = SegmentMeta.decode(_META.encode(), "key")
    assert again == _META
    assert [type(stats.minimum) for stats in again.stats.values()] == [int, str, float, type(None)]
    assert again.size_bytes() == 5


def test_it_is_json_that_people_can_read() -> None:
    text = _META.encode().decode()
    assert text.count("\n") > 20
    assert msgspec.json.decode(text)["files"][0]["name"] == "data/x.arrow"


def test_checksums_are_one_a_block_in_little_endian_base64() -> None:
    checksums = FileChecksums.of(5, np.array([1, 0x01020304], np.uint32))
    assert checksums == FileChecksums(5, BLOCK_BYTES, "AQAAAAQDAgE=")
    assert checksums.blocks().tolist() == [1, 0x01020304]
    assert FileChecksums.of(0, np.empty(0, np.uint32)).blocks().tolist() == []
    assert BLOCK_BYTES == 262_144


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"segment_id":"x"}'])
def test_what_is_no_meta_is_refused(data: bytes) -> None:
    with pytest.raises(DataCorrupt, match=r"s/segment\.json is not understood") as caught:
        SegmentMeta.decode(data, "s/segment.json")
    assert caught.value.kind == "malformed_file"


def test_a_newer_format_is_refused_even_if_it_can_be_read() -> None:
    newer = _META.encode().replace(b'"format": 1', b'"format": 2')
    with pytest.raises(DataCorrupt, match="has format 2, this version reads up to 1") as caught:
        SegmentMeta.decode(newer, "key")
    assert caught.value.kind == "newer_format"
