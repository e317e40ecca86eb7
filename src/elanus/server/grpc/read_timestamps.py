"""The protocol's guarantee timestamps."""

from typing import Final

__all__ = ["snapshot_timestamp"]

# Clients send these in place of a time: 0 for the newest state, 1 for any, 2 for one of bounded age.
_SYMBOLIC_MAX: Final = 2


def snapshot_timestamp(guarantee_timestamp: int, *, is_iterator: bool) -> int:
    """The moment a request reads, 0 for the newest.

    A guarantee timestamp asks that the state read be no older; the newest always satisfies it. Only in requests of an
    iterator it means the very state that the iterator began on.
    """
    return guarantee_timestamp if is_iterator and guarantee_timestamp > _SYMBOLIC_MAX else 0
