"""The functions of the language: their names and how many arguments they take.

Knows nothing of what they compute; the binder gives each its meaning or says that it has none yet.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["FUNCTIONS", "STRUCT_FUNCTIONS", "Signature"]


@dataclass(frozen=True, slots=True)
class Signature:
    """How a function is called.

    Attributes:
        usage: the call as documentation shows it, for messages.
        argument_count_min: positional arguments at least.
        argument_count_max: positional arguments at most.
        named: arguments that may be written `name=value`.
        named_required: those of `named` that must be given.
    """

    usage: str
    argument_count_min: int
    argument_count_max: int
    named: tuple[str, ...] = ()
    named_required: tuple[str, ...] = ()


STRUCT_FUNCTIONS: Final = frozenset(
    {"element_filter", "match_any", "match_all", "match_least", "match_most", "match_exact"}
)
"""Those whose second argument is a predicate over the elements of a struct array, in terms of `$[field]`."""

_GEOMETRY: Final = (
    "st_equals", "st_contains", "st_crosses", "st_intersects", "st_overlaps", "st_touches", "st_within",
)  # fmt: skip

FUNCTIONS: Final[dict[str, Signature]] = {
    "json_contains": Signature("json_contains(field, value)", 2, 2),
    "json_contains_all": Signature("json_contains_all(field, [value, ...])", 2, 2),
    "json_contains_any": Signature("json_contains_any(field, [value, ...])", 2, 2),
    "array_contains": Signature("array_contains(field, value)", 2, 2),
    "array_contains_all": Signature("array_contains_all(field, [value, ...])", 2, 2),
    "array_contains_any": Signature("array_contains_any(field, [value, ...])", 2, 2),
    "array_length": Signature("array_length(field)", 1, 1),
    "json_exists": Signature("json_exists(path)", 1, 1),
    "random_sample": Signature("random_sample(fraction)", 1, 1),
    "text_match": Signature("text_match(field, 'words')", 2, 2, ("minimum_should_match",)),
    "text_match_fuzzy": Signature(
        "text_match_fuzzy(field, 'words', max_edit_distance=1)", 2, 2, ("max_edit_distance", "minimum_should_match")
    ),
    "phrase_match": Signature("phrase_match(field, 'words', slop)", 2, 3, ("slop",)),
    **{name: Signature(f"{name}(field, 'WKT')", 2, 2) for name in _GEOMETRY},
    "st_dwithin": Signature("st_dwithin(field, 'POINT(x y)', metres)", 3, 3),
    "st_isvalid": Signature("st_isvalid(field)", 1, 1),
    "element_filter": Signature("element_filter(field, predicate)", 2, 2),
    "match_any": Signature("match_any(field, predicate)", 2, 2),
    "match_all": Signature("match_all(field, predicate)", 2, 2),
    **{
        name: Signature(f"{name}(field, predicate, threshold=N)", 2, 2, ("threshold",), ("threshold",))
        for name in ("match_least", "match_most", "match_exact")
    },
    "bloom_match": Signature("bloom_match(field, {filter})", 2, 2),
    "membership_match": Signature("membership_match(field, {filter}, type=bloom)", 2, 2, ("type",), ("type",)),
}
