"""Typed access to the JSON object of a request."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.server.option_values import option_flag, option_integer
from elanus.server.refusals import not_supported
from elanus.service.requests.base import DEFAULT_DATABASE

__all__ = ["Body"]


class Body:
    """The values of a request, and what its headers say about them.

    Names may be spelled in several ways; readers take all spellings and use the first that is there.
    """

    def __init__(self, values: Mapping[str, Any], *, database: str = "", allow_int64: bool = True) -> None:
        self._values: Final = values
        self._header_database: Final = database
        self.allow_int64: Final = allow_int64
        """Whether the client can read 64-bit numbers; if not they are sent as text."""

    @property
    def database(self) -> str:
        """The database the request is about."""
        return self.text("dbName", default="") or self._header_database or DEFAULT_DATABASE

    @property
    def collection(self) -> str:
        """The collection the request is about."""
        return self.text("collectionName")

    def value(self, *names: str) -> Any:
        """The value as it came; None when it is missing."""
        return next((self._values[name] for name in names if self._values.get(name) is not None), None)

    def text(self, *names: str, default: str | None = None) -> str:
        """A string; required when there is no default.

        Raises:
            InvalidInput: it is missing or empty, or something else.
        """
        value = self.value(*names)
        if value is None:
            if default is None:
                raise _missing(names[0])
            return default
        if not isinstance(value, str):
            raise _wrong(names[0], value, "a string")
        if not value and default is None:
            raise _missing(names[0])
        return value

    def integer(self, *names: str, default: int | None = None) -> int:
        """An integer, or text of one; required when there is no default.

        Raises:
            InvalidInput: it is missing, or something else.
        """
        value = self.value(*names)
        if value is None:
            if default is None:
                raise _missing(names[0])
            return default
        return option_integer(names[0], value)

    def flag(self, *names: str, default: bool = False) -> bool:
        """A boolean, or text of one.

        Raises:
            InvalidInput: something else.
        """
        value = self.value(*names)
        return default if value is None else option_flag(names[0], value)

    def required_texts(self, *names: str) -> tuple[str, ...]:
        """A list of strings with at least one. Raises InvalidInput."""
        values = self.texts(*names)
        if not values:
            raise _missing(names[0])
        return values

    def texts(self, *names: str) -> tuple[str, ...]:
        """A list of strings; empty when it is missing.

        Raises:
            InvalidInput: something else.
        """
        value = self.value(*names)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _wrong(names[0], value, "a list of strings")
        return tuple(value)

    def mapping(self, *names: str) -> dict[str, Any]:
        """An object; empty when it is missing.

        Raises:
            InvalidInput: something else.
        """
        value = self.value(*names)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise _wrong(names[0], value, "an object")
        return value

    def parts(self, *names: str) -> list["Body"]:
        """A list of objects; empty when it is missing.

        Raises:
            InvalidInput: something else.
        """
        value = self.value(*names)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise _wrong(names[0], value, "a list of objects")
        return [Body(item) for item in value]

    def part(self, *names: str) -> "Body":
        """An object; empty when it is missing. Raises InvalidInput."""
        return Body(self.mapping(*names))

    def items(self, name: str) -> Sequence[Any]:
        """A list; required.

        Raises:
            InvalidInput: it is missing, or something else.
        """
        value = self.value(name)
        if value is None:
            raise _missing(name)
        if not isinstance(value, list):
            raise _wrong(name, value, "a list")
        return value

    def refuse(self, later: Mapping[str, str]) -> None:
        """Refuses parts of later versions.

        Raises:
            InvalidInput: naming the first one that asks for anything.
        """
        for name, what in later.items():
            if self._values.get(name):
                raise not_supported(f"{what} ({name})")


def _missing(name: str) -> InvalidInput:
    return InvalidInput("missing_parameter", f"missing required parameters: {name}")


def _wrong(name: str, value: Any, expected: str) -> InvalidInput:
    text = repr(value)
    shown = text if len(text) <= 60 else text[:57] + "..."
    return InvalidInput("malformed_request", f"{name} is {shown}, expected {expected}")
