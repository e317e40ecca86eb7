"""The type hints of the public names say what a user's program may do."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[3]


def test_a_users_program_is_typed() -> None:
    sample = Path(__file__).with_name("typing_sample.py")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(sample)],

        cwd=_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
