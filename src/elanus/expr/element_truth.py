"""What a filter says about the elements of one array of structs, each by itself, as a search for elements asks it.

An element passes when its row passes the filter in which every `element_filter` over that array speaks of this element
alone. The rest of the filter is about the row, as everywhere.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.expr.bound import And, Condition, MatchElements, Not, Or
from elanus.expr.truth import Truth

__all__ = ["element_truth", "rows_to_elements"]

TruthOf = Callable[[Condition], Truth]


def element_truth(
    condition: Condition, array: str, offsets: npt.NDArray[np.int64], *, of_rows: TruthOf, of_elements: TruthOf
) -> Truth:
    """The truth of a condition for each element, end to end.

    Args:
        condition: over rows.
        array: name of the array of structs.
        offsets: where each row's elements begin and end, one more than rows.
        of_rows: the truth of a condition for each row.
        of_elements: the truth, for each element, of a condition over the members of the array.
    """
    match condition:
        case MatchElements() if _chooses(condition, array):
            return of_elements(condition.condition)
        case Not() if _chooses(condition, array):
            inner = element_truth(condition.operand, array, offsets, of_rows=of_rows, of_elements=of_elements)
            return ~inner
        case And() | Or() if _chooses(condition, array):
            about_rows = tuple(operand for operand in condition.operands if not _chooses(operand, array))
            others = [operand for operand in condition.operands if _chooses(operand, array)]
            parts = [element_truth(one, array, offsets, of_rows=of_rows, of_elements=of_elements) for one in others]
            if about_rows:
                joined = about_rows[0] if len(about_rows) == 1 else type(condition)(about_rows)
                parts.append(_spread(of_rows(joined), offsets))
            truth = parts[0]
            for part in parts[1:]:
                truth = truth & part if isinstance(condition, And) else truth | part
            return truth
        case _:
            return _spread(of_rows(condition), offsets)


def rows_to_elements(rows: Bitset, offsets: npt.NDArray[np.int64]) -> Bitset:
    """The elements of some rows."""
    return Bitset.from_bool(np.repeat(rows.to_bool(), np.diff(offsets)))


def _chooses(condition: Condition, array: str) -> bool:
    """Whether an `element_filter` over the array is in it."""
    waiting: list[Condition] = [condition]
    while waiting:
        match waiting.pop():
            case MatchElements(array=found, chooses_elements=True) if found.name == array:
                return True
            case And(operands=operands) | Or(operands=operands):
                waiting.extend(operands)
            case Not(operand=operand):
                waiting.append(operand)
            case _:
                pass
    return False


def _spread(truth: Truth, offsets: npt.NDArray[np.int64]) -> Truth:
    unknown = None if truth.unknown is None else rows_to_elements(truth.unknown, offsets)
    return Truth(rows_to_elements(truth.true, offsets), unknown)
