"""A delete by filter concerns the rows that matched when it began, and no others."""

from typing import Any

import pytest

from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.service import data
from elanus.service.local import LocalService


@pytest.fixture
def docs(service: LocalService) -> Collection:
    docs = Database(service, "simulated").create_collection("c", dimension=2)
    docs.insert([{"id": key, "vector": [key, 1], "color": "red"} for key in range(4)])
    return docs


def test_rows_written_while_it_looks_are_spared(docs: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the record a key is replaced by a row that does not match; another comes anew."""
    look = data.keys_of

    def look_then_disturb(*arguments: Any) -> Any:
        keys = look(*arguments)
        docs.upsert([{"id": 1, "vector": [9, 9], "color": "blue"}])
        docs.insert([{"id": 2, "vector": [9, 9], "color": "red"}, {"id": 7, "vector": [9, 9], "color": "red"}])
        return keys

    monkeypatch.setattr(data, "keys_of", look_then_disturb)
    assert docs.delete(filter='color == "red"') == 3
    monkeypatch.undo()
    found = docs.query("id >= 0", output_fields=["color"]).to_list()
    assert found == [{"id": 1, "color": "blue"}, {"id": 2, "color": "red"}, {"id": 7, "color": "red"}]


@pytest.mark.parametrize("sealed", [False, True])
def test_it_counts_what_it_deleted(docs: Collection, sealed: bool) -> None:
    docs.insert([{"id": 1, "vector": [0, 1], "color": "red"}])  # the same key twice
    if sealed:
        docs.flush()
    assert docs.delete(filter="id in [1, 2, 50]") == 3
    assert docs.delete(filter="id in [1, 2, 50]") == 0
    assert docs.delete(filter='color == "none"') == 0
    assert docs.count() == 2


def test_the_newest_row_of_a_key_that_does_not_match_hides_nothing(docs: Collection) -> None:
    """A filter is asked of every row; the delete then concerns the keys it found."""
    docs.upsert([{"id": 3, "vector": [0, 1], "color": "green"}])
    assert docs.delete(filter='color == "red" and id == 3') == 0
    assert docs.get(3, output_fields=["color"])[0]["color"] == "green"
