"""When an index is asked rather than the column scanned, and in which order."""

import pytest

from elanus.columns.bitset import Bitset
from elanus.expr.access import AccessPath, IndexAccess, IndexAnswer, IndexOffer, pays
from elanus.expr.bound import And, Column, Compare, Condition, Not
from elanus.schema.types import DataType

_SIZE = 1_000_000


def _offer(*, found: int, undecided: int = 0, finding_ns: float = 0) -> IndexOffer:
    return IndexOffer("i", found, undecided, finding_ns, lambda: IndexAnswer(Bitset.zeros(_SIZE)))


@pytest.mark.parametrize(
    ("offer", "row_count", "row_scan_ns", "expected"),
    [
        (_offer(found=10, finding_ns=1_000), _SIZE, 1, True),
        (_offer(found=500_000, finding_ns=1_100_000), _SIZE, 1, False),
        (_offer(found=10, finding_ns=10), 5_000, 1, False),
        (_offer(found=0, undecided=100), _SIZE, 40, True),
        (_offer(found=0, undecided=_SIZE), _SIZE, 200, False),
    ],
)
def test_an_offer_is_taken_when_it_is_less_work(
    offer: IndexOffer,
    row_count: int,
    row_scan_ns: int,
    expected: bool,
) -> None:
    assert pays(offer, row_count=row_count, row_scan_ns=row_scan_ns) is expected


class _Indexes:
    """Offers by the name of the field."""

    def __init__(self, **offers: IndexOffer) -> None:
        self._offers = offers
        self.asked_count = 0

    def offer(self, predicate: Condition) -> IndexOffer | None:
        self.asked_count += 1
        assert isinstance(predicate, Compare)
        assert isinstance(predicate.operand, Column)
        return self._offers.get(predicate.operand.name)


def _compare(name: str) -> Compare:
    return Compare(Column(name, DataType.INT64), "==", 1)


def test_operands_with_an_index_come_first_fewest_rows_before_more() -> None:
    indexes = _Indexes(many=_offer(found=900), few=_offer(found=3), costly=_offer(found=1, finding_ns=1e9))
    operands = (_compare("none"), Not(_compare("many")), _compare("costly"), _compare("few"), And((_compare("few"),)))
    access = IndexAccess(indexes)
    assert access.ordered(operands, _SIZE) == (operands[3], operands[1], operands[0], operands[2], operands[4])
    asked = indexes.asked_count
    assert access.taken(operands[3], _SIZE) is not None
    assert indexes.asked_count == asked
    assert IndexAccess(None).ordered(operands, _SIZE) == operands


def test_a_record_without_indexes_tells_of_scans() -> None:
    record: list[AccessPath] = []
    access = IndexAccess(None, record).without_indexes()
    assert access is not None
    assert IndexAccess(None).without_indexes() is None
