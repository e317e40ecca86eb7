"""What a collection means, in plain Python: lists of rows, every rule written out, nothing fast.

Rows are dicts. A key may be inserted more than once; an upsert or delete concerns every row of the key.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]


class ReferenceCollection:
    """The rows of one collection, oldest first."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def insert(self, rows: Iterable[Row]) -> None:
        self.rows += [dict(row) for row in rows]

    def upsert(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.rows = [old for old in self.rows if old["id"] != row["id"]]
            self.rows.append(dict(row))

    def merge(self, rows: Iterable[Row]) -> None:
        """A partial upsert: fields that are not given keep their value."""
        for row in rows:
            old = self.get(row["id"])
            self.upsert([{**(old or {}), **row}])

    def delete(self, keys: Iterable[Any]) -> int:
        wanted = set(keys)
        before = len(self.rows)
        self.rows = [row for row in self.rows if row["id"] not in wanted]
        return before - len(self.rows)

    def delete_where(self, predicate: Callable[[Row], bool]) -> int:
        return self.delete([row["id"] for row in self.rows if predicate(row)])

    def get(self, key: Any) -> Row | None:
        """The newest row of a key."""
        return next((row for row in reversed(self.rows) if row["id"] == key), None)

    def query(self, predicate: Callable[[Row], bool]) -> list[Row]:
        """The newest matching row of each key, by key."""
        newest: dict[Any, Row] = {}
        for row in self.rows:
            if predicate(row):
                newest[row["id"]] = row
        return [newest[key] for key in sorted(newest)]

    def count(self, predicate: Callable[[Row], bool]) -> int:
        return sum(1 for row in self.rows if predicate(row))

    def best_scores(self, vector: list[float], metric: str, predicate: Callable[[Row], bool]) -> dict[Any, float]:
        """The best score of every key that has a matching row with a vector."""
        best: dict[Any, float] = {}
        for row in self.rows:
            if row.get("v") is None or not predicate(row):
                continue
            value = score(vector, row["v"], metric)
            if row["id"] not in best or is_nearer(value, best[row["id"]], metric):
                best[row["id"]] = value
        return best


def score(left: list[float], right: list[float], metric: str) -> float:
    """In Milvus's convention: L2 squared, IP and COSINE larger is nearer."""
    product = math.fsum(a * b for a, b in zip(left, right, strict=True))
    if metric == "IP":
        return product
    if metric == "L2":
        return math.fsum((a - b) ** 2 for a, b in zip(left, right, strict=True))
    norms = math.sqrt(math.fsum(a * a for a in left)) * math.sqrt(math.fsum(b * b for b in right))
    return product / norms if norms else 0.0


def is_nearer(left: float, right: float, metric: str) -> bool:
    return left < right if metric == "L2" else left > right
