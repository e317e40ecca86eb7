"""Filters through scalar indexes against our own scans of the same columns, in one run, and what indexes cost a row.

    python benchmarks/scalar_indexes.py [--rows 1000000] [--repeats 15]

Each predicate is evaluated to its set of rows by scanning and by the index, in turn; the ratio is that of the medians.
Columns are read before, as in a database that has been asked once; other columns are read between the measurements, so
that a scan does not always find its own in the cache of the processor.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from elanus.columns.bitset import Bitset
from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.numbers import full_numbers
from elanus.engine.scalar_columns import definition_path, scalar_column
from elanus.expr.filter import Filter, compile_filter
from elanus.index.protocol import BuildContext
from elanus.index.scalar.files import build_scalar_index, open_scalar_index
from elanus.index.scalar.rules import check_scalar_index
from elanus.query.predicate_indexes import FieldIndex, SegmentPredicates
from elanus.schema.collection import IndexDefinition, Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType


def _area(degrees: float) -> str:
    """A square a little off the grid."""
    low, high = 10.1, 10.1 + degrees
    return f"POLYGON (({low} {low}, {high} {low}, {high} {high}, {low} {high}, {low} {low}))"


_CASES: list[tuple[str, str, dict[str, Any], tuple[str, ...]]] = [
    ("number", "STL_SORT", {}, ("number == 123456", "500000 <= number < 501000", "number in [1, 20, 300, 4000]")),
    ("number", "INVERTED", {}, ("number == 123456",)),
    ("small", "BITMAP", {}, ("small == 7", "small in [1, 2]", "small != 7")),
    ("small", "INVERTED", {}, ("small == 7", "3 <= small < 5")),
    ("price", "STL_SORT", {}, ("price > 999.5", "10 < price <= 11")),
    ("title", "INVERTED", {}, ("title == 'item 777 of many'", "title in ['a', 'item 9 of many']")),
    ("title", "TRIE", {}, ("title like 'item 777%'",)),
    ("label", "BITMAP", {}, ("label == 'label 3'", "label like '%3'")),
    ("text", "NGRAM", {"min_gram": 2, "max_gram": 3}, ("text like '%quartz%'", "text like '%ebony w%ld%'")),
    ("tags", "INVERTED", {}, ("array_contains(tags, 17)", "array_contains_all(tags, [17, 18])")),
    ("place", "RTREE", {}, (f"st_within(place, '{_area(1)}')", "st_dwithin(place, 'POINT (13 52)', 50000)")),
    ("shape", "RTREE", {}, (f"st_intersects(shape, '{_area(1)}')",)),
    ("doc", "STL_SORT", {"json_path": 'doc["n"]', "json_cast_type": "DOUBLE"}, ('doc["n"] == 4242',)),
    ("doc", "AUTOINDEX", {"json_path": 'doc["s"]', "json_cast_type": "VARCHAR"}, ('doc["s"] == "s7"',)),
]  # fmt: skip
_RARE_WORDS = {"gneiss": 0.001, "basalt": 0.01}
_CALLS = 20
_SLOW_S = 0.005
_WORDS = ["stone", "river", "maple", "cloud", "iron", "velvet", "amber", "north", "ebony", "wild", "marsh", "copper"]


@dataclass(frozen=True)
class Rows:
    """The columns of one segment, in memory."""

    row_count: int
    columns: dict[str, pa.Array]

    def column(self, name: str) -> pa.Array:
        return self.columns[name]

    def numbers(self, name: str) -> npt.NDArray[Any] | None:
        return full_numbers(self.column(name))

    def strings(self, name: str) -> pa.Array:
        return self.columns[name]

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:
        """None: the text is what filters read."""
        del name, path
        return None


def schema() -> Schema:
    return Schema(
        (
            Field("id", DataType.INT64, is_primary=True),
            Field("number", DataType.INT64),
            Field("small", DataType.INT32),
            Field("price", DataType.DOUBLE),
            Field("title", DataType.VARCHAR),
            Field("label", DataType.VARCHAR),
            Field("text", DataType.VARCHAR),
            Field("tags", DataType.ARRAY, element_type=DataType.INT32, max_capacity=8),
            Field("place", DataType.GEOMETRY),
            Field("shape", DataType.GEOMETRY),
            Field("doc", DataType.JSON),
        )
    )


def rows(count: int) -> Rows:
    rng = np.random.default_rng(5)
    words = rng.choice(len(_WORDS), (count, 6))
    texts = [" ".join([_WORDS[word] for word in row]) for row in words.tolist()]
    for row in rng.choice(count, 50, replace=False).tolist():
        texts[row] += " quartz"
    numbers = rng.integers(0, count, count)
    tags = pa.array(rng.integers(0, 1000, count * 4).astype(np.int32))
    documents = [
        f'{{"n": {number % 100_000}, "s": "s{number % 50}", "more": "{number}"}}' for number in numbers.tolist()
    ]
    corners = np.column_stack((rng.uniform(-180, 180, count), rng.uniform(-90, 90, count)))
    sides = rng.uniform(0.001, 0.1, (count, 2))
    shapes = shapely.box(corners[:, 0], corners[:, 1], corners[:, 0] + sides[:, 0], corners[:, 1] + sides[:, 1])
    columns = {
        "number": pa.array(numbers),
        "small": pa.array(rng.integers(0, 100, count).astype(np.int32)),
        "price": pa.array(rng.random(count) * 1000),
        "title": pa.array([f"item {number} of many" for number in rng.integers(0, count, count).tolist()]),
        "label": pa.array([f"label {number}" for number in rng.integers(0, 50, count).tolist()]),
        "text": pa.array(texts),
        "tags": pa.ListArray.from_arrays(pa.array(np.arange(0, count * 4 + 1, 4, dtype=np.int32)), tags),
        "place": pa.array(list(shapely.to_wkb(shapely.points(corners), flavor="iso")), pa.binary()),
        "shape": pa.array(list(shapely.to_wkb(shapes, flavor="iso")), pa.binary()),
        "doc": pa.array(documents),
    }
    return Rows(count, columns)


def timed(work: Callable[[], object], calls: int) -> float:
    """Seconds of this thread for one of some calls in a row: other programs take turns on a shared machine."""
    started = time.thread_time()
    for _ in range(calls):
        work()
    return (time.thread_time() - started) / calls


def compared(row_filter: Filter, source: Rows, indexes: SegmentPredicates, repeats: int) -> tuple[float, float, Bitset]:
    """Seconds of the scan and of the index (medians), and the rows found, which are the same."""
    scanned = row_filter.evaluate(source)
    assert row_filter.evaluate(source, indexes) == scanned, str(row_filter)
    scans, lookups = [], []
    is_slow = timed(lambda: row_filter.evaluate(source), 1) > _SLOW_S
    for _ in range(repeats):
        source.columns["price"].to_numpy().sum()
        scans.append(timed(lambda: row_filter.evaluate(source), 1 if is_slow else _CALLS))
        lookups.append(timed(lambda: row_filter.evaluate(source, indexes), _CALLS))
    return statistics.median(scans), statistics.median(lookups), scanned


def lines(source: Rows, repeats: int) -> Iterator[str]:
    yield "| index | built in, s | B/row | filter | rows found | scan, us | index, us | ratio |"
    yield "|---|--:|--:|---|--:|--:|--:|--:|"
    of_rows = schema()
    for field_name, index_type, params, filters in _CASES:
        kind, checked = check_scalar_index(of_rows.field(field_name), index_type, params)
        definition = IndexDefinition("i", field_name, kind, params=checked)
        started = time.perf_counter()
        files = build_scalar_index(scalar_column(of_rows, definition, source), kind, checked, BuildContext())
        built_s = time.perf_counter() - started
        size = sum(memoryview(content).nbytes for content in files.values()) / source.row_count
        index = open_scalar_index({name: pa.py_buffer(content) for name, content in files.items()}, source.row_count)
        path = definition_path(of_rows, definition)
        steps, cast = (None, "") if path is None else (path.steps, checked["json_cast_type"])
        on_field = FieldIndex("i", field_name, index, steps, cast)
        indexes = SegmentPredicates(lambda name, on_field=on_field: [on_field] if name == on_field.field_name else [])
        for text in filters:
            row_filter = compile_filter(text, of_rows)
            scan_s, index_s, found = compared(row_filter, source, indexes, repeats)
            told = f"{index_type} on {of_rows.field(field_name).type_label()}"
            cost = f"{built_s:.2f} | {size:.1f}"
            times = f"{scan_s * 1e6:.0f} | {index_s * 1e6:.0f} | {scan_s / index_s:.1f}"
            yield f"| {told} | {cost} | `{text}` | {found.count()} | {times} |"


def like_lines(source: Rows, repeats: int) -> Iterator[str]:
    """Texts in ever more rows: pyarrow over the plain column, our scan, and the index, in turn."""
    yield "| share of rows | pyarrow, ms | scan, ms | index, ms | pyarrow / index |"
    yield "|--:|--:|--:|--:|--:|"
    rng, strings = np.random.default_rng(6), source.columns["text"].to_pylist()
    for word, share in _RARE_WORDS.items():
        for row in rng.choice(source.row_count, int(share * source.row_count), replace=False).tolist():
            strings[row] += f" {word}"
    texts = pa.array(strings)
    rows_with = Rows(source.row_count, {**source.columns, "text": texts})
    field = schema().field("text")
    kind, checked = check_scalar_index(field, "NGRAM", {"min_gram": 2, "max_gram": 3})
    column = scalar_column(schema(), IndexDefinition("i", "text", kind, params=checked), rows_with)
    files = build_scalar_index(column, kind, checked, BuildContext())
    index = open_scalar_index({name: pa.py_buffer(content) for name, content in files.items()}, source.row_count)
    indexes = SegmentPredicates(lambda name: [FieldIndex("i", "text", index)] if name == "text" else [])
    for text in ("quartz", *_RARE_WORDS, "iron velvet", "amber nor"):
        row_filter = compile_filter(f"text like '%{text}%'", schema())
        arrow = statistics.median(timed(lambda text=text: pc.match_substring(texts, text), 1) for _ in range(repeats))
        scan_s, index_s, found = compared(row_filter, rows_with, indexes, repeats)
        times = f"{arrow * 1e3:.1f} | {scan_s * 1e3:.2f} | {index_s * 1e3:.2f} | {arrow / index_s:.0f}"
        yield f"| {100 * found.count() / source.row_count:.3f} % | {times} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    source = rows(options.rows)
    for line in lines(source, options.repeats):
        print(line, flush=True)
    print()
    for line in like_lines(source, options.repeats):
        print(line, flush=True)


if __name__ == "__main__":
    main()
