"""The rule for names of databases, collections, partitions, fields, indexes and aliases."""

import re
from typing import Final

from elanus.errors import InvalidInput

__all__ = ["NAME_LENGTH_MAX", "check_name"]

NAME_LENGTH_MAX: Final = 255
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check_name(what: str, name: str) -> None:
    """Accepts letters, digits and underscores, not starting with a digit, up to 255 bytes.

    Raises:
        InvalidInput: anything else, said with the name and the first wrong character.
    """
    if not isinstance(name, str) or not name:
        raise InvalidInput("invalid_name", f"{what} name is {name!r}, expected a non-empty string")
    size_bytes = len(name.encode(errors="surrogatepass"))
    if size_bytes > NAME_LENGTH_MAX:
        raise InvalidInput(
            "invalid_name", f"{what} name of {size_bytes} bytes is too long, expected at most {NAME_LENGTH_MAX}"
        )
    if _NAME.match(name):
        return
    if not re.match(r"[A-Za-z_]", name):
        raise InvalidInput(
            "invalid_name", f"invalid {what} name {name!r}: the first character must be an underscore or letter"
        )
    wrong = next(character for character in name if not re.match(r"[A-Za-z0-9_]", character))
    raise InvalidInput(
        "invalid_name",
        f"invalid {what} name {name!r}: it can only contain letters, digits and underscores, not {wrong!r}",
    )
