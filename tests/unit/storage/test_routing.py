"""Which partition a key goes to: part of the file format, so the values below never change."""

import numpy as np
import pyarrow as pa
import pytest

from elanus.storage.routing import partition_slots

_NUMBERS = pa.array([0, 1, -1, 42, 2**63 - 1, -(2**63), 1_700_000_000_000], pa.int64())
_TEXTS = pa.array(["", "a", "tenant-1", "tenant-2", "é🙂", "x" * 100])


@pytest.mark.parametrize(
    ("partition_count", "numbers", "texts"),
    [
        (1, [0] * 7, [0] * 6),
        (16, [0, 9, 6, 14, 6, 0, 3], [3, 14, 4, 4, 14, 10]),
        (7, [0, 6, 4, 4, 6, 2, 3], [2, 6, 2, 5, 0, 3]),
        (1024, [0, 441, 582, 110, 582, 0, 19], [131, 590, 132, 804, 622, 730]),
    ],
)
def test_slots_of_released_files_never_change(partition_count: int, numbers: list[int], texts: list[int]) -> None:
    assert partition_slots(_NUMBERS, partition_count).tolist() == numbers
    assert partition_slots(_TEXTS, partition_count).tolist() == texts


def test_a_key_goes_to_the_same_slot_whatever_surrounds_it() -> None:
    assert partition_slots(_TEXTS.slice(2, 3), 16).tolist() == partition_slots(_TEXTS, 16).tolist()[2:5]
    assert partition_slots(_NUMBERS.slice(3), 16).tolist() == partition_slots(_NUMBERS, 16).tolist()[3:]
    assert partition_slots(pa.array([], pa.string()), 16).tolist() == []


@pytest.mark.parametrize("keys", [pa.array(range(16_000), pa.int64()), pa.array([f"user-{i}" for i in range(16_000)])])
def test_keys_spread_evenly(keys: pa.Array) -> None:
    counts = np.bincount(partition_slots(keys, 16), minlength=16)
    assert len(counts) == 16
    assert counts.min() > 800
    assert counts.max() < 1200
