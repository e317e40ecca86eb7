"""A filter means the same whatever has happened to the rows: growing, sealed, indexed, half deleted, compacted."""

import random
from pathlib import Path

import pytest
from hypothesis import settings

from elanus.expr import access
from tests.reference.filter_cases import Cases
from tests.reference.filter_states import FilterStates, written_filters

_FILTERS = 12


@pytest.mark.parametrize("indexes_always_pay", [False, True])
@pytest.mark.parametrize("seed", range(max(4, settings().max_examples // 15)))
def test_a_filter_means_the_same_in_every_state(
    seed: int, indexes_always_pay: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if indexes_always_pay:
        monkeypatch.setattr(access, "pays", lambda _offer, **_sizes: True)
        monkeypatch.setattr(access, "may_pay", lambda **_sizes: True)
    choose = random.Random(seed)
    cases = Cases(choose.getrandbits(60))
    states = FilterStates(tmp_path, cases)
    states.live(written_filters(cases, choose, _FILTERS), choose)
    states.service.close()
