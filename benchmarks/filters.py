"""Filters over one sealed segment, each beside what else could answer it, and JSON with and without shredding.

    python benchmarks/filters.py [--rows 1000000] [--rounds 5] [--out result.json]

Ratios are CPU time of the other side over ours, medians over rounds in which both take turns. Others: NumPy and pyarrow
over the plain columns; msgspec decodes the one path, typed, from the text; DuckDB, where it is installed, has a VARCHAR
column of the documents and one thread; "text" is what a segment without shredding does.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import elanus
from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.layout import TIMESTAMP_COLUMN
from elanus.expr.filter import compile_filter
from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.local import LocalStore
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from elanus.storage.segment.reader import SealedSegment, open_segment
from elanus.storage.segment.shredding import ShreddingRules
from elanus.storage.segment.writer import write_segment

try:
    import duckdb
except ImportError:
    duckdb = None

_WORDS = ("vector", "database", "search", "filter", "column", "segment", "commit", "index", "query", "recall")
_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sv", "da", "fi")
_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True, field_id=100),
        Field("number", DataType.INT64, field_id=101),
        Field("lang", DataType.VARCHAR, max_length=64, field_id=102),
        Field("title", DataType.VARCHAR, max_length=512, field_id=103),
        Field("tags", DataType.ARRAY, element_type=DataType.INT64, max_capacity=8, field_id=104),
        Field("doc", DataType.JSON, field_id=105),
        Field("vector", DataType.FLOAT_VECTOR, dim=2, nullable=True, field_id=106),
    )
)
_STORED = _SCHEMA.fields[:-1]


class TextOnly:
    """A segment that reads JSON from its text, as growing rows are."""

    def __init__(self, segment: SealedSegment) -> None:
        self.row_count = segment.row_count
        self.column = self.strings = segment.column
        self.numbers = segment.numbers

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:  # noqa: ARG002
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", help="folder for the files")
    parser.add_argument("--out", help="write the results there as JSON")
    options = parser.parse_args()
    columns = make_columns(options.rows)
    with tempfile.TemporaryDirectory(prefix="elanus-bench-", dir=options.work) as folder:
        results: dict[str, Any] = {"rows": options.rows, "seal": {}}
        settings = Settings()
        rules = ShreddingRules(settings.json_shredding_path_count_max, settings.json_shredding_share_min)
        plain = sealed(Path(folder) / "plain", columns, None, results["seal"])
        segment = sealed(Path(folder) / "shredded", columns, rules, results["seal"])
        results["ratios"] = dict(ratios(segment, columns, options.rounds))
        results["in 1,000,000 ids, ms"] = in_many(segment, options.rounds)
        results["json queries"] = json_queries(segment, plain)
        results["tiny collection, us"] = tiny_overhead(Path(folder) / "tiny")
    print(json.dumps(results, indent=1))
    if options.out:
        Path(options.out).write_text(json.dumps(results, indent=1), encoding="utf-8")


def make_columns(row_count: int) -> dict[str, pa.Array]:
    rng = np.random.default_rng(7)
    languages = rng.integers(0, len(_LANGUAGES), row_count)
    words = rng.integers(0, len(_WORDS), (row_count, 6))
    numbers = rng.integers(0, 1_000_000, row_count)
    prices = np.round(rng.random(row_count) * 1000, 2)
    filler = " ".join(_WORDS) * 5
    titles = [" ".join(_WORDS[word] for word in row) for row in words.tolist()]
    documents = [
        f'{{"id":{row},"year":{1950 + number % 75},"price":{price},"lang":"{_LANGUAGES[lang]}",'
        f'"maker":{{"name":"maker {number % 5000}","city":"city {number % 200}","age":{number % 70}}},'
        f'"tags":[{number % 7},{number % 11},{number % 13}],"words":["{_WORDS[number % 10]}","{_WORDS[number % 9]}"],'
        f'"title":"{title}","text":"{filler[: 245 + number % 40]}"' + (f',"rare":{row}}}' if row % 100 == 0 else "}")
        for row, number, price, lang, title in zip(
            range(row_count), numbers.tolist(), prices.tolist(), languages.tolist(), titles, strict=True
        )
    ]
    offsets = np.arange(0, 3 * row_count + 1, 3, dtype=np.int32)
    return {
        "id": pa.array(np.arange(row_count)),
        "number": pa.array(numbers),
        "lang": pa.array([_LANGUAGES[lang] for lang in languages.tolist()]),
        "title": pa.array(titles),
        "tags": pa.ListArray.from_arrays(pa.array(offsets), pa.array(rng.integers(0, 1000, 3 * row_count))).cast(
            pa.list_(pa.field("item", pa.int64(), nullable=True))
        ),
        "doc": pa.array(documents),
        TIMESTAMP_COLUMN: pa.array(np.arange(row_count, dtype=np.uint64)),
    }


def sealed(
    folder: Path, columns: dict[str, pa.Array], rules: ShreddingRules | None, results: dict[str, Any]
) -> SealedSegment:
    store = LocalStore(LocalDisk(folder))
    start = time.process_time()
    made = write_segment(
        store, "segment", 1, _STORED, lambda name: [columns[name]], row_count=len(columns["doc"]), shredding=rules
    )
    name = "plain" if rules is None else "shredded"
    results[f"{name}, CPU s"] = round(time.process_time() - start, 2)
    results[f"{name}, MiB"] = made.meta.size_bytes() >> 20
    results["document text, MiB"] = columns["doc"].nbytes >> 20
    segment = open_segment(store, "segment", made.meta_crc32c, _STORED)
    segment.verify()
    return segment


def ratios(segment: SealedSegment, columns: dict[str, pa.Array], rounds: int) -> Iterator[tuple[str, Any]]:
    numbers, lang, title = columns["number"].to_numpy(), columns["lang"], columns["title"]
    tags = columns["tags"]
    some = pa.array(["de", "fr", "xx"])

    def array_contains() -> Any:
        hits = pc.equal(tags.flatten(), 77)
        return pc.unique(pc.list_parent_indices(tags).filter(hits))

    others: dict[str, Callable[[], Any]] = {
        "number >= 250000 and number < 500000": lambda: (numbers >= 250_000) & (numbers < 500_000),
        'lang == "de"': lambda: pc.equal(lang, "de"),
        'lang in ["de", "fr", "xx"]': lambda: pc.is_in(lang, some),
        'title like "%commit in%"': lambda: pc.match_substring(title, "commit in"),
        "array_contains(tags, 77)": array_contains,
    }
    for text, other in others.items():
        compiled = compile_filter(text, _SCHEMA)
        yield text, compared(lambda compiled=compiled: compiled.evaluate(segment), other, rounds)
    database = duck(columns["doc"])
    asked: dict[str, tuple[str, tuple[str, ...], Any, Callable[[Any], bool]]] = {
        'doc["year"] > 2000': (
            "CAST(json_extract(doc, '$.year') AS BIGINT) > 2000", ("year",), int, lambda year: year > 2000,
        ),
        'doc["price"] < 10.5': (
            "CAST(json_extract(doc, '$.price') AS DOUBLE) < 10.5", ("price",), float, lambda price: price < 10.5,
        ),
        'doc["lang"] == "de"': (
            "json_extract_string(doc, '$.lang') = 'de'", ("lang",), str, lambda lang: lang == "de",
        ),
        'doc["maker"]["city"] == "city 7"': (
            "json_extract_string(doc, '$.maker.city') = 'city 7'", ("maker", "city"), str,
            lambda city: city == "city 7",
        ),
        'doc["maker"]["name"] like "%99%"': (
            "json_extract_string(doc, '$.maker.name') LIKE '%99%'", ("maker", "name"), str, lambda name: "99" in name,
        ),
        'json_contains(doc["tags"], 5)': (
            "list_contains(CAST(json_extract(doc, '$.tags') AS BIGINT[]), 5)", ("tags",), list[int],
            lambda tags: 5 in tags,
        ),
        'doc["rare"] > 500000': (
            "CAST(json_extract(doc, '$.rare') AS BIGINT) > 500000", ("rare",), int | None,
            lambda rare: rare is not None and rare > 500_000,
        ),
    }  # fmt: skip
    text_only = TextOnly(segment)
    texts = columns["doc"].to_pylist()
    for text, (sql, keys, kind, test) in asked.items():
        compiled = compile_filter(text, _SCHEMA)
        ours = lambda compiled=compiled: compiled.evaluate(segment)  # noqa: E731
        by_text = lambda compiled=compiled: compiled.evaluate(text_only)  # noqa: E731
        assert ours() == by_text()
        decoded = lambda keys=keys, kind=kind, test=test: by_msgspec(texts, keys, kind, test)  # noqa: E731
        assert decoded() == ours().count(), text
        found = {"msgspec": compared(ours, decoded, min(rounds, 3)), "text": compared(ours, by_text, min(rounds, 3))}
        if database is not None:
            query = f"SELECT count(*) FROM documents WHERE {sql}"
            assert database.execute(query).fetchone()[0] == ours().count(), text
            found["DuckDB"] = compared(ours, lambda query=query: database.execute(query).fetchall(), min(rounds, 3))
        yield text, found


def by_msgspec(texts: list[str], keys: tuple[str, ...], kind: Any, test: Callable[[Any], bool]) -> int:
    """How many texts pass, each decoded to the one typed value."""
    wanted = kind
    for key in reversed(keys):
        default = None if kind == int | None else msgspec.NODEFAULT
        wanted = msgspec.defstruct("Level", [("value", wanted, default)], rename={"value": key}, gc=False)
    decode = msgspec.json.Decoder(wanted).decode
    if len(keys) == 1:
        return sum([test(decode(text).value) for text in texts])
    return sum([test(decode(text).value.value) for text in texts])


def duck(documents: pa.Array) -> Any:
    if duckdb is None:
        return None
    database = duckdb.connect(config={"threads": 1})
    database.register("arrow_documents", pa.table({"doc": documents}))
    database.execute("CREATE TABLE documents AS SELECT doc FROM arrow_documents")
    return database


def compared(ours: Callable[[], Any], other: Callable[[], Any], rounds: int) -> dict[str, float]:
    ours()
    other()
    times = [(cpu_ms(ours), cpu_ms(other)) for _ in range(rounds)]
    return {
        "ms": round(statistics.median(one for one, _ in times), 3),
        "other ms": round(statistics.median(two for _, two in times), 3),
        "ratio": round(statistics.median(two / one for one, two in times), 1),
    }


def cpu_ms(work: Callable[[], Any]) -> float:
    """CPU time of one call; short ones are repeated until the clock can tell."""
    count, start = 0, time.process_time()
    while True:
        work()
        count += 1
        elapsed = time.process_time() - start
        if elapsed > 0.02:
            return 1000 * elapsed / count


def in_many(segment: SealedSegment, rounds: int) -> dict[str, float]:
    """1,000,000 ids in a list, as text, as a parameter, and the evaluation alone."""
    ids = np.random.default_rng(3).permutation(4 * segment.row_count)[:1_000_000]
    compiled = compile_filter("id in {ids}", _SCHEMA, {"ids": ids})
    compiled.evaluate(segment)
    return {
        "evaluate": round(statistics.median(cpu_ms(lambda: compiled.evaluate(segment)) for _ in range(rounds)), 1),
        "bind": round(cpu_ms(lambda: compile_filter("id in {ids}", _SCHEMA, {"ids": ids})), 1),
    }


def json_queries(shredded: SealedSegment, plain: SealedSegment) -> dict[str, Any]:
    """Latency and rate of whole filters, one after another in one thread, with and without shredding."""
    texts = ['doc["year"] == 1999', 'doc["price"] < 5 and doc["lang"] == "de"', 'doc["maker"]["city"] == "city 7"']
    found: dict[str, Any] = {}
    for name, segment, count in (("with", shredded, 300), ("without", plain, 5)):
        for text in texts:
            compiled = compile_filter(text, _SCHEMA)
            compiled.evaluate(segment)
            times, cpu_start = [], time.process_time()
            for _ in range(count):
                start = time.perf_counter()
                compiled.evaluate(segment)
                times.append(1000 * (time.perf_counter() - start))
            cpu = time.process_time() - cpu_start
            p50, p99 = np.percentile(times, [50, 99])
            found.setdefault(text, {})[name] = {
                "p50 ms": round(float(p50), 2),
                "p99 ms": round(float(p99), 2),
                "QPS": round(1000 / statistics.mean(times), 1),
                "CPU ms": round(1000 * cpu / count, 2),
            }
    return found


def tiny_overhead(folder: Path) -> dict[str, float]:
    """What a filter adds to a search of ten rows."""
    with elanus.connect(folder, background_maintenance=False) as database:
        schema = Schema(
            (
                Field("id", DataType.INT64, is_primary=True),
                Field("vector", DataType.FLOAT_VECTOR, dim=4),
                Field("number", DataType.INT32),
            ),
            enable_dynamic_field=True,
        )
        collection = database.create_collection("tiny", schema)
        collection.insert([{"id": row, "vector": [float(row)] * 4, "number": row, "key": row} for row in range(10)])
        query = np.ones(4, np.float32)
        found = {}
        for state in ("growing", "sealed"):
            base = search_us(collection, query, lambda _: "")
            for name in ("number", "key"):
                same = search_us(collection, query, lambda _, name=name: f"{name} < 5")
                other = search_us(collection, query, lambda turn, name=name: f"{name} < {turn + 5}")
                found[f"{state}: {name} < 5, again and again"] = round(same - base, 1)
                found[f"{state}: {name} < another number each time"] = round(other - base, 1)
            collection.flush()
        return found


def search_us(collection: Any, query: Any, text_of: Callable[[int], str]) -> float:
    """CPU time of a search, least of some rounds; results of a filter are kept while nothing is written."""
    times = []
    for turn in range(7):
        start = time.process_time()
        for number in range(500):
            collection.search(query, limit=3, filter=text_of(500 * turn + number))
        times.append((time.process_time() - start) / 500 * 1e6)
    return min(times)


if __name__ == "__main__":
    main()
