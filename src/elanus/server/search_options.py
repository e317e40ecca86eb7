"""The options of a search, wherever clients write them.

Milvus clients spread them over three places: fields of the request, a flat list of texts, and a JSON object inside that
list. Here they become one value. Options of later versions are refused by name; parameters of index types are passed on
as they are and checked by the index.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from elanus.errors import InvalidInput
from elanus.schema.collapse import Collapse
from elanus.server.option_values import folded_text, option_flag, option_integer
from elanus.server.refusals import not_supported

__all__ = ["LATER_OPTIONS", "IteratorBatch", "SearchOptions", "merge_options", "refuse_later_options", "time_parts_of"]

LATER_OPTIONS: Final[Mapping[str, str]] = {
    "json_path": "grouping by a JSON path",
    "json_type": "grouping by a JSON path",
    "strict_cast": "grouping by a JSON path",
    "analyzer_name": "search with text",
    "cluster_id": "the choice of a cluster",
    "query_iter_last_pk": "the iterator over elements",
    "query_iter_last_element_offset": "the iterator over elements",
}
"""Options that ask for what this version does not do, and what that is called."""

_NOTHING: Final = frozenset({"", "0", "false", "none", "null", "[]", "{}"})

# The answer is the same with these and without: our planner chooses the filter strategy, and hits keep their order.
_ADVICE: Final[Mapping[str, frozenset[str]]] = {
    "hints": frozenset({"iterative_filter", "disable"}),
    "page_retain_order": frozenset({"true"}),
}


@dataclass(frozen=True, slots=True)
class IteratorBatch:
    """Which batch of a search iterator (version 2) is asked for.

    The client gives back the `last_bound` of the batch before without looking at it. Milvus puts a score there, with
    which rows of equal score come twice or never; here it is the number of the next batch.

    Attributes:
        size: hits of a batch.
        number: from 0.
        token: of the batches before; empty for the first.
    """

    size: int
    number: int = 0
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What a search request asks for besides vectors, filter and output.

    Attributes:
        limit: hits of a query; the protocol calls it `topk`.
        field_name: empty for the only vector field.
        metric: empty for that of the index.
        is_iterator: the request belongs to an iterator, whose guarantee timestamp fixes what it sees.
        timezone: empty for that of the collection.
        time_parts: what to give of times; empty for all.
        group_by: fields whose values make groups.
        order_by: fields that the hits are ordered by, as `name` or `name:desc`.
        collapse: in a hybrid search, how elements become rows.
        batch: the request asks for a batch of an iterator of version 2.
        collection_id: 0, or the collection the client has in mind, which must not have been made anew since.
        params: parameters of the index type, `radius` and `range_filter`.
    """

    limit: int
    offset: int = 0
    round_decimals: int = -1
    ignore_growing: bool = False
    field_name: str = ""
    metric: str = ""
    is_iterator: bool = False
    group_by: tuple[str, ...] = ()
    group_size: int = 1
    strict_group_size: bool = False
    order_by: tuple[str, ...] = ()
    collapse: Collapse | None = None
    batch: IteratorBatch | None = None
    collection_id: int = 0
    timezone: str = ""
    time_parts: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)


class _Levels:
    """Options of the outer level and of the `params` inside it, taken out one by one."""

    def __init__(self, outer: Mapping[str, Any], nested: Mapping[str, Any]) -> None:
        self._outer: Final = dict(outer)
        self._nested: Final = dict(nested)

    def take(self, name: str, default: Any = "") -> Any:
        """The option's value; an outer one that equals the default does not contradict a nested one."""
        above, below = self._outer.pop(name, None), self._nested.pop(name, None)
        if above is None or (below is not None and folded_text(above) == folded_text(default)):
            return default if below is None else below
        if below is not None and folded_text(above) != folded_text(below):
            raise _ambiguous(name, above, below)
        return above

    def rest(self) -> dict[str, Any]:
        """What nobody took: parameters of the index, which some clients send on the outer level."""
        for name, value in self._outer.items():
            if folded_text(self._nested.setdefault(name, value)) != folded_text(value):
                raise _ambiguous(name, value, self._nested[name])
        return self._nested


def merge_options(outer: Mapping[str, Any], nested: Mapping[str, Any]) -> SearchOptions:
    """The options of an outer level and of the `params` inside it.

    Clients repeat outer options among the nested ones; that is fine as long as both say the same.

    Raises:
        InvalidInput: an option given twice with different values, of the wrong form, or not supported.
    """
    refuse_later_options(outer)
    refuse_later_options(nested)
    levels = _Levels(outer, nested)
    for name, accepted in _ADVICE.items():
        advice = folded_text(levels.take(name))
        if advice not in _NOTHING and advice not in accepted:
            raise InvalidInput(
                "invalid_argument", f"{name} is {advice!r}, expected one of {', '.join(sorted(accepted))}"
            )
    limit = option_integer("topk", levels.take("topk", 0))
    return SearchOptions(
        limit=limit,
        group_by=_group_fields(levels),
        group_size=option_integer("group_size", levels.take("group_size", 1)),
        strict_group_size=option_flag("strict_group_size", levels.take("strict_group_size", "false")),
        order_by=_names(levels.take("order_by_fields")),
        collapse=_collapse(levels.take("element_scope", None)),
        batch=_iterator_batch(levels, limit),
        offset=option_integer("offset", levels.take("offset", 0)),
        round_decimals=option_integer("round_decimal", levels.take("round_decimal", -1)),
        ignore_growing=option_flag("ignore_growing", levels.take("ignore_growing", "false")),
        field_name=str(levels.take("anns_field")),
        metric=str(levels.take("metric_type")),
        is_iterator=option_flag("iterator", levels.take("iterator", "false")),
        collection_id=option_integer("collection_id", levels.take("collection_id", 0)),
        timezone=str(levels.take("timezone") or ""),
        time_parts=time_parts_of(levels.take("time_fields")),
        params=levels.rest(),
    )


def _collapse(scope: Any) -> Collapse | None:
    """What `{"collapse": {"strategy": ..., "topk": ...}}` says, as an object or its text."""
    if isinstance(scope, str) and scope.strip():
        try:
            scope = msgspec.json.decode(scope.encode())
        except (msgspec.DecodeError, RecursionError):
            raise InvalidInput("invalid_argument", f"element_scope is {scope!r}, expected a JSON object") from None
    if not scope:
        return None
    inner = scope.get("collapse") if isinstance(scope, Mapping) else None
    if not isinstance(inner, Mapping) or set(scope) != {"collapse"} or not set(inner) <= {"strategy", "topk"}:
        raise InvalidInput(
            "invalid_argument",
            f"element_scope is {scope!r}, expected {{'collapse': {{'strategy': ..., 'topk': ...}}}}",
        )
    return Collapse(folded_text(inner.get("strategy", "max")), option_integer("topk", inner.get("topk", 0)))


def time_parts_of(value: Any) -> tuple[str, ...]:
    """The parts of times asked for: names with commas or spaces between them, or a list of names.

    Raises:
        InvalidInput: neither.
    """
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if not isinstance(value, str | None):
        raise InvalidInput("invalid_argument", f"time_fields is {value!r}, expected for example 'year, month'")
    return tuple((value or "").lower().replace(",", " ").split())


def _group_fields(levels: _Levels) -> tuple[str, ...]:
    """Both spellings: one field, or several as text with commas or as a list."""
    one, several = levels.take("group_by_field"), levels.take("group_by_fields")
    fields = _names(several)
    if one and fields and fields != (str(one),):
        raise _ambiguous("group_by_field", one, several)
    return fields or ((str(one),) if one else ())


def _names(value: Any) -> tuple[str, ...]:
    """Names as a list, or as text with commas."""
    names = value if isinstance(value, list) else str(value).split(",")
    return tuple(str(name).strip() for name in names if str(name).strip())


def _iterator_batch(levels: _Levels, limit: int) -> IteratorBatch | None:
    asked = option_flag("search_iter_v2", levels.take("search_iter_v2", "false"))
    size = option_integer("search_iter_batch_size", levels.take("search_iter_batch_size", limit))
    token = str(levels.take("search_iter_id"))
    bound = levels.take("search_iter_last_bound", 0)
    if not asked:
        return None
    try:
        number = float(bound)
    except (TypeError, ValueError):
        number = -1.0
    if number < 0 or not number.is_integer():
        raise InvalidInput(
            "invalid_argument",
            f"search_iter_last_bound is {bound!r}, expected what the server gave with the batch before",
        )
    return IteratorBatch(size=size, number=int(number) if token else 0, token=token)


def refuse_later_options(options: Mapping[str, Any]) -> None:
    """Refuses options of later versions.

    Raises:
        InvalidInput: naming the first one that asks for anything.
    """
    for name, what in LATER_OPTIONS.items():
        value = options.get(name)
        if value is not None and folded_text(value) not in _NOTHING:
            raise not_supported(f"{what} ({name})")


def _ambiguous(name: str, above: Any, below: Any) -> InvalidInput:
    return InvalidInput(
        "invalid_argument",
        f"ambiguous option {name}: {above} in the search parameters, {below} in their params; give it once",
    )
