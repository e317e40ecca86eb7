"""CRC-32C against published values."""

import numpy as np
import pytest

from elanus.kernels.checksum import blocks_crc32c, crc32c, joined_crc32c

pytestmark = pytest.mark.usefixtures("backend")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # RFC 3720, appendix B.4, and the check value of the CRC catalogue.
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_published_values(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


@pytest.mark.parametrize("cut", [0, 1, 8, 4095, 20_000, 65_536])
def test_checksum_goes_on_from_where_it_stopped(cut: int) -> None:
    data = np.random.default_rng(1).bytes(65_536)
    assert crc32c(data[cut:], crc32c(data[:cut])) == crc32c(data)


@pytest.mark.parametrize("second_bytes", [0, 1, 2, 63, 64, 1000, 4096, 100_001, 5_000_000])
@pytest.mark.parametrize("first_bytes", [0, 1, 36, 4096])
def test_two_checksums_joined_are_that_of_both(first_bytes: int, second_bytes: int) -> None:
    luck = np.random.default_rng(first_bytes + second_bytes)
    first, second = luck.bytes(first_bytes), luck.bytes(second_bytes)
    assert joined_crc32c(crc32c(first), crc32c(second), second_bytes) == crc32c(second, crc32c(first))


def test_any_contiguous_buffer_will_do() -> None:
    data = np.arange(1000, dtype=np.int32)
    expected = crc32c(data.tobytes())
    assert crc32c(data) == expected
    assert crc32c(data.reshape(10, 100)) == expected
    assert crc32c(memoryview(data.tobytes())) == expected
    assert crc32c(bytearray(data.tobytes())) == expected


def test_blocks_have_one_checksum_each_and_the_last_may_be_shorter() -> None:
    data = bytes(range(250)) * 3
    expected = [crc32c(data[start : start + 100]) for start in range(0, 750, 100)]
    assert blocks_crc32c(data, 100).tolist() == expected
    assert blocks_crc32c(data, 10_000).tolist() == [crc32c(data)]
    assert blocks_crc32c(b"", 100).tolist() == []
    assert blocks_crc32c(data, 100).dtype == np.uint32


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="not C-contiguous"):
        crc32c(np.zeros((4, 4), np.uint8)[:, :2])
    with pytest.raises(TypeError):
        crc32c("text")
    with pytest.raises(ValueError, match="block_bytes is 0"):
        blocks_crc32c(b"abc", 0)
