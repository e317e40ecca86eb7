"""The documentation names everything there is: settings with their defaults, kinds of errors, commands, chores."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from elanus.errors import KINDS
from elanus.settings import Settings

ROOT = Path(__file__).parent.parent.parent


def table_rows(name: str) -> dict[str, list[str]]:
    """The rows of a page's tables by their first cell, without code marks."""
    rows = {}
    for line in (ROOT / "docs" / name).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `"):
            rows[cells[0].split("`")[1]] = cells
    return rows


def test_every_setting_is_described_with_its_default() -> None:
    rows = table_rows("settings.md")
    assert sorted(rows) == sorted(field.name for field in fields(Settings))
    for field in fields(Settings):
        shown = rows[field.name][1].strip("`")
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        assert shown == default, field.name


def test_every_kind_of_error_is_listed_under_its_class() -> None:
    rows = table_rows("errors.md")
    listed = {kind: name for name, cells in rows.items() for kind in re.findall(r"`([a-z_]+)`", cells[2])}
    assert listed == {kind: cls.__name__ for kind, cls in KINDS.items()}


@pytest.mark.parametrize(
    "chore", ["demo", "test", "lint", "ci", "kill", "power", "fuzz-filters", "compare-filters", "sanitize", "bench"]
)
def test_chores_are_told_in_the_readme_or_the_chore_script(chore: str) -> None:
    assert f"dev.py {chore}" in (ROOT / "dev.py").read_text(encoding="utf-8")


def test_every_command_is_described_in_the_readme() -> None:
    from elanus.cli.commands import application

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in application.registered_commands:
        assert command.callback is not None
        assert f"elanus {command.callback.__name__}" in readme
        assert command.callback.__doc__


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "native" / "README.md"]:
        text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
