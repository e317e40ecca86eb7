"""The examples and the README's code do what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def run(*arguments: str, folder: Path) -> str:
    """What a Python process prints; its errors are failures."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ELANUS_")}
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env={**environment, "COLUMNS": "200"}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_standard_library_is_searched_and_a_kill_survived(tmp_path: Path) -> None:
    told = run(
        str(ROOT / "examples" / "stdlib_search.py"), "--only", "email", "--data", "data", "--model", "none-such",
        folder=tmp_path,
    )  # fmt: skip
    assert re.search(r"[\d,]+ functions and classes", told)
    assert "HNSW index built" in told
    assert told.count("score") >= 5
    assert "email." in told
    assert "all there" in told


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_readmes_code_runs(tmp_path: Path, number: int) -> None:
    (tmp_path / "block.py").write_text(BLOCKS[number], encoding="utf-8")
    assert run("block.py", folder=tmp_path)


def test_the_readme_has_code() -> None:
    assert len(BLOCKS) >= 2
