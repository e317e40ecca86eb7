"""Filters over real data sets compared with DuckDB: `python3 dev.py compare-filters --minutes N`.

A round is one data set in three collections (growing, sealed, indexed) and some hundred filters drawn from its own
fields, paths and values, each asked as it is and negated, so that all three truth values are told apart. Needs the
package duckdb and the data sets of `tests.real.tables`.
"""

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from elanus.expr import access
from tests.fuzz.rounds import main
from tests.real.comparison import Comparison
from tests.real.filters import RealFilters
from tests.real.tables import NAMES, data_folder, real_table
from tests.reference.filter_rendering import Rendering

__all__ = ["check_filters", "check_round"]

_FILTERS: Final = 150
_COLLECTIONS: Final = ("growing", "sealed", "indexed")


def check_filters(comparison: Comparison, seed: int, count: int) -> Counter[str]:
    """Compares so many filters and their negations; what was done.

    Raises:
        AssertionError: an answer differs.
    """
    choose = random.Random(seed)
    filters = RealFilters(comparison.table, choose)
    done: Counter[str] = Counter()
    for _ in range(count):
        node = filters.condition()
        for tree in (node, ("not", node)):
            rendering = Rendering(choose)
            text = rendering.text(tree)
            found = comparison.check(tree, text, rendering.params, _COLLECTIONS)
            done["filters compared"] += 1
            done["of them with some rows but not all"] += 0 < found < comparison.table.row_count
    return done


def check_round(seed: int) -> Counter[str]:
    """One data set, freshly loaded, with its indexes chosen by the seed."""
    duckdb: Any = sys.modules["duckdb"]
    table = real_table(NAMES[seed % len(NAMES)])
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison.of(table, duckdb, Path(folder), index_choice=seed)
        try:
            return check_filters(comparison, seed, _FILTERS)
        finally:
            comparison.close()


if __name__ == "__main__":
    try:
        import duckdb  # noqa: F401
    except ImportError:
        sys.exit("this compares with DuckDB: pip install 'elanus[compare]'")
    if data_folder() is None:
        sys.exit("the data sets are not there; name their folder in ELANUS_REAL_DATA")
    # Every offer of an index is taken; what pays is another question.
    access.pays = access.may_pay = lambda *_offer, **_sizes: True
    main(check_round, __doc__ or "")
