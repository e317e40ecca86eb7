"""Filters over real data agree with answers that others computed: a shipped sample, and DuckDB on generated filters.

Skipped where the data sets or DuckDB are absent; `python3 dev.py compare-filters` does more of the latter.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from elanus.app.compose import local_service
from elanus.columns.rows import batch_from_rows
from elanus.expr import access
from elanus.service.requests.collections import CreateCollection
from elanus.service.requests.data import Flush, Insert
from elanus.service.requests.indexes import CreateIndex, WaitForIndexes
from elanus.service.requests.query import Query
from elanus.settings import Settings
from tests.fuzz.real_filters import check_filters
from tests.real.comparison import Comparison
from tests.real.tables import NAMES, RealTable, data_folder, real_table

pytestmark = pytest.mark.skipif(data_folder() is None, reason="the real data sets are not there")

_SETTINGS = Settings(durability="none", background_maintenance=False, compaction_enabled=False)
_ROWS = 1500
_FILTERS = 15


def first_rows(table: RealTable, count: int) -> RealTable:
    """So many rows, from all over the table."""
    step = max(1, table.row_count // count)
    return replace(table, columns={name: values[::step] for name, values in table.columns.items()})


def test_the_shipped_sample_of_answers_is_ours(tmp_path: Path) -> None:
    """Growing, sealed, and with indexes on what the filters ask."""
    folder = data_folder()
    assert folder is not None
    sample = json.loads((folder / "json" / "pc_parts" / "filters_sample.json").read_text())
    assert len(sample) == 8
    table = real_table("pc_parts")
    service = local_service(tmp_path, _SETTINGS)
    service.execute(CreateCollection("parts", table.schema(), loaded=True))
    for start in range(0, table.row_count, 10_000):
        service.execute(Insert("parts", batch_from_rows(table.rows(start, start + 10_000), table.schema())))

    def check() -> None:
        for given in sample:
            reply = service.execute(Query("parts", filter=given["expr"], output_fields=("id",)))
            ids = reply.columns.column(0).to_pylist()
            digest = hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()
            assert (len(ids), ids[: len(given["first_ids"])]) == (given["count"], given["first_ids"]), given["expr"]
            assert digest == given["ids_sha256"], given["expr"]

    check()
    service.execute(Flush("parts"))
    check()
    service.execute(CreateIndex("parts", "category", "BITMAP"))
    for key, cast in (("price", "DOUBLE"), ("color", "VARCHAR"), ("modular", "BOOL")):
        params = {"json_path": f'doc["{key}"]', "json_cast_type": cast}
        service.execute(CreateIndex("parts", "doc", "INVERTED", index_name=key, params=params))
    service.execute(WaitForIndexes("parts", None))
    check()
    service.close()


@pytest.mark.parametrize("name", NAMES)
def test_generated_filters_find_what_duckdb_finds(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb: Any = pytest.importorskip("duckdb")
    monkeypatch.setattr(access, "pays", lambda _offer, **_sizes: True)
    monkeypatch.setattr(access, "may_pay", lambda **_sizes: True)
    comparison = Comparison.of(first_rows(real_table(name), _ROWS), duckdb, tmp_path, index_choice=len(name))
    done = check_filters(comparison, seed=len(name), count=_FILTERS)
    assert done["filters compared"] == 2 * _FILTERS
    assert done["of them with some rows but not all"] >= _FILTERS / 2
    comparison.close()
