"""Parameters of index types as users give them: names, ranges, defaults, and values that may arrive as text.

Names and ranges are those of Milvus. A name that belongs to another vector index is dropped without a word, because
programs written for Milvus pass one set of parameters to whatever index a collection has; a name no index has is an
error. So is `recall`, which Milvus does not have, where an index does not measure what recall costs. Settings of the
request or the field (`metric_type`, `radius`, `mmap.enabled`, ...) are taken out by the caller.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from elanus.errors import InvalidInput

__all__ = [
    "INT_MAX",
    "RECALL",
    "BoolParam",
    "ChoiceParam",
    "FloatParam",
    "IntParam",
    "Param",
    "TextParam",
    "checked_params",
    "one_effort",
    "required_param",
]

INT_MAX: Final = 2**31 - 1

_NAMES_OF_ALL_INDEXES: Final = frozenset(
    {
        *("nlist", "nprobe", "m", "nbits", "nrq", "refine", "refine_type", "refine_k", "rbq_query_bits"),
        *("rbq_bits_query", "with_raw_data", "reorder_k", "M", "efConstruction", "ef", "sq_type", "search_list"),
        *("max_degree", "search_list_size", "pq_code_budget_gb_ratio", "search_cache_budget_gb_ratio"),
        *("beam_width_ratio", "beamwidth", "vectors_beamwidth", "inline_pq", "rearrange", "num_entry_points"),
        *("inverted_index_algo", "bm25_k1", "bm25_b", "drop_ratio_build", "drop_ratio_search"),
        *("mh_element_bit_width", "mh_lsh_band", "mh_lsh_code_in_mem", "mh_search_with_jaccard"),
        *("max_empty_result_buckets", "level", "mh_lsh_bloom_false_positive_prob", "mh_lsh_batch_search"),
        *("faiss_index_name", "efSearch", "k_factor"),
    }
)


class Param(Protocol):
    """One parameter: its name, its default, and the check of a value."""

    @property
    def name(self) -> str: ...

    @property
    def default(self) -> Any:
        """The value when none is given; None means that there is none."""
        ...

    def checked(self, value: object, index_name: str) -> Any:
        """`value` in the parameter's type.

        Raises:
            InvalidInput: wrong type or out of range.
        """
        ...


@dataclass(frozen=True, slots=True)
class IntParam:
    """An integer between `low` and `high`, both inclusive; `high_name` explains where a bound comes from."""

    name: str
    low: int
    high: int
    default: int | None = None
    high_name: str = ""

    def checked(self, value: object, index_name: str) -> int:
        """An integer, or text that is one."""
        number = _integer(value)
        if number is None:
            raise _wrong_type(index_name, self.name, value, f"an integer from {self._range()}")
        if not self.low <= number <= self.high:
            raise _out_of_range(index_name, self.name, value, self._range())
        return number

    def _range(self) -> str:
        suffix = f" ({self.high_name})" if self.high_name else ""
        return f"{self.low} to {self.high}{suffix}"


@dataclass(frozen=True, slots=True)
class FloatParam:
    """A finite number with inclusive `low`; `high` is exclusive when `high_open`."""

    name: str
    low: float
    high: float
    default: float | None = None
    high_open: bool = False

    def checked(self, value: object, index_name: str) -> float:
        """A number, or text that is one."""
        number = _number(value)
        if number is None:
            raise _wrong_type(index_name, self.name, value, f"a number in {self._range()}")
        if not self.low <= number <= self.high or (self.high_open and number == self.high):
            raise _out_of_range(index_name, self.name, value, self._range())
        return number

    def _range(self) -> str:
        return f"[{self.low:g}, {self.high:g}{')' if self.high_open else ']'}"


@dataclass(frozen=True, slots=True)
class BoolParam:
    """True or false, also as text in any case."""

    name: str
    default: bool | None = None

    def checked(self, value: object, index_name: str) -> bool:
        """A boolean."""
        if isinstance(value, bool):
            return value
        text = value.strip().lower() if isinstance(value, str) else None
        if text not in {"true", "false"}:
            raise _wrong_type(index_name, self.name, value, "true or false")
        return text == "true"


@dataclass(frozen=True, slots=True)
class ChoiceParam:
    """One of `choices`, in any case; `aliases` maps further spellings to a choice."""

    name: str
    choices: tuple[str, ...]
    default: str | None = None
    aliases: Mapping[str, str] | None = None

    def checked(self, value: object, index_name: str) -> str:
        """The choice as it is spelled in `choices`."""
        text = value.strip().upper() if isinstance(value, str) else None
        spelled = (self.aliases or {}).get(text, text) if text is not None else None
        if spelled not in self.choices:
            expected = ", ".join(self.choices)
            raise InvalidInput(
                "invalid_index", f"{index_name} parameter {self.name} is {value!r}, expected one of {expected}"
            )
        return spelled


@dataclass(frozen=True, slots=True)
class TextParam:
    """Any text that is not empty, without the spaces around it."""

    name: str
    default: str | None = None

    def checked(self, value: object, index_name: str) -> str:
        """The text."""
        text = value.strip() if isinstance(value, str) else ""
        if not text:
            raise _wrong_type(index_name, self.name, value, "a text that is not empty")
        return text


def checked_params(index_name: str, specs: Sequence[Param], params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `specs` with their defaults; those without a default are left out when not given.

    Raises:
        InvalidInput: a name that no index has, a value of the wrong type or out of range.
    """
    known = {spec.name for spec in specs}
    for name in params:
        if name not in known and name not in _NAMES_OF_ALL_INDEXES:
            raise _unknown(index_name, name, sorted(known))
    complete: dict[str, Any] = {}
    for spec in specs:
        value = params.get(spec.name)
        if value is None:
            if spec.default is not None:
                complete[spec.name] = spec.default
        else:
            complete[spec.name] = spec.checked(value, index_name)
    return complete


RECALL: Final = FloatParam("recall", 0.01, 1.0, high_open=True)
"""The share of the true nearest rows a search is to find; in place of the parameter that says how hard it tries."""


def one_effort(index_name: str, effort_name: str, checked: Mapping[str, Any], *, default: float) -> dict[str, Any]:
    """Checked search parameters with either `recall` or the effort, the latter set to `default` when neither is given.

    Raises:
        InvalidInput: both are given.
    """
    if "recall" in checked and effort_name in checked:
        raise InvalidInput(
            "invalid_argument", f"{index_name} takes recall or {effort_name}, not both: one is found from the other"
        )
    if "recall" in checked:
        return dict(checked)
    return {effort_name: default, **checked}


def required_param(index_name: str, spec: Param, params: Mapping[str, Any], expected: str) -> None:
    """Refuses complete parameters that lack one without a default.

    Raises:
        InvalidInput: it is missing; `expected` says what it must be.
    """
    if spec.name not in params:
        raise InvalidInput("invalid_index", f"{index_name} needs parameter {spec.name}: {expected}")


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        digits = value.strip().removeprefix("-").removeprefix("+")
        if digits.isascii() and digits.isdigit() and len(digits) <= 18:
            return int(value)
    return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _unknown(index_name: str, name: str, known: Sequence[str]) -> InvalidInput:
    by_lower = {candidate.lower(): candidate for candidate in (*known, *_NAMES_OF_ALL_INDEXES)}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=1)
    hint = f"; did you mean {by_lower[near[0]]}?" if near else ""
    takes = ", ".join(known) if known else "none"
    return InvalidInput("invalid_index", f"{index_name} has no parameter {name!r}, it takes: {takes}{hint}")


def _wrong_type(index_name: str, name: str, value: object, expected: str) -> InvalidInput:
    return InvalidInput("invalid_index", f"{index_name} parameter {name} is {value!r}, expected {expected}")


def _out_of_range(index_name: str, name: str, value: object, expected: str) -> InvalidInput:
    return InvalidInput(
        "out_of_range", f"{index_name} parameter {name} is {value!r}, which is out of range, expected {expected}"
    )
