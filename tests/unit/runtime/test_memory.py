"""The machine's memory, and that of the process."""

import ctypes
import os
import subprocess
import sys

import pytest

from elanus.runtime.memory import keep_freed_memory, memory_bytes


def test_it_is_at_least_what_this_process_holds() -> None:
    found = memory_bytes()
    assert found is not None
    assert found > 1 << 27


def test_a_system_that_does_not_tell_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf_names", {})
    assert memory_bytes() is None


# Three blocks of some MB, as a request has them, again and again: page faults of the last rounds.
_ROUNDS = """
import resource, sys
from elanus.runtime.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def work():
    blocks = [bytearray(b"x" * (3 << 20)) for _ in range(3)]
for _ in range(3):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library cannot be told")
def test_freed_memory_is_kept_for_the_next_request() -> None:
    page_count = 10 * 3 * (3 << 20) // os.sysconf("SC_PAGE_SIZE")
    done = subprocess.run([sys.executable, "-c", _ROUNDS, "kept"], capture_output=True, text=True, check=True)
    assert int(done.stdout) < page_count / 20


def test_a_c_library_that_cannot_be_told_keeps_what_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory()
