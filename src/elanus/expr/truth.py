"""What a condition says about every row: TRUE, FALSE or UNKNOWN, after Kleene."""

from dataclasses import dataclass

from elanus.columns.bitset import Bitset

__all__ = ["Truth"]


@dataclass(frozen=True, slots=True)
class Truth:
    """Rows that are TRUE and rows that are UNKNOWN; the others are FALSE. The two sets have no row in common.

    Attributes:
        true: the rows that are TRUE.
        unknown: the rows that are UNKNOWN, or None when there is none, which is the common and cheap case.
    """

    true: Bitset
    unknown: Bitset | None = None

    @classmethod
    def where_known(cls, true: Bitset, known: Bitset | None) -> "Truth":
        """TRUE in the rows of `true` that are in `known`, UNKNOWN outside `known` (None: every row is known)."""
        return cls(true) if known is None else cls(true & known, ~known)

    @classmethod
    def constant(cls, size: int, *, truth: bool) -> "Truth":
        """The same answer for every row."""
        return cls(Bitset.ones(size) if truth else Bitset.zeros(size))

    def possible(self) -> Bitset:
        """The rows that are not FALSE."""
        return self.true if self.unknown is None else self.true | self.unknown

    def __and__(self, other: "Truth") -> "Truth":
        true = self.true & other.true
        if self.unknown is None and other.unknown is None:
            return Truth(true)
        return Truth(true, (self.possible() & other.possible()).minus(true))

    def __or__(self, other: "Truth") -> "Truth":
        true = self.true | other.true
        if self.unknown is None and other.unknown is None:
            return Truth(true)
        return Truth(true, (self.possible() | other.possible()).minus(true))

    def __invert__(self) -> "Truth":
        return Truth(~self.possible(), self.unknown)
