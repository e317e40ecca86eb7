"""Real data sets as rows with typed fields, a JSON document and dynamic keys; the same rows for another engine.

The folder of the data is `ELANUS_REAL_DATA`, or `shared/data` beside the project; `real_tables` is empty without it.
"""

import datetime as dt
import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["NAMES", "RealTable", "data_folder", "real_table"]

NAMES: Final = ("movies", "pc_parts", "cmoa", "cities")

_ROOT: Final = Path(__file__).parents[2]
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DATA_TYPES: Final = {
    "int32": DataType.INT32,
    "int64": DataType.INT64,
    "float": DataType.FLOAT,
    "double": DataType.DOUBLE,
    "bool": DataType.BOOL,
    "varchar": DataType.VARCHAR,
    "time": DataType.TIMESTAMPTZ,
    "json": DataType.JSON,
}
_ARROW: Final = {
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "varchar": pa.string(),
    "time": pa.timestamp("us"),
    "json": pa.string(),
    "meta": pa.string(),
}


@dataclass(frozen=True)
class RealTable:
    """Rows of a data set.

    Attributes:
        types: the kind of every field but the key, as in `tests.reference.filter_reference`.
        columns: values by field; `json` and `meta` as text, times as microseconds since 1970.
    """

    name: str
    types: dict[str, str]
    columns: dict[str, list[Any]]

    @property
    def row_count(self) -> int:
        return len(self.columns["id"])

    def schema(self) -> Schema:
        """The fields, a key and a vector."""
        fields = [Field("id", DataType.INT64, is_primary=True), Field("vector", DataType.FLOAT_VECTOR, dim=2)]
        for name, kind in self.types.items():
            element = kind.removeprefix("array:")
            if kind.startswith("array:"):
                of = _DATA_TYPES[element]
                fields.append(Field(name, DataType.ARRAY, element_type=of, max_capacity=4096, nullable=True))
            elif kind != "meta":
                fields.append(Field(name, _DATA_TYPES[kind], nullable=True))
        return Schema(tuple(fields), enable_dynamic_field=True)

    def arrow(self) -> pa.Table:
        """The key and the fields, for another engine."""
        arrays: dict[str, pa.Array] = {"id": pa.array(self.columns["id"], pa.int64())}
        for name, kind in self.types.items():
            element = _ARROW[kind.removeprefix("array:")]
            arrays[name] = pa.array(self.columns[name], pa.list_(element) if kind.startswith("array:") else element)
        return pa.table(arrays)

    def rows(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Rows to insert."""
        picked = []
        for row in range(start, min(stop, self.row_count)):
            values: dict[str, Any] = {"id": self.columns["id"][row], "vector": [0.0, 0.0]}
            for name, kind in self.types.items():
                value = self.columns[name][row]
                if kind == "meta":
                    values |= json.loads(value)
                elif kind == "json" and value is not None:
                    values[name] = json.loads(value)
                elif kind == "time" and value is not None:
                    values[name] = (_EPOCH + dt.timedelta(microseconds=value)).isoformat()
                else:
                    values[name] = value
            picked.append(values)
        return picked


def data_folder() -> Path | None:
    """Where the data sets lie, if they are there."""
    folder = Path(os.environ.get("ELANUS_REAL_DATA", _ROOT.parent / "shared" / "data"))
    return folder if (folder / "json" / "movies" / "movies.parquet").exists() else None


@functools.cache
def real_table(name: str) -> RealTable:
    """A data set by its name in `NAMES`."""
    makers: dict[str, Callable[[Path], RealTable]] = {
        "movies": _movies,
        "pc_parts": _pc_parts,
        "cmoa": _cmoa,
        "cities": _cities,
    }
    folder = data_folder()
    assert folder is not None, "the data sets are not there; name their folder in ELANUS_REAL_DATA"
    return makers[name](folder)


def _documents(folder: Path, name: str) -> tuple[pa.Table, list[str], list[Any]]:
    table = pq.read_table(folder / "json" / name / f"{name}.parquet")
    texts = table.column("doc").to_pylist()
    return table, texts, [json.loads(text) for text in texts]


def _of_kind(values: list[Any], kind: type | tuple[type, ...]) -> list[Any]:
    return [value if isinstance(value, kind) and not isinstance(value, bool) else None for value in values]


def _movies(folder: Path) -> RealTable:
    table, texts, documents = _documents(folder, "movies")
    inside = ("thumbnail_width", "thumbnail_height", "href", "genres")
    return RealTable(
        "movies",
        {
            "title": "varchar",
            "year": "int32",
            "width": "int64",
            "cast": "array:varchar",
            "doc": "json",
            "$meta": "meta",
        },
        {
            "id": table.column("id").to_pylist(),
            "title": [document.get("title") for document in documents],
            "year": [document.get("year") for document in documents],
            "width": [document.get("thumbnail_width") for document in documents],
            "cast": [document.get("cast") for document in documents],
            "doc": texts,
            "$meta": [json.dumps({key: row[key] for key in inside if key in row}) for row in documents],
        },
    )


def _pc_parts(folder: Path) -> RealTable:
    table, texts, documents = _documents(folder, "pc_parts")
    prices = _of_kind([document.get("price") for document in documents], (int, float))
    inside = ("color", "modules", "wattage", "modular", "speed")
    return RealTable(
        "pc_parts",
        {
            "category": "varchar",
            "name": "varchar",
            "price": "double",
            "price32": "float",
            "cheap": "bool",
            "doc": "json",
            "$meta": "meta",
        },
        {
            "id": table.column("id").to_pylist(),
            "category": table.column("category").to_pylist(),
            "name": _of_kind([document.get("name") for document in documents], str),
            "price": prices,
            "price32": prices,
            "cheap": [None if price is None else price < 50 for price in prices],
            "doc": texts,
            "$meta": [json.dumps({key: row[key] for key in inside if key in row}) for row in documents],
        },
    )


def _cmoa(folder: Path) -> RealTable:
    table, texts, documents = _documents(folder, "cmoa")
    inside = ("classification", "department", "images", "item_width")
    return RealTable(
        "cmoa",
        {
            "title": "varchar",
            "medium": "varchar",
            "width32": "float",
            "made": "time",
            "acquired": "time",
            "irns": "array:int64",
            "doc": "json",
            "$meta": "meta",
        },
        {
            "id": table.column("id").to_pylist(),
            "title": _of_kind([document.get("title") for document in documents], str),
            "medium": _of_kind([document.get("medium") for document in documents], str),
            "width32": _of_kind([document.get("item_width") for document in documents], (int, float)),
            "made": [_microseconds(document.get("creation_date_earliest")) for document in documents],
            "acquired": [_microseconds(document.get("date_acquired")) for document in documents],
            "irns": [[image["irn"] for image in document.get("images") or []] for document in documents],
            "doc": texts,
            "$meta": [json.dumps({key: row[key] for key in inside if key in row}) for row in documents],
        },
    )


def _cities(folder: Path) -> RealTable:
    table = pq.read_table(folder / "geo" / "cities.parquet")
    columns = table.to_pydict()
    rows = table.to_pylist()
    names = ("name", "country_code", "lat", "lon", "population", "timezone")
    typed = {name: columns[name] for name in names}
    return RealTable(
        "cities",
        {
            "name": "varchar",
            "country_code": "varchar",
            "lat": "double",
            "lon": "float",
            "population": "int64",
            "timezone": "varchar",
            "updated": "time",
            "doc": "json",
            "$meta": "meta",
        },
        {
            "id": columns["id"],
            **typed,
            "updated": [_microseconds(text) for text in columns["updated_at"]],
            "doc": [json.dumps({key: row[key] for key in ("native", "wikidata", "population", "lat")}) for row in rows],
            "$meta": [
                json.dumps({key: row[key] for key in ("type", "state_code", "native") if row[key] is not None})
                for row in rows
            ],
        },
    )


def _microseconds(text: Any) -> int | None:
    """A date or time in ISO form, without a zone, as UTC; None for what is none."""
    try:
        moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    except (TypeError, ValueError):
        return None
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)
