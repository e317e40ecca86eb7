"""The machine's memory."""

import os

import pytest

from elanus.runtime.memory import memory_bytes


def test_it_is_at_least_what_this_process_holds() -> None:
    found = memory_bytes()
    assert found is not None
    assert found > 1 << 27


def test_a_system_that_does_not_tell_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf_names", {})
    assert memory_bytes() is None
