"""A write that is asked again under its id is done once: at once, after a flush, a reopening, a crash."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from elanus.app.compose import service_on_disk
from elanus.columns.rows import batch_from_rows
from elanus.engine import collection as engine_collection
from elanus.engine import flush
from elanus.errors import Conflict
from elanus.runtime.clock import ManualClock
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.service import data
from elanus.service.local import LocalService
from elanus.service.requests.collections import CreateCollection
from elanus.service.requests.data import Delete, Flush, Insert, Upsert, WriteReply
from elanus.service.requests.query import Query
from tests.simulation.disk import SimulatedDisk
from tests.unit.service.conftest import SETTINGS

Reopen = Callable[[LocalService, SimulatedDisk], LocalService]


def schema(key_type: DataType, *, auto_id: bool) -> Schema:
    return Schema(
        (
            Field("id", key_type, is_primary=True, auto_id=auto_id, max_length=20),
            Field("vector", DataType.FLOAT_VECTOR, dim=2),
            Field("n", DataType.INT64),
        )
    )


def batch(of: Schema, *numbers: int, with_keys: bool = True) -> pa.RecordBatch:
    rows = [{"id": number, "vector": [number, 0], "n": number} for number in numbers]
    return batch_from_rows(rows if with_keys else [{k: v for k, v in row.items() if k != "id"} for row in rows], of)


def numbers(service: LocalService, text: str = "n >= 0") -> list[int]:
    return sorted(service.execute(Query("c", filter=text, output_fields=("n",))).columns.column("n").to_pylist())


def nothing(service: LocalService, _disk: SimulatedDisk) -> LocalService:
    return service


def flushed(service: LocalService, _disk: SimulatedDisk) -> LocalService:
    service.execute(Flush("c"))
    return service


def reopened(service: LocalService, disk: SimulatedDisk) -> LocalService:
    service.close()
    return service_on_disk(disk, SETTINGS, clock=ManualClock())


def flushed_and_reopened(service: LocalService, disk: SimulatedDisk) -> LocalService:
    return reopened(flushed(service, disk), disk)


def crashed(_service: LocalService, disk: SimulatedDisk) -> LocalService:
    return service_on_disk(disk.after_power_loss(seed=3), SETTINGS, clock=ManualClock())


MEANWHILE = [nothing, flushed, reopened, flushed_and_reopened, crashed]


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize(
    ("key_type", "auto_id"), [(DataType.INT64, False), (DataType.INT64, True), (DataType.VARCHAR, True)]
)
def test_a_repeated_insert_adds_nothing_and_answers_the_same(
    service: LocalService, disk: SimulatedDisk, meanwhile: Reopen, key_type: DataType, auto_id: bool
) -> None:
    of = schema(key_type, auto_id=auto_id)
    service.execute(CreateCollection("c", of))
    request = Insert("c", batch(of, 1, 2, 3, with_keys=not auto_id), request_id="one")
    first = service.execute(request)
    service.execute(Insert("c", batch(of, 4, with_keys=not auto_id), request_id="two"))
    service = meanwhile(service, disk)
    again = service.execute(request)
    assert again.ids.equals(first.ids)
    assert (again.inserted_count, again.timestamp) == (first.inserted_count, first.timestamp)
    assert numbers(service) == [1, 2, 3, 4]


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_a_repeated_upsert_does_not_undo_what_came_after(
    service: LocalService, disk: SimulatedDisk, meanwhile: Reopen
) -> None:
    of = schema(DataType.INT64, auto_id=False)
    service.execute(CreateCollection("c", of))
    service.execute(Insert("c", batch(of, 1)))
    request = Upsert("c", batch(of, 1, 2), request_id="one")
    first = service.execute(request)
    service.execute(Delete("c", ids=pa.array([1])))
    service = meanwhile(service, disk)
    again = service.execute(request)
    assert again.ids.equals(first.ids)
    assert again.deleted_count == first.deleted_count == 1
    assert again.timestamp == first.timestamp
    assert numbers(service) == [2]


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("what", [{"ids": pa.array([1, 2])}, {"filter": "n <= 2"}])
def test_a_repeated_delete_spares_rows_written_since(
    service: LocalService, disk: SimulatedDisk, meanwhile: Reopen, what: dict[str, Any]
) -> None:
    of = schema(DataType.INT64, auto_id=False)
    service.execute(CreateCollection("c", of))
    service.execute(Insert("c", batch(of, 1, 2, 3)))
    request = Delete("c", request_id="one", **what)
    first = service.execute(request)
    service.execute(Insert("c", batch(of, 1)))
    service = meanwhile(service, disk)
    assert service.execute(request) == first
    assert first.deleted_count == 2
    assert numbers(service) == [1, 3]


def test_other_ids_and_none_are_not_confused(service: LocalService) -> None:
    of = schema(DataType.INT64, auto_id=False)
    service.execute(CreateCollection("c", of))
    for request_id in ("", "", "a", "b"):
        service.execute(Insert("c", batch(of, 1), request_id=request_id))
    assert service.execute(Query("c", output_fields=("count(*)",))).count == 4


def test_a_request_that_was_refused_may_be_repeated_corrected(service: LocalService) -> None:
    """A refusal is not remembered as an outcome."""
    of = schema(DataType.INT64, auto_id=False)
    service.execute(CreateCollection("c", of))
    wrong = batch(of, 1).drop_columns(["n"])
    with pytest.raises(ValueError, match="'n'"):
        service.execute(Insert("c", wrong, request_id="one"))
    service.execute(Insert("c", batch(of, 1), request_id="one"))
    assert numbers(service) == [1]


@pytest.mark.parametrize("auto_id", [False, True])
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_the_same_request_twice_at_once_is_done_once(
    service: LocalService, disk: SimulatedDisk, monkeypatch: pytest.MonkeyPatch, auto_id: bool, meanwhile: Reopen
) -> None:
    """The second comes while the first is checked; both get the one answer, and a replay of the log does it once."""
    of = schema(DataType.INT64, auto_id=auto_id)
    service.execute(CreateCollection("c", of))
    request = Insert("c", batch(of, 1, 2, with_keys=not auto_id), request_id="one")
    admit = data.admit
    answers: list[WriteReply] = []

    def asked_again_meanwhile(*arguments: Any) -> Any:
        monkeypatch.undo()
        answers.append(service.execute(request))
        return admit(*arguments)

    monkeypatch.setattr(data, "admit", asked_again_meanwhile)
    answers.append(service.execute(request))
    assert answers[0].ids.equals(answers[1].ids)
    assert answers[0].timestamp == answers[1].timestamp
    service = meanwhile(service, disk)
    assert numbers(service) == [1, 2]
    service.execute(Insert("c", batch(of, 3, with_keys=not auto_id), request_id="two"))
    assert numbers(service) == [1, 2, 3]


def test_a_request_written_while_a_flush_runs_is_replayed(
    service: LocalService, disk: SimulatedDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest remembers a request whose rows are only in the log: the replay must not take them for done."""
    of = schema(DataType.INT64, auto_id=False)
    service.execute(CreateCollection("c", of))
    service.execute(Insert("c", batch(of, 1), request_id="one"))
    publish = flush._publish

    def write_then_publish(*arguments: Any) -> None:
        service.execute(Insert("c", batch(of, 2), request_id="two"))
        publish(*arguments)

    monkeypatch.setattr(flush, "_publish", write_then_publish)
    service.execute(Flush("c"))
    assert numbers(service) == [1, 2]
    again = crashed(service, disk)
    assert numbers(again) == [1, 2]
    assert again.execute(Insert("c", batch(of, 2), request_id="two")).inserted_count == 1
    assert numbers(again) == [1, 2]


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("kind", ["insert", "upsert", "delete"])
def test_a_repeated_write_whose_outcome_is_forgotten_is_refused_not_done_again(
    service: LocalService, disk: SimulatedDisk, monkeypatch: pytest.MonkeyPatch, meanwhile: Reopen, kind: str
) -> None:
    monkeypatch.setattr(engine_collection, "_REMEMBERED_REQUESTS_MAX", 5)
    of = schema(DataType.INT64, auto_id=kind == "insert")
    service.execute(CreateCollection("c", of))
    asked_ms = service.engine.components.clock.now_ms()
    requests: dict[str, Insert | Upsert | Delete] = {
        "insert": Insert("c", batch(of, 1, with_keys=False), request_id="one"),
        "upsert": Upsert("c", batch(of, 1), request_id="one"),
        "delete": Delete("c", ids=pa.array([1]), request_id="one"),
    }
    service.execute(requests[kind])
    for number in range(2, 8):
        service.execute(Insert("c", batch(of, number, with_keys=kind != "insert"), request_id=f"other {number}"))
    before = numbers(service)
    service = meanwhile(service, disk)
    again = replace(requests[kind], repeated_since_ms=asked_ms)
    with pytest.raises(Conflict, match="look for its rows") as refused:
        service.execute(again)
    assert refused.value.kind == "outcome_unknown"
    assert numbers(service) == before


def test_a_repeated_write_that_was_never_done_is_done_although_older_ones_are_forgotten(
    disk: SimulatedDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was forgotten was written before it was asked first."""
    monkeypatch.setattr(engine_collection, "_REMEMBERED_REQUESTS_MAX", 5)
    clock = ManualClock()
    service = service_on_disk(disk, SETTINGS, clock=clock)
    of = schema(DataType.INT64, auto_id=False)
    service.execute(CreateCollection("c", of))
    for number in range(6):
        service.execute(Insert("c", batch(of, number), request_id=f"other {number}"))
    clock.advance(1)
    asked_ms = clock.now_ms()
    service.execute(Insert("c", batch(of, 6), request_id="other 6"))
    request = Insert("c", batch(of, 7), request_id="one", repeated_since_ms=asked_ms)
    first = service.execute(request)
    assert service.execute(request).timestamp == first.timestamp
    assert numbers(service) == list(range(8))
    service.close()


def test_a_few_repeated_writes_are_no_reason_to_refuse_any(service: LocalService) -> None:
    of = schema(DataType.INT64, auto_id=False)
    service.execute(CreateCollection("c", of))
    service.execute(Insert("c", batch(of, 1), request_id="one"))
    assert service.execute(Insert("c", batch(of, 2), request_id="two", repeated_since_ms=1)).inserted_count == 1
