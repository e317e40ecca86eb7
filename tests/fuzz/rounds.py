"""Rounds of a check with fresh seeds until the time is over; failures are told with their seeds at the end."""

import argparse
import secrets
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Final

__all__ = ["main", "run_rounds"]

_FAILURES_MAX: Final = 10
_REPORT_S: Final = 60.0

Check = Callable[[int], Counter[str]]


def run_rounds(check: Check, *, seconds: float, first_seed: int, count_max: int | None = None) -> dict[int, str]:
    """Runs `check` with one seed after another; the failures by seed, as text.

    Ends after `seconds`, after `count_max` rounds, or after ten failures.
    """
    start = told = time.monotonic()
    done: Counter[str] = Counter()
    failures: dict[int, str] = {}
    seed = first_seed
    while (count_max is None or seed - first_seed < count_max) and len(failures) < _FAILURES_MAX:
        now = time.monotonic()
        if now - start >= seconds:
            break
        if now - told >= _REPORT_S:
            told = now
            print(f"{now - start:.0f} s: {_told(done, seed - first_seed, failures)}", flush=True)
        try:
            done += check(seed)
        except Exception:  # noqa: BLE001 (boundary: whatever a round raises is its result)
            failures[seed] = traceback.format_exc()
            print(f"seed {seed} failed\n{failures[seed]}", flush=True)
        seed += 1
    print(f"{time.monotonic() - start:.0f} s: {_told(done, seed - first_seed, failures)}", flush=True)
    return failures


def main(check: Check, what: str) -> None:
    """The command line of a fuzzer: `--minutes`, or `--seed` to repeat one round. Ends with 1 if a round failed."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (default: an hour)")
    parser.add_argument("--seed", type=int, help="repeats the round of this seed")
    given = parser.parse_args()
    if given.seed is not None:
        failures = run_rounds(check, seconds=float("inf"), first_seed=given.seed, count_max=1)
    else:
        first = secrets.randbits(48)
        print(f"first seed {first}", flush=True)
        failures = run_rounds(check, seconds=given.minutes * 60, first_seed=first)
    if failures:
        sys.exit(f"failed with seeds {', '.join(map(str, failures))}")


def _told(done: Counter[str], rounds: int, failures: dict[int, str]) -> str:
    counts = ", ".join(f"{count:,} {what}" for what, count in sorted(done.items()))
    return f"{rounds:,} rounds, {counts}, {len(failures)} failed"
