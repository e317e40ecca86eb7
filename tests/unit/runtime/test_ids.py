"""Generated ids: positive, ascending, never the same in two installations."""

from itertools import pairwise

from elanus.runtime.clock import ManualClock
from elanus.runtime.ids import IdAllocator, process_id, random_token
from elanus.runtime.timestamps import TimestampOracle


def _ids(cluster_id: int, start_ms: int = 1_700_000_000_000) -> IdAllocator:
    return IdAllocator(TimestampOracle(ManualClock(start_ms)), cluster_id=cluster_id)


def test_ids_ascend() -> None:
    ids = _ids(0)
    taken = [ids.allocate(), ids.allocate_range(10), ids.allocate()]
    assert taken == [taken[0], taken[0] + 1, taken[0] + 11]


def test_installations_never_meet() -> None:
    ranges = [(_ids(number).allocate(), _ids(number, 4_398_000_000_000).allocate()) for number in range(8)]
    for (_, last), (first, _) in pairwise(ranges):
        assert last < first


def test_ids_fit_a_signed_64_bit_number_until_the_year_2109() -> None:
    newest = _ids(7, 4_398_000_000_000).allocate()
    assert 0 < newest < 2**63


def test_tokens_are_hexadecimal_and_differ() -> None:
    tokens = {random_token(8) for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 16 and int(token, 16) >= 0 for token in tokens)


def test_the_process_has_an_id() -> None:
    assert process_id() > 0
