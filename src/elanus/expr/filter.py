"""Filters: text to an expression, bound to a schema, evaluated over columns to the set of rows where it is TRUE.

The life of a filter: `lexer` and `parser` make a tree of `syntax`; `binder` turns it into the `bound` tree of one
schema; `evaluator` answers it over a `ColumnSource`; `pruning` and `keys` answer it from statistics alone. The meaning
of every operator is written down in docs/filters.md.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from elanus.columns.bitset import Bitset
from elanus.columns.structs import element_offsets
from elanus.expr.access import AccessPath, PredicateIndexes, index_access
from elanus.expr.binder import bind_tree
from elanus.expr.bound import Condition
from elanus.expr.element_truth import element_truth
from elanus.expr.evaluator import evaluate
from elanus.expr.keys import key_values
from elanus.expr.lifting import LIFTED_CHARACTERS_MAX, Template, bound_template, taken_apart
from elanus.expr.operand_binder import BindingContext
from elanus.expr.operand_reader import JsonPaths
from elanus.expr.outline import outline
from elanus.expr.parser import DEPTH_MAX, parse_tree
from elanus.expr.plain_comparisons import plain_rows
from elanus.expr.printing import filter_text
from elanus.expr.pruning import RowsMatching, prune
from elanus.expr.reads import field_names, json_paths
from elanus.expr.source import ColumnSource
from elanus.expr.stats import SegmentStats
from elanus.expr.struct_elements import StructElements
from elanus.expr.syntax import Node, Scalar
from elanus.runtime.memo import Memo
from elanus.schema.collection import Schema
from elanus.schema.instants import time_zone

__all__ = ["Expression", "Filter", "bind", "compile_filter", "parse"]

# Kept filters are bounded in number and in the size of each, so the cache is bounded in bytes.
_CACHED_FILTERS_MAX: Final = 1024
_CACHED_CHARACTERS_MAX: Final = 16_384
_CACHED_TEMPLATES_MAX: Final = 1024


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed filter, which may hold placeholders.

    Attributes:
        text: as it was written; messages point into it.
        tree: what it says.
    """

    text: str
    tree: Node

    def __str__(self) -> str:
        return filter_text(self.tree)

    def outline(self) -> str:
        """The syntax tree, one line a node."""
        return outline(self.tree)


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A filter bound to a schema.

    Attributes:
        text: as it was written.
        condition: what a row must meet.
        field_names: the fields whose columns `evaluate` asks for.
        sample_fraction: the share of the rows that meet the condition to keep; None keeps all.
        seed: of the sampling.
    """

    text: str
    condition: Condition
    field_names: frozenset[str]
    _paths: JsonPaths
    sample_fraction: float | None = None
    seed: int = 0
    _expression: Expression | None = None

    @property
    def expression(self) -> Expression:
        """Where it comes from; placeholders have their values only in `condition`."""
        return parse(self.text) if self._expression is None else self._expression

    def __str__(self) -> str:
        """The canonical text, placeholders kept; it parses to the same tree."""
        return str(self.expression)

    def evaluate(
        self, source: ColumnSource, indexes: PredicateIndexes | None = None, record: list[AccessPath] | None = None
    ) -> Bitset:
        """The rows of `source` where the filter is TRUE.

        `indexes` are those on the rows of `source`; they are used where that is less work and change no answer. How
        each predicate was evaluated is added to `record`.

        Sampling keeps each such row with the same probability; which ones depends on the seed and the rows alone.

        Raises:
            DataCorrupt: a JSON column holds what is not JSON.
        """
        access = index_access(self.condition, source.row_count, indexes, record)
        if access is None:
            passed = plain_rows(self.condition, source)
        else:
            passed = access.decided(self.condition, source.row_count)
        if passed is None:
            passed = evaluate(self.condition, source, self._paths, access, true_only=True).true
        return passed if self.sample_fraction is None else self._sampled(passed)

    def evaluate_elements(
        self,
        source: ColumnSource,
        array: str,
        indexes: PredicateIndexes | None = None,
        record: list[AccessPath] | None = None,
    ) -> Bitset:
        """The elements of an array of structs for which the filter is TRUE, as `element_truth` reads it, end to end.

        Sampling keeps elements. Others as `evaluate`.
        """
        access = index_access(self.condition, source.row_count, indexes, record)
        column = source.column(array)
        truth = element_truth(
            self.condition,
            array,
            element_offsets(column),
            of_rows=lambda condition: evaluate(condition, source, self._paths, access),
            of_elements=lambda condition: evaluate(condition, StructElements(column), {}),
        )
        return truth.true if self.sample_fraction is None else self._sampled(truth.true)

    def key_values(self, field_name: str) -> list[Scalar] | None:
        """The values of a field outside of which the filter is TRUE for no row; None when there is no finite set.

        The values are distinct and in the domain of the field, in no order to rely on.
        """
        return key_values(self.condition, field_name)

    def prune(self, stats: SegmentStats) -> RowsMatching:
        """Whether no row, every row, or perhaps some of the rows described by `stats` pass."""
        matching = prune(self.condition, stats)
        if matching is RowsMatching.ALL and self.sample_fraction is not None:
            return RowsMatching.SOME
        return matching

    def may_match(self, stats: SegmentStats) -> bool:
        """Whether some of the rows described by `stats` may pass."""
        return self.prune(stats) is not RowsMatching.NONE

    def with_seed(self, seed: int) -> "Filter":
        """The same filter sampling other rows."""
        return replace(self, seed=seed)

    def _sampled(self, passed: Bitset) -> Bitset:
        assert self.sample_fraction is not None
        numbers = passed.rows()
        kept = np.random.default_rng(self.seed).random(len(numbers)) < self.sample_fraction
        return Bitset.from_rows(numbers[kept], len(passed))

    def outline(self) -> str:
        """The bound tree, one line a node, for explaining what will be done."""
        sample = "" if self.sample_fraction is None else f"\nsample fraction={self.sample_fraction} seed={self.seed}"
        return outline(self.condition) + sample


def parse(text: str, *, depth_max: int = DEPTH_MAX) -> Expression:
    """The expression in a filter text, in time linear in its length.

    Args:
        text: the filter; an empty one is the caller's to treat.
        depth_max: levels of parentheses, `not`, signs, lists and calls.

    Raises:
        InvalidInput: the text is no filter (kind `invalid_filter`); the message shows where.
    """
    return Expression(text, parse_tree(text, depth_max=depth_max))


def bind(
    expression: Expression,
    schema: Schema,
    params: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    timezone: str = "",
) -> Filter:
    """The filter an expression is for the rows of a schema.

    Args:
        expression: a parsed filter.
        schema: names resolve to its fields, and to keys of `$meta` if it has a dynamic field.
        params: a value for every placeholder: a bool, int, float, string or list of them. Others are ignored.
        seed: of `random_sample`.
        timezone: IANA name of the zone of times that name none; empty is UTC.

    Raises:
        InvalidInput: an unknown name, types that do not meet, or a missing parameter (kind `invalid_filter`); something
            of a later version (kind `not_supported`).
    """
    bound = bind_tree(expression.text, expression.tree, BindingContext(schema, params or {}, time_zone(timezone)))
    condition = bound.condition
    return Filter(
        expression.text,
        condition,
        field_names(condition),
        json_paths(condition),
        bound.sample_fraction,
        seed,
        expression,
    )


def compile_filter(
    text: str, schema: Schema, params: Mapping[str, Any] | None = None, *, seed: int = 0, timezone: str = ""
) -> Filter:
    """`bind(parse(text), schema, params)`, remembered: by text and schema object without params, by text with them.

    Texts that differ in nothing but literals are made from what was bound for one of them, where that is the same.

    Raises:
        InvalidInput: as `parse` and `bind`.
    """
    if len(text) > _CACHED_CHARACTERS_MAX:
        return bind(parse(text), schema, params, seed=seed, timezone=timezone)
    if params:
        return bind(_parsed(text), schema, params, seed=seed, timezone=timezone)
    # By the object itself, which is never changed. It is kept alive beside what was made for it, so that no other has
    # its id.
    key = (text, id(schema), timezone)
    kept = _bound.get(key)
    if kept is not None:
        return kept[1] if seed == kept[1].seed else kept[1].with_seed(seed)
    # One by a template is made again in less time than it takes to go through the memory of many.
    found = _by_template(text, schema, timezone)
    if found is None:
        found = bind(_parsed(text), schema, timezone=timezone)
        _bound.put(key, (schema, found))
    return found if seed == found.seed else found.with_seed(seed)


@functools.lru_cache(_CACHED_FILTERS_MAX)
def _parsed(text: str) -> Expression:
    return parse(text)


_bound: Final = Memo[tuple[Schema, Filter]](_CACHED_FILTERS_MAX)
_templates: Final = Memo[tuple[Schema, Template | None]](_CACHED_TEMPLATES_MAX)


def _by_template(text: str, schema: Schema, timezone: str) -> Filter | None:
    """The filter by the template of its shape; None where there is none, or not for these literals."""
    if len(text) > LIFTED_CHARACTERS_MAX:
        return None
    shape, values = taken_apart(text)
    if not values:
        return None
    key = (shape, id(schema))
    found = _templates.get(key)
    if found is None:
        found = schema, bound_template(text, values, BindingContext(schema, {}))
        _templates.put(key, found)
    template = found[1]
    condition = None if template is None else template.condition(values)
    if template is None or condition is None:
        return None
    if timezone:
        time_zone(timezone)  # Templates have no times, but a zone that is none is refused with them too.
    return Filter(text, condition, template.field_names, template.paths)
