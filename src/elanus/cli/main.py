"""The `elanus` command: serve, info, explain, verify."""

import sys

from elanus.errors import ElanusError

__all__ = ["main"]


def main() -> None:
    """Runs the command line. Ends with status 1 and one line when something is wrong with the request or the data."""
    try:
        from elanus.cli.commands import application
    except ModuleNotFoundError as error:
        print(
            f"elanus: the command line needs {error.name}; install it with: pip install 'elanus[cli]'", file=sys.stderr
        )
        sys.exit(1)
    try:
        application()
    except ElanusError as error:
        print(f"elanus: {error.message}", file=sys.stderr)
        sys.exit(1)
