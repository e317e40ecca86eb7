"""Filters of `tests.reference` as conditions in DuckDB's SQL, with the three truth values of docs/filters.md.

The trees are those of `tests.reference.filter_reference`; a JSON path stands beside constants and fields only.
"""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["SqlFilters"]

_OPERATORS: Final = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_EXCHANGED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_INTEGERS: Final = "('BIGINT', 'UBIGINT', 'HUGEINT')"
_NUMBERS: Final = "('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')"
_INTEGER_KINDS: Final = frozenset({"int32", "int64"})


class SqlFilters:
    """Writes filters over fields of the given kinds. Arrays are lists there, `json` and `meta` of type JSON."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self._types: Final = types

    def condition(self, node: Any) -> str:
        match node:
            case ("always", truth):
                return "TRUE" if truth else "FALSE"
            case ("not", inner):
                return f"(NOT {self.condition(inner)})"
            case ("and" | "or" as word, *operands):
                return "(" + f" {word.upper()} ".join(self.condition(operand) for operand in operands) + ")"
            case ("flag", operand):
                return self._value(operand)
            case ("range", low, first, value, second, high):
                return self.condition(("and", ("cmp", first, low, value), ("cmp", second, value, high)))
            case ("cmp", operator, left, right):
                return self._comparison(operator, left, right)
            case ("in", operand, ("const" | "moments", items), negated):
                return self._membership(operand, node[2][0], items, negated=negated)
            case ("like" | "regex", operand, pattern, negated):
                return self._pattern(node[0], operand, pattern, negated=negated)
            case ("isnull", operand, negated):
                return self._is_null(operand, negated=negated)
            case ("exists", path):
                return f"({self._kind_of(path)} IS NOT NULL)"
            case ("contains", how, operand, ("const", constant)):
                return self._contains(how, operand, constant)
        raise AssertionError(node)

    # Operands.

    def _value(self, node: Any) -> str:
        """A typed operand; NULL where it has no value."""
        match node:
            case ("const", value):
                return literal(value)
            case ("moment", instant):
                return f"make_timestamp({instant})"
            case ("field", name):
                return _name(name)
            case ("element", name, position):
                return f"{_name(name)}[{position + 1}]"
            case ("length", ("field", name)):
                return f"len({_name(name)})"
            case ("length", path):
                length = f"json_array_length({_name(path[1])}, {_json_path(path)})"
                return f"(CASE WHEN {self._kind_of(path)} = 'ARRAY' THEN {length} END)"
            case ("moved", operand, sign, months, microseconds):
                step = "" if sign == "+" else "-"
                shift = f"to_months({step}{months}) + to_microseconds({step}{microseconds})"
                return f"({self._value(operand)} + {shift})"
            case ("arith", operator, left, right):
                return self._arithmetic(operator, left, right)
        raise AssertionError(node)

    def _arithmetic(self, operator: str, left: Any, right: Any) -> str:
        """Integers as 128 bits, which none of these leaves; anything with a float as DOUBLE."""
        if left[0] == "path":
            kind, text = self._kind_of(left), self._text(left)
            number = f"TRY_CAST({text} AS DOUBLE)"
            of_floats = "NULL" if operator == "%" else _calculated(operator, number, right, "DOUBLE")
            of_integers = of_floats
            if isinstance(right[1], int):
                of_integers = _calculated(operator, f"TRY_CAST({text} AS HUGEINT)", right, "HUGEINT")
            return (
                f"(CASE WHEN {kind} IN {_INTEGERS} THEN CAST({of_integers} AS DOUBLE) "
                f"WHEN {kind} = 'DOUBLE' THEN {of_floats} END)"
            )
        whole = self._is_integer(left) and isinstance(right[1], int)
        kind = "HUGEINT" if whole else "DOUBLE"
        return _calculated(operator, f"CAST({self._value(left)} AS {kind})", right, kind)

    def _is_integer(self, node: Any) -> bool:
        match node:
            case ("field", name):
                return self._types[name] in _INTEGER_KINDS
            case ("length", _):
                return True
            case ("arith", _, left, ("const", value)):
                return self._is_integer(left) and isinstance(value, int)
        return False

    def _kind_of(self, path: Any) -> str:
        """DuckDB's name of the kind of value at a path; NULL where it is missing."""
        return f"json_type({_name(path[1])}, {_json_path(path)})"

    def _text(self, path: Any) -> str:
        return f"json_extract_string({_name(path[1])}, {_json_path(path)})"

    def _is_absent(self, path: Any) -> str:
        kind = self._kind_of(path)
        return f"({kind} IS NULL OR {kind} = 'NULL')"

    def _is_single(self, node: Any) -> bool:
        return node[0] == "field" and self._types[node[1]] == "float"

    # Conditions.

    def _comparison(self, operator: str, left: Any, right: Any) -> str:
        if left[0] == "const":
            left, right, operator = right, left, _EXCHANGED[operator]
        if left[0] == "path":
            return self._path_comparison(operator, left, right)
        sides = [self._value(left), self._value(right)]
        if self._is_single(left) and right[0] == "const":
            sides[1] = f"CAST({sides[1]} AS FLOAT)"
        elif any(isinstance(side[1], float) or side[0] == "arith" for side in (left, right)):
            sides = [f"CAST({side} AS DOUBLE)" for side in sides]
        return f"({sides[0]} {_OPERATORS[operator]} {sides[1]})"

    def _path_comparison(self, operator: str, path: Any, other: Any) -> str:
        kind, text, value = self._kind_of(path), self._text(path), self._value(other)
        match other:
            case ("const", bool()):
                same, answer = f"{kind} = 'BOOLEAN'", f"({text} = {literal(str(other[1]).lower())})"
                answer = answer if operator == "==" else f"(NOT {answer})"
            case ("const", str()) | ("field", _) if other[0] == "const" or self._types[other[1]] == "varchar":
                same, answer = f"{kind} = 'VARCHAR'", f"({text} {_OPERATORS[operator]} {value})"
            case _:
                number = f"TRY_CAST({text} AS DOUBLE)"
                same, answer = f"{kind} IN {_NUMBERS}", f"({number} {_OPERATORS[operator]} CAST({value} AS DOUBLE))"
        otherwise = {"==": "FALSE", "!=": "TRUE"}.get(operator, "NULL")
        return (
            f"(CASE WHEN {self._is_absent(path)} OR {value} IS NULL THEN NULL WHEN {same} THEN {answer} "
            f"ELSE {otherwise} END)"
        )

    def _membership(self, operand: Any, kind: str, items: Any, *, negated: bool) -> str:
        nodes = [("moment" if kind == "moments" else "const", item) for item in items]
        hits = [self._comparison("==", operand, node) for node in nodes]
        absent = self._is_null(operand, negated=False)
        answer = f"(CASE WHEN {absent} THEN NULL ELSE {' OR '.join(hits) if hits else 'FALSE'} END)"
        return f"(NOT {answer})" if negated else answer

    def _pattern(self, kind: str, operand: Any, pattern: str, *, negated: bool) -> str:
        text = self._text(operand) if operand[0] == "path" else self._value(operand)
        if kind == "like":
            hit = f"({text} LIKE {literal(pattern)} ESCAPE '\\')"
        else:
            hit = f"regexp_matches({text}, {literal(pattern)})"
        if operand[0] == "path":
            is_string = f"coalesce({self._kind_of(operand)} = 'VARCHAR', FALSE)"
            hit = f"(CASE WHEN {_name(operand[1])} IS NULL THEN NULL WHEN {is_string} THEN {hit} ELSE FALSE END)"
        return f"(NOT {hit})" if negated else hit

    def _is_null(self, operand: Any, *, negated: bool) -> str:
        absent = self._is_absent(operand) if operand[0] == "path" else f"({self._value(operand)} IS NULL)"
        return f"(NOT {absent})" if negated else absent

    def _contains(self, how: str, operand: Any, constant: Any) -> str:
        wanted = [constant] if how == "one" else list(constant)
        if operand[0] == "field":
            name = _name(operand[1])
            hits = [f"coalesce(list_contains({name}, {literal(item)}), FALSE)" for item in wanted]
            return f"(CASE WHEN {name} IS NULL THEN NULL ELSE {_joined(hits, how)} END)"
        elements = f"json_extract({_name(operand[1])}, {literal(_path_text(operand) + '[*]')})"
        hits = [f"(len(list_filter({elements}, lambda x: {_equals_element(item)})) > 0)" for item in wanted]
        return (
            f"(CASE WHEN {self._is_absent(operand)} THEN NULL WHEN {self._kind_of(operand)} <> 'ARRAY' THEN FALSE "
            f"ELSE {_joined(hits, how)} END)"
        )


def _joined(hits: list[str], how: str) -> str:
    if not hits:
        return "FALSE" if how == "any" else "TRUE"
    return "(" + (" OR " if how == "any" else " AND ").join(hits) + ")"


def _equals_element(item: Any) -> str:
    text = "json_extract_string(x, '$')"
    if isinstance(item, bool):
        return f"coalesce(json_type(x) = 'BOOLEAN' AND {text} = '{str(item).lower()}', FALSE)"
    if isinstance(item, str):
        return f"coalesce(json_type(x) = 'VARCHAR' AND {text} = {literal(item)}, FALSE)"
    return f"coalesce(json_type(x) IN {_NUMBERS} AND TRY_CAST({text} AS DOUBLE) = {literal(item)}, FALSE)"


def _calculated(operator: str, left: str, right: Any, kind: str) -> str:
    """A calculation in one kind of number; NULL for a division by zero."""
    other = f"CAST({literal(right[1])} AS {kind})"
    if operator in "/%":
        other = f"nullif({other}, 0)"
    word = "//" if operator == "/" and kind == "HUGEINT" else operator
    return f"({left} {word} {other})"


def literal(value: Any) -> str:
    """A constant in SQL."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return f"({value})"
        case float():
            return f"CAST('{value!r}' AS DOUBLE)"
        case str():
            return "'" + value.replace("'", "''") + "'"
    raise AssertionError(value)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _path_text(path: Any) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in path[2])


def _json_path(path: Any) -> str:
    return literal(_path_text(path))
