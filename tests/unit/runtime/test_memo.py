"""A memo: what was put is found, up to a number of values."""

from elanus.runtime.memo import Memo


def test_what_was_put_first_goes_first() -> None:
    memo: Memo[int] = Memo(2)
    for number in range(3):
        memo.put(("key", number), number)
    assert [memo.get(("key", number)) for number in range(3)] == [None, 1, 2]


def test_a_key_that_is_put_again_takes_no_room_of_another() -> None:
    memo: Memo[str] = Memo(2)
    memo.put("a", "first")
    memo.put("b", "other")
    memo.put("a", "second")
    assert (memo.get("a"), memo.get("b")) == ("second", "other")
