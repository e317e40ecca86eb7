"""Which segments a request looks at: none that cannot hold an answer, and never one too few."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.engine.collection import Collection
from elanus.query.plan import plan_scope
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.service.local import LocalService
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

TENANTS = [f"tenant {number}" for number in range(40)]


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    """`keyed`: forty tenants over eight partitions. `ranges`: four segments of ten keys each and growing rows."""
    settings = Settings(background_maintenance=False, search_thread_count=1, compaction_enabled=False)
    opened = service_on_disk(SimulatedDisk(), settings)
    database = Database(opened, "simulated")
    keyed = database.create_collection(
        "keyed",
        Schema(
            (
                Field("id", DataType.INT64, is_primary=True),
                Field("vector", DataType.FLOAT_VECTOR, dim=2),
                Field("tenant", DataType.VARCHAR, max_length=20, is_partition_key=True),
            )
        ),
        partition_count=8,
    )
    keyed.insert([{"id": key, "vector": [key, 0], "tenant": TENANTS[key % 40]} for key in range(400)])
    keyed.flush()
    ranges = database.create_collection(
        "ranges",
        Schema(
            (
                Field("id", DataType.INT64, is_primary=True),
                Field("vector", DataType.FLOAT_VECTOR, dim=2),
                Field("n", DataType.INT32, nullable=True),
            )
        ),
    )
    for first in range(0, 50, 10):
        ranges.insert(
            [{"id": key, "vector": [key, 0], "n": None if first == 20 else key * 2} for key in range(first, first + 10)]
        )
        if first < 40:
            ranges.flush()
    yield opened
    opened.close()


def looked_at(service: LocalService, name: str, text: str, **options: Any) -> int:
    collection: Collection = service.engine.collection("default", name)
    asked = {"filter_params": {}, "partitions": (), "ignore_growing": False, **options}
    return len(plan_scope(collection.view(), filter_text=text, **asked).segments)


def test_a_partition_key_leaves_one_partition(service: LocalService) -> None:
    """Every tenant's rows are found in the one partition that is looked at."""
    assert looked_at(service, "keyed", "") == 8
    docs = Database(service, "simulated")["keyed"]
    for number, tenant in enumerate(TENANTS):
        assert looked_at(service, "keyed", f'tenant == "{tenant}"') == 1
        assert looked_at(service, "keyed", f'tenant == "{tenant}" and id > 3') == 1
        found = docs.query(f'tenant == "{tenant}"', output_fields=[]).to_list()
        assert [row["id"] for row in found] == list(range(number, 400, 40))
        hits = docs.search([0, 0], metric="L2", limit=3, filter=f'tenant == "{tenant}"')
        assert hits.ids == [number, number + 40, number + 80]


def test_several_values_of_a_partition_key(service: LocalService) -> None:
    docs = Database(service, "simulated")["keyed"]
    assert looked_at(service, "keyed", "tenant in ['tenant 1', 'tenant 2']") <= 2
    assert docs.count("tenant in ['tenant 1', 'tenant 2', 'nobody']") == 20
    assert docs.count("tenant == 'tenant 1' or id == 2") == 11
    assert docs.count("not (tenant == 'tenant 1')") == 390
    assert docs.count("tenant == 'nobody'") == 0


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 5),
        ("id < 10", 2),
        ("id == 15", 2),
        ("id in [5, 35]", 3),
        ("id > 1000", 1),
        ("n > 60", 2),
        ("n == 1000000", 1),
        ("n is null", 2),
        ("n is not null", 4),
        ("id < 10 and id > 30", 1),
        ("id < 10 or id > 35", 3),
    ],
)
def test_statistics_leave_out_sealed_segments(service: LocalService, text: str, count: int) -> None:
    """Growing rows have no statistics and are always looked at."""
    assert looked_at(service, "ranges", text) == count
    assert looked_at(service, "ranges", text, ignore_growing=True) == count - 1


_COMPARISONS = st.tuples(
    st.sampled_from(["id", "n"]), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.integers(-5, 110)
)


@given(st.lists(_COMPARISONS, min_size=1, max_size=3), st.sampled_from(["and", "or"]), st.booleans())
def test_pruning_changes_no_answer(
    service: LocalService, parts: list[tuple[str, str, int]], word: str, negated: bool
) -> None:
    """Against rows in a list, with NULL neither true nor false."""
    rows = [{"id": key, "n": None if 20 <= key < 30 else key * 2} for key in range(50)]
    text = f" {word} ".join(f"{name} {sign} {number}" for name, sign, number in parts)

    def truth(row: dict[str, int | None]) -> bool | None:
        found = []
        for name, sign, number in parts:
            value = row[name]
            found.append(None if value is None else compare(value, sign, number))
        decisive = word == "or"
        if decisive in found:
            return decisive
        return None if None in found else not decisive

    wanted = not negated
    expected = [row["id"] for row in rows if truth(row) is wanted]
    found = Database(service, "simulated")["ranges"].query(f"not ({text})" if negated else text, output_fields=[])
    assert [row["id"] for row in found] == expected


def compare(value: int, sign: str, number: int) -> bool:
    return {
        "==": value == number,
        "!=": value != number,
        "<": value < number,
        "<=": value <= number,
        ">": value > number,
        ">=": value >= number,
    }[sign]
