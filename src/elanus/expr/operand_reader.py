"""The values of operands over one source of rows, each column and each JSON path read once."""

import functools
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.json_texts import columns_of_texts
from elanus.columns.json_values import JsonValues
from elanus.columns.numbers import number_values
from elanus.columns.structs import struct_member
from elanus.columns.taking import take_rows
from elanus.expr import primitives, variants
from elanus.expr.arithmetic import calculate, negate
from elanus.expr.array_predicates import array_elements, array_sizes
from elanus.expr.bound import (
    Arithmetic,
    ArrayColumn,
    Column,
    Constant,
    Element,
    JsonPath,
    Length,
    Negation,
    Operand,
    Shifted,
)
from elanus.expr.constants import is_number
from elanus.expr.json_paths import Steps, extract_paths, json_path
from elanus.expr.json_predicates import array_lengths
from elanus.expr.numbers import Numbers
from elanus.expr.operand_binder import kind
from elanus.expr.source import ColumnSource
from elanus.expr.times import moved_instants
from elanus.expr.variants import Variants, variants_from_columns
from elanus.schema.types import DataType

__all__ = ["JsonPaths", "OperandReader"]

_NULL_DOCUMENT: Final = r"\A[ \t\n\r]*null[ \t\n\r]*\z"

JsonPaths = Mapping[str, Sequence[Steps]]
"""The paths a filter reads, by field: they are extracted together at the first use of one."""


class OperandReader:
    """Reads what conditions ask for; lives for one evaluation."""

    def __init__(
        self, source: ColumnSource, paths: JsonPaths, *, row_numbers: npt.NDArray[np.int64] | None = None
    ) -> None:
        """`row_numbers` are what messages call the rows, if not their position."""
        self.row_count: Final = source.row_count
        self._source: Final = source
        self._paths: Final = paths
        self._row_numbers: Final = row_numbers
        self._columns: Final[dict[str, pa.Array]] = {}
        self._coded: Final[dict[str, pa.Array]] = {}
        self._variants: Final[dict[tuple[str, Steps], Variants]] = {}

    def over(self, source: ColumnSource, rows: npt.NDArray[np.int64]) -> "OperandReader":
        """A reader for some of the rows, which `source` has gathered."""
        numbers = rows if self._row_numbers is None else self._row_numbers[rows]
        return OperandReader(source, self._paths, row_numbers=numbers)

    def column(self, name: str) -> pa.Array:
        """The column of a field as it is stored."""
        found = self._columns.get(name)
        if found is None:
            found = self._source.column(name)
            assert len(found) == self.row_count, (name, len(found), self.row_count)
            self._columns[name] = found
        return found

    def _strings(self, name: str) -> pa.Array:
        found = self._coded.get(name)
        if found is None:
            found = self._coded[name] = self._source.strings(name)
        return found

    def array(self, operand: ArrayColumn) -> pa.Array:
        """The list column of an array, or of one member of the structs in it."""
        column = self.column(operand.name)
        return struct_member(column, operand.member) if operand.member else column

    def known(self, operand: Operand) -> Bitset | None:
        """The rows where an operand that is not JSON has a value; None means all."""
        match operand:
            case Column() | ArrayColumn():
                return primitives.validity(self.column(operand.name))
            case Element():
                return primitives.validity(self.scalars(operand))
            case _:
                return self.numbers(operand).known

    def scalars(self, operand: Operand) -> pa.Array:
        """The Arrow column of an operand that is a field or an element of one; null where it has no value.

        Strings may be coded by a dictionary.
        """
        if isinstance(operand, Element):
            return array_elements(self.array(operand.array), operand.position)
        assert isinstance(operand, Column), operand
        return self._strings(operand.name) if operand.data_type is DataType.VARCHAR else self.column(operand.name)

    def numbers(self, operand: Operand) -> Numbers:
        """The numbers of an operand of kind `number`, `time` (microseconds) or `json`."""
        match operand:
            case Column() | Element():
                column = self.scalars(operand)
                values, known = number_values(column), primitives.validity(column)
                return Numbers(None, values, known=known) if values.dtype.kind == "f" else Numbers(values, known=known)
            case Constant():
                assert is_number(operand.value)
                if isinstance(operand.value, int):
                    return Numbers(np.array([operand.value], np.int64))
                return Numbers(None, np.array([operand.value], np.float64))
            case JsonPath():
                return self.variants(operand).numbers()
            case Length(of=ArrayColumn() as array):
                return array_sizes(self.array(array))
            case Length(of=JsonPath() as path):
                return array_lengths(self.variants(path))
            case Arithmetic():
                return calculate(operand.operator, self.numbers(operand.left), self.numbers(operand.right))
            case Negation():
                return negate(self.numbers(operand.operand))
            case Shifted():
                return self._shifted(operand)
            case _:
                raise AssertionError(operand)

    def _shifted(self, operand: Shifted) -> Numbers:
        times = self.numbers(operand.operand)
        instants = times.as_integers()
        if times.known is not None:
            # Whatever stands in rows without a time need not be one that the calendar can count.
            instants = np.where(times.known.to_bool(), instants, 0)
        return Numbers(moved_instants(instants, operand.duration), known=times.known)

    def json_known(self, path: JsonPath) -> Bitset | None:
        """The rows where the field of a path is not NULL; `$meta` never is. None means all."""
        if path.is_dynamic:
            return None
        values = self._source.json_values(path.name, ())
        if values is None or len(values.text_rows):
            return primitives.validity(self.column(path.name))
        return Bitset.from_bool(values.kinds != variants.MISSING)

    def null_document(self, name: str) -> Bitset:
        """The rows where a JSON field is NULL or JSON's null, which is said without parsing texts."""
        values = self._source.json_values(name, ())
        if values is not None and len(values.text_rows) == 0:
            return Bitset.from_bool(values.kinds <= variants.NULL)
        column = self.column(name)
        known = primitives.validity(column)
        null = primitives.string_regex(column, _NULL_DOCUMENT)
        return null if known is None else (null & known) | ~known

    def variants(self, path: JsonPath) -> Variants:
        """The values at a path."""
        key = (path.name, path.steps)
        if key not in self._variants:
            values = self._source.json_values(path.name, json_path(path.steps))
            if values is not None:
                self._take_columns(path.name, path.steps, values)
            else:
                steps_of = {json_path(steps): steps for steps in self._paths[path.name]}
                for found, values in columns_of_texts(self.column(path.name), list(steps_of)).items():
                    self._take_columns(path.name, steps_of[found], values)
        return self._variants[key]

    def _take_columns(self, name: str, steps: Steps, values: JsonValues) -> None:
        self._variants[name, steps] = variants_from_columns(
            values,
            read_text=functools.partial(self._from_text, name, steps),
            decode=functools.partial(self._decoded, name, steps),
        )

    def _from_text(self, name: str, steps: Steps, rows: npt.NDArray[np.int64]) -> Variants:
        """The values of some rows at a path, read from their text."""
        path = json_path(steps)
        values = columns_of_texts(take_rows(self.column(name), rows), [path])[path]

        def decode(some: npt.NDArray[np.int64]) -> Variants:
            return self._decoded(name, steps, rows[some])

        return variants_from_columns(values, read_text=decode, decode=decode)

    def _decoded(self, name: str, steps: Steps, rows: npt.NDArray[np.int64]) -> Variants:
        """The same, as Python values: what the kernel does not read, and arrays and objects as such."""
        texts = take_rows(self.column(name), rows)
        numbers = rows if self._row_numbers is None else self._row_numbers[rows]
        return extract_paths(name, texts, [steps], row_numbers=numbers)[steps]

    def as_variants(self, operand: Operand) -> Variants:
        """The values of any operand with one value a row, as JSON would have them."""
        if isinstance(operand, JsonPath):
            return self.variants(operand)
        if kind(operand) == "number":
            return _number_variants(self.numbers(operand), self.row_count)
        column = self.scalars(operand)
        known = primitives.validity(column)
        is_string = kind(operand) == "string"
        kinds = np.full(len(column), variants.STRING if is_string else variants.BOOL, np.uint8)
        if known is not None:
            kinds[~known.to_bool()] = variants.NULL
        if is_string:
            return Variants(kinds, strings=column)
        return Variants(kinds, truths=primitives.bits(column).to_bool())


def _number_variants(numbers: Numbers, row_count: int) -> Variants:
    kinds = np.full(row_count, variants.DOUBLE if numbers.integers is None else variants.INTEGER, np.uint8)
    if numbers.integer_rows is not None:
        kinds[~numbers.integer_rows] = variants.DOUBLE
    if numbers.known is not None:
        kinds[~numbers.known.to_bool()] = variants.NULL
    return Variants(
        kinds,
        None if numbers.integers is None else numbers.as_integers(),
        None if numbers.doubles is None else numbers.doubles.astype(np.float64, copy=False),
    )
