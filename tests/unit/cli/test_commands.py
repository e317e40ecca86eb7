"""`elanus info`, `verify` and `version`, and what a command says when it cannot do its work."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import elanus
from elanus.cli.commands import application
from elanus.cli.main import main
from elanus.errors import InvalidInput, NotFound
from elanus.version import VERSION


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two databases with a collection each, one with a sealed segment and an index."""
    monkeypatch.setenv("COLUMNS", "200")
    place = tmp_path / "data"
    with elanus.connect(place, index_rows_min=1) as database:
        docs = database.create_collection("docs", dimension=4)
        docs.insert([{"id": key, "vector": [key, 1, 0, 0]} for key in range(1200)])
        docs.delete([3])
        docs.flush()
        docs.drop_index("vector")
        docs.create_index("vector", "HNSW", metric="COSINE")
        database.create_database("other").create_collection("empty", dimension=8)
    return place


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(application, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_version() -> None:
    assert run("version") == (0, f"{VERSION}\n")


def test_info_lists_collections(folder: Path) -> None:
    status, text = run("info", "--data", str(folder))
    assert status == 0
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    assert cells == [
        ["default", "docs", "1,199", "id Int64, vector FloatVector(4)", "HNSW(vector)"],
        ["other", "empty", "0", "id Int64, vector FloatVector(8)", "AUTOINDEX(vector)"],
    ]


def test_info_works_beside_a_process_that_has_it_open(folder: Path) -> None:
    with elanus.connect(folder):
        listed = subprocess.run(
            [sys.executable, "-c", "from elanus.cli.main import main; main()", "info", "--data", str(folder)],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    assert "docs" in listed.stdout


def test_verify_counts_what_is_whole(folder: Path) -> None:
    status, text = run("verify", "--data", str(folder))
    assert status == 0
    assert text.endswith(" 0 damaged\n")
    assert int(text.split()[0].replace(",", "")) >= 3


@pytest.mark.parametrize("what", ["data", "index", "deletes"])
def test_verify_names_what_is_damaged_and_changes_nothing(folder: Path, what: str) -> None:
    if what == "deletes":
        with elanus.connect(folder, background_maintenance=False, index_rows_min=1) as database:
            database["docs"].delete([4])
            database["docs"].flush()
    files = [file for file in sorted(folder.rglob(f"segments/*/{what}/**/*")) if file.is_file()]
    damaged = files[-1]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0x10
    damaged.write_bytes(content)
    status, text = run("verify", "--data", str(folder))
    assert status == 1
    assert "damaged" in text
    assert damaged.name in "".join(text.split("\n"))
    assert damaged.read_bytes() == content


def test_verify_goes_on_after_a_collection_that_cannot_be_opened(folder: Path) -> None:
    """The manifest of one collection and a segment of the other are damaged; both are named."""
    (segment,) = folder.glob("collections/*/segments/*/data/scalars.arrow")
    manifests = [
        file for file in folder.glob("collections/*/manifest/*1.json") if file.parents[1] != segment.parents[3]
    ]
    for file in (segment, *manifests):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0x10
        file.write_bytes(content)
    status, text = run("verify", "--data", str(folder))
    assert status == 1
    assert len(manifests) == 1
    assert "scalars.arrow" in text
    assert "manifest" in text
    assert text.endswith(" 2 damaged\n")


def test_a_folder_without_a_database_is_not_made(tmp_path: Path) -> None:
    for command in ("info", "verify"):
        with pytest.raises(NotFound, match="there is no database"):
            run(command, "--data", str(tmp_path / "absent"))
    assert not (tmp_path / "absent").exists()


def test_errors_are_one_line_and_status_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["elanus", "info", "--data", str(tmp_path / "absent")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"elanus: there is no database in {tmp_path / 'absent'}\n"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("--log-level", "LOUD", "log_level is 'LOUD'"), ("--config", "absent.toml", "absent.toml cannot be read")],
)
def test_wrong_settings_are_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    words: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["elanus", "serve", "--data", str(tmp_path / "data"), option, value])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert words in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_without_its_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "elanus.cli.commands")
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert "typer" in told
    assert "pip install 'elanus[cli]'" in told
    assert len(told.splitlines()) == 1


def test_help_names_every_command() -> None:
    status, text = run("--help")
    assert status == 0
    for command in ("serve", "info", "verify", "version"):
        assert command in text


def test_explain(folder: Path) -> None:
    status, text = run("explain", "docs", "--data", str(folder), "--filter", "id < 5")
    assert status == 0
    assert text.startswith("query of docs\n  filter: id < 5\n")
    assert "id < 5: scan, estimated 0.4%, found 4 (0.3%)" in text
    status, text = run(
        "explain", "docs", "--data", str(folder), "--vector", "[1, 0, 0, 0]", "--limit", "3", "--filter", "id < 5"
    )
    assert status == 0
    assert "nearest 3 of one vector in vector FloatVector(4) by COSINE" in text
    assert "HNSW, exact scan: all 4 allowed rows are scored, 4 compared, 3 hits" in text
    with pytest.raises(InvalidInput, match="--vector is no vector"):
        run("explain", "docs", "--data", str(folder), "--vector", "1,0")
    with pytest.raises(NotFound):
        run("explain", "none", "--data", str(folder))


def test_explain_beside_a_process_that_has_it_open(folder: Path) -> None:
    """The explanation travels between processes."""
    with elanus.connect(folder):
        command = [sys.executable, "-c", "from elanus.cli.main import main; main()"]
        told = subprocess.run(
            [*command, "explain", "docs", "--data", str(folder)],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    assert "query of docs" in told.stdout
