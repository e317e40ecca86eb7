"""Logging: one logger a package part, lines for people or JSON for machines."""

import json
import logging
import sys
from typing import Literal

__all__ = ["configure_logging", "get_logger"]


def get_logger(name: str) -> logging.Logger:
    """A logger below `elanus`; silent until the application configures logging."""
    return logging.getLogger(name if name.startswith("elanus") else f"elanus.{name}")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_logging(*, level: str, log_format: Literal["text", "json"]) -> None:
    """Sends the package's log to standard error. For servers and commands; a library never calls it."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(_JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("elanus")
    root.handlers[:] = [handler]
    root.setLevel(level)
    root.propagate = False
