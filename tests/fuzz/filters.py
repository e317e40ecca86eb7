"""Filters against their definition with fresh seeds, for as long as wanted: `python3 dev.py fuzz-filters --minutes N`.

A round is one table of awkward rows. Its filters are answered by the scan of loose columns (three-valued, with
negations and statistics), through every kind of index there can be on the columns, and by a collection that grows, is
sealed, indexed, half deleted, compacted and reopened; each answer is that of the row-by-row reference. A round that
fails prints its seed; `--seed` repeats it.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from elanus.expr import access
from elanus.expr.filter import bind, parse
from elanus.index.scalar.rules import SCALAR_INDEX_NAMES
from tests.fuzz.rounds import main
from tests.reference.filter_cases import Cases
from tests.reference.filter_checks import (
    bound_filter,
    check_columns_read,
    check_partition,
    check_statistics,
    check_truth_values,
    table_stats,
)
from tests.reference.filter_indexes import built_index, check_through_indexes, index_definitions, offered
from tests.reference.filter_states import FilterStates, WrittenFilter, written_filters

__all__ = ["check_round"]

_FILTERS: Final = 40
_INDEXES: Final = 40
_FILTERS_OF_STATES: Final = 20


def check_round(seed: int) -> Counter[str]:
    """Checks one table; how much was done.

    Raises:
        AssertionError: an answer is wrong; anything else is wrong too.
    """
    choose = random.Random(seed)
    cases = Cases(seed)
    done: Counter[str] = Counter()
    filters = written_filters(cases, choose, _FILTERS)
    _check_scans(cases, filters, choose)
    done["pairs of a filter and a row"] += len(filters) * cases.table.row_count
    done["filters through indexes"] += _check_indexes(cases, filters, choose)
    with tempfile.TemporaryDirectory() as folder:
        states = FilterStates(Path(folder), cases)
        states.live(filters[:_FILTERS_OF_STATES], choose)
        states.service.close()
    done["filters through a life"] += _FILTERS_OF_STATES
    return done


def _check_scans(cases: Cases, filters: Sequence[WrittenFilter], choose: random.Random) -> None:
    stats = table_stats(cases.table)
    for written in filters:
        bound = bound_filter(written.node, cases.table, choose)
        true = check_truth_values(bound, written.node, cases.table)
        check_statistics(bound, cases.table, stats, true)
        check_partition(bound, bound_filter(("not", written.node), cases.table, choose), cases.table)
        check_columns_read(bound, cases.table)


def _check_indexes(cases: Cases, filters: Sequence[WrittenFilter], choose: random.Random) -> int:
    """At least one index of every type, each alone, and then all of them together."""
    table = cases.table
    definitions = list(index_definitions(table))
    choose.shuffle(definitions)
    firsts = [next(item for item in definitions if item.index_type == name) for name in _types(definitions)]
    chosen = [*firsts, *definitions[:_INDEXES]]
    built = [built_index(table, definition) for definition in chosen]
    bound = [bind(parse(written.text), table.schema, written.params) for written in filters]
    asked = 0
    for definition, index in zip(chosen, built, strict=True):
        for item in bound:
            if definition.field_name in item.field_names:
                check_through_indexes(item, table, offered([index]), [])
                asked += 1
    for item in bound:
        check_through_indexes(item, table, offered(built), [])
    return asked + len(bound)


def _types(definitions: Sequence[object]) -> list[str]:
    """The types of index that occur."""
    found = {getattr(definition, "index_type", "") for definition in definitions}
    return [name for name in SCALAR_INDEX_NAMES if name in found]


if __name__ == "__main__":
    # Every offer of an index is taken, so that small tables try them all.
    access.pays = access.may_pay = lambda *_offer, **_sizes: True
    main(check_round, __doc__ or "")
