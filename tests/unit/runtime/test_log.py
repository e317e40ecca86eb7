"""Logging: quiet in a library, lines of text or JSON in a server."""

import json
import logging
from collections.abc import Iterator

import pytest

from elanus.runtime.log import configure_logging, get_logger


@pytest.fixture
def package_logger() -> Iterator[logging.Logger]:
    """The package's root logger, put back as it was afterwards."""
    logger = logging.getLogger("elanus")
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = propagate


def test_loggers_are_below_the_package() -> None:
    assert get_logger("catalog").name == "elanus.catalog"
    assert get_logger("elanus.storage").name == "elanus.storage"


def test_text_lines_go_to_standard_error_from_the_level_on(
    package_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level="WARNING", log_format="text")
    get_logger("catalog").info("not seen")
    get_logger("catalog").warning("the disk is %s", "full")
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.endswith("WARNING elanus.catalog: the disk is full\n")
    assert told.err.count("\n") == 1


def test_json_lines_are_one_object_each_also_with_an_exception(
    package_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level="INFO", log_format="json")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        get_logger("wal").exception('a "quoted" line\nand another')
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["level"], told["logger"]) == ("ERROR", "elanus.wal")
    assert told["message"] == 'a "quoted" line\nand another'
    assert "ValueError: two\nlines" in told["exception"]


def test_configuring_twice_does_not_double_lines(
    package_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level="INFO", log_format="text")
    configure_logging(level="INFO", log_format="text")
    get_logger("x").info("once")
    assert capsys.readouterr().err.count("once") == 1
