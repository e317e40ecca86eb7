"""Settings: where a value comes from, and which values are refused."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from elanus.errors import InvalidInput
from elanus.settings import Settings


def _file(folder: Path, text: str) -> Path:
    path = folder / "elanus.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_call_wins_over_the_environment_over_the_file_over_the_default(tmp_path: Path) -> None:
    file = _file(tmp_path, "flush_rows = 1\nflush_bytes = 1\nindex_rows_min = 1\n")
    environment = {"ELANUS_FLUSH_ROWS": "2", "ELANUS_FLUSH_BYTES": "2"}
    settings = Settings.load(file=file, environment=environment, flush_rows=3)
    assert (settings.flush_rows, settings.flush_bytes, settings.index_rows_min) == (3, 2, 1)
    assert settings.topk_max == Settings().topk_max


def test_an_override_of_none_means_not_given() -> None:
    assert Settings.load(environment={"ELANUS_PORT": "7"}, port=None).port == 7


def test_every_setting_can_come_from_the_environment_as_text() -> None:
    defaults = Settings()
    texts = {f"ELANUS_{field.name.upper()}": str(getattr(defaults, field.name)) for field in fields(Settings)}
    assert Settings.load(environment=texts) == defaults


def test_variables_of_other_programs_and_of_the_kernel_loader_are_no_settings() -> None:
    environment = {"HOME": "x", "FLUSH_ROWS": "1", "ELANUS_SIMD": "avx2", "ELANUS_KERNELS": "reference"}
    assert Settings.load(environment=environment) == Settings()


def test_the_variable_of_the_tests_does_not_stop_a_database() -> None:
    assert Settings.load(environment={"ELANUS_TEST_PROFILE": "nightly"}) == Settings()


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("FALSE", False), ("0", False)])
def test_truth_values_are_words_or_digits(text: str, value: bool) -> None:
    assert Settings.load(environment={"ELANUS_COMPACTION_ENABLED": text}).compaction_enabled is value


@pytest.mark.parametrize("origin", ["file", "environment", "call"])
def test_an_unknown_key_is_refused_wherever_it_comes_from(origin: str, tmp_path: Path) -> None:
    by_origin: dict[str, dict[str, Any]] = {
        "file": {"file": _file(tmp_path, "flush_row = 1"), "environment": {}},
        "environment": {"environment": {"ELANUS_FLUSH_ROW": "1"}},
        "call": {"environment": {}, "flush_row": 1},
    }
    with pytest.raises(InvalidInput, match=r"unknown setting 'flush_row'; known: .*flush_rows"):
        Settings.load(**by_origin[origin])


def test_a_table_in_the_file_is_an_unknown_key(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="unknown setting 'server'"):
        Settings.load(file=_file(tmp_path, "[server]\nport = 1"), environment={})


@pytest.mark.parametrize("content", [b"port = ", b"port = 1\nport = 2", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "elanus.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"elanus\.toml cannot be read"):
        Settings.load(file=path, environment={})


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"absent\.toml cannot be read"):
        Settings.load(file=tmp_path / "absent.toml", environment={})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("flush_rows", "many", "setting flush_rows is 'many', expected int"),
        ("flush_rows", "1.5", "expected int"),
        ("flush_rows", "", "expected int"),
        ("compaction_deleted_ratio", "half", "expected float"),
        ("compaction_deleted_ratio", "nan", "expected 0 or more"),
        ("compaction_deleted_ratio", "-0.1", "expected 0 or more"),
        ("compaction_enabled", "yes", "expected bool"),
        ("durability", "maybe", "setting durability is 'maybe', expected one of fsync, none"),
        ("log_level", "debug", "expected one of DEBUG, INFO, WARNING, ERROR"),
        ("flush_rows", "-1", "setting flush_rows is -1, expected 0 or more"),
        ("cluster_id", "8", "setting cluster_id is 8, expected 0 to 7"),
    ],
)
def test_texts_that_do_not_fit_are_refused_with_name_and_value(name: str, value: str, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        Settings.load(environment={f"ELANUS_{name.upper()}": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flush_rows", True),
        ("flush_rows", 1.0),
        ("flush_rows", None),
        ("compaction_deleted_ratio", True),
        ("compaction_enabled", 1),
        ("host", 1),
        ("host", b"x"),
        ("durability", 1),
        ("log_format", ["text"]),
        ("port", -1),
        ("cluster_id", -1),
    ],
)
def test_values_of_another_type_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"setting {name} is"):
        Settings(**{name: value})


def test_numbers_without_a_fraction_are_fine_for_a_ratio(tmp_path: Path) -> None:
    assert Settings.load(file=_file(tmp_path, "compaction_deleted_ratio = 1"), environment={}) == Settings(
        compaction_deleted_ratio=1
    )


def test_changed_settings_are_checked_and_leave_the_old_ones_alone() -> None:
    before = Settings()
    assert before.with_changes(port=1).port == 1
    assert before == Settings()
    with pytest.raises(InvalidInput, match="setting port is 'x'"):
        before.with_changes(port="x")


def test_limits_are_those_of_milvus() -> None:
    settings = Settings()
    assert settings.request_bytes_max == 67_108_864
    assert settings.reply_bytes_max == 256 << 20
    assert settings.topk_max == settings.query_vector_count_max == 16_384
    assert (settings.field_count_max, settings.vector_field_count_max) == (64, 4)
    assert (settings.partition_count_max, settings.shard_count_max) == (1024, 16)
    assert (settings.database_count_max, settings.collection_count_max) == (64, 65_536)
    assert (settings.port, settings.management_port) == (19_530, 9_091)
