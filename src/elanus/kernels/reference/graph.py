"""Proximity graphs in NumPy and Python: `native/src/algo/{graph,graph_query,graph_build}`."""

import heapq
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats, NumberingArrays, Rows, Words
from elanus.kernels.reference.arguments import check_array, check_k, mask_of
from elanus.kernels.reference.codes import CodeQuery, CodeSpace, decode_tails, estimates
from elanus.kernels.reference.distance import score_rows

__all__ = ["Graph", "Keep", "Walk", "can_be_compared", "prepared_query"]

_NO_NODE = 0xFFFFFFFF
_SQUARE_MIN = 1e-30
_SQUARE_MAX = 1e30
_ERRORS = (1.0, 4.0)  # of walks, and of cells and scans
_KEPT_MAX = 8192
_SEEN_PER_IDLE = 2

Candidates = list[tuple[float, int]]


@dataclass(frozen=True)
class Keep:
    """Which candidates are kept: the `breadth` nearest, and those farther than the `count`-th by less than `slack`."""

    breadth: int
    count: int = 1
    slack: float = 0.0

    def limit(self, found: Candidates) -> float:
        """What a distance must be below to be taken."""
        if len(found) < self.breadth:
            return math.inf
        if self.slack <= 0 or len(found) == _KEPT_MAX:
            return found[-1][0]
        return max(found[self.breadth - 1][0], found[self.count - 1][0] + self.slack)

    def with_one(self, found: Candidates, distance: float, node: int) -> Candidates:
        """The candidates with one more, if it is taken."""
        if not distance < self.limit(found):
            return found
        found = sorted([*found, (distance, node)], key=lambda one: one[0])
        while len(found) > self.breadth and (len(found) > _KEPT_MAX or found[-1][0] >= self.limit(found)):
            found.pop()
        return found


class Walk:
    """Searches of a graph for its nearest nodes; distances are estimates by the codes."""

    def __init__(self, space: CodeSpace, links: npt.NDArray[np.uint32], rows: npt.NDArray[np.uint8]) -> None:
        """`rows` is (node_count, stride)."""
        self.space = space
        self.links = links
        self.rows = rows
        self.compared_count = 0

    def neighbours(self, node: int) -> list[int]:
        """The nodes a node is linked to."""
        found = []
        for link in self.links[node].tolist():
            if link >= len(self.rows):
                break
            found.append(link)
        return found

    def distances(self, query: CodeQuery, nodes: list[int], norm_weight: float) -> list[float]:
        """Of each node."""
        self.compared_count += len(nodes)
        found: list[float] = estimates(self.space, query, self.rows[nodes], norm_weight).tolist()
        return found

    def search(
        self,
        query: CodeQuery,
        entries: list[int],
        keep: Keep,
        norm_weight: float,
        allowed: npt.NDArray[np.bool_] | None = None,
        compared_max: int = 0,
        followed: list[int] | None = None,
    ) -> Candidates | None:
        """The nearest allowed nodes, nearest first; None when that compares more than `compared_max` under a filter.

        Nodes whose links it follows are appended to `followed`.
        """
        self.compared_count = 0
        start_distance, start = min(
            (distance, place) for place, distance in enumerate(self.distances(query, entries, norm_weight))
        )
        start = entries[start]
        seen = {start}
        frontier = [(start_distance, start)]
        found = [(start_distance, start)] if allowed is None or allowed[start] else []
        while frontier and frontier[0][0] <= keep.limit(found):
            if allowed is not None and self.compared_count > compared_max:
                return None
            distance, node = heapq.heappop(frontier)
            if allowed is None and (distance, node) not in found:
                continue
            if followed is not None:
                followed.append(node)
            fresh = [neighbour for neighbour in self.neighbours(node) if neighbour not in seen]
            seen.update(fresh)
            for near, neighbour in zip(self.distances(query, fresh, norm_weight) if fresh else [], fresh, strict=True):
                if not near < keep.limit(found):
                    continue
                heapq.heappush(frontier, (near, neighbour))
                if allowed is None or allowed[neighbour]:
                    found = keep.with_one(found, near, neighbour)
        return found

    def scan(self, query: CodeQuery, keep: Keep, norm_weight: float, nodes: list[int]) -> Candidates:
        """The nearest of `nodes`, nearest first, ties as they come."""
        found: Candidates = []
        for distance, node in zip(self.distances(query, nodes, norm_weight) if nodes else [], nodes, strict=True):
            found = keep.with_one(found, distance, node)
        return found

    def search_cells(
        self,
        query: CodeQuery,
        keep: Keep,
        norm_weight: float,
        allowed: npt.NDArray[np.bool_] | None,
        cell_starts: npt.NDArray[np.uint32],
        patience: int,
    ) -> Candidates:
        """The nearest allowed nodes of the nearest cells, until `patience` of them in a row had none to add.

        And until those are half of all seen.
        """
        heads = list(range(len(cell_starts) - 1))
        found: Candidates = []
        idle = seen = 0
        for _, cell in sorted(zip(self.distances(query, heads, norm_weight), heads, strict=True)):
            members = [cell, *range(int(cell_starts[cell]), int(cell_starts[cell + 1]))]
            members = [node for node in members if allowed is None or allowed[node]]
            if not members:
                continue
            before = found[: keep.breadth]
            for distance, node in zip(self.distances(query, members, norm_weight), members, strict=True):
                found = keep.with_one(found, distance, node)
            seen += 1
            idle = idle + 1 if found[: keep.breadth] == before else 0
            if idle >= patience and _SEEN_PER_IDLE * idle >= seen:
                break
        return found


def _check_cells(starts: npt.NDArray[np.uint32], node_count: int) -> None:
    check_array(starts, "cell_starts", np.uint32)
    count = len(starts) - 1
    if count < 1 or starts[0] != count or starts[-1] != node_count or (np.diff(starts.astype(np.int64)) < 0).any():
        raise ValueError("cell_starts must ascend from the number of cells, at least one, to that of nodes")


def prepared_query(space: CodeSpace, metric: str, query: npt.NDArray[Any]) -> CodeQuery:
    """A query of a metric among codes."""
    vector = query.astype(np.float32)
    if metric == "COSINE":
        norm = math.sqrt(float((vector.astype(np.float64) ** 2).sum()))
        vector = vector * np.float32(1 / norm if norm > 0 else 0)
    return space.prepare(vector, centred=metric != "IP")


def can_be_compared(metric: str, query: CodeQuery) -> bool:
    """Whether float32 holds the distances of a prepared query."""
    return bool(query.norm < _SQUARE_MAX and (metric != "IP" or query.norm > _SQUARE_MIN))


class Graph:
    """A graph to be searched."""

    def __init__(
        self,
        links: npt.NDArray[np.uint32],
        codes: npt.NDArray[np.uint8],
        entries: npt.NDArray[np.uint32],
        center: Floats,
        bits: int,
        seed: int,
        numbering: NumberingArrays | None,
    ) -> None:
        rows, nodes, cell_starts = numbering or (None, None, None)
        self._space = CodeSpace(center, bits, seed)
        check_array(links, "links", np.uint32, dimension_count=2)
        check_array(codes, "codes", np.uint8)
        check_array(entries, "entries", np.uint32)
        if len(codes) % self._space.stride or len(codes) == 0:
            raise ValueError(f"codes has {len(codes)} bytes, expected whole rows of {self._space.stride}")
        node_rows = codes.reshape(-1, self._space.stride)
        if len(links) != len(node_rows):
            raise ValueError(f"links has {len(links)} rows, expected {len(node_rows)} as codes")
        if len(entries) == 0 or int(entries.max()) >= len(node_rows):
            raise ValueError("entries is empty or names what is no node")
        if rows is not None and len(rows) != len(node_rows):
            raise ValueError("rows must be as many as codes")
        if cell_starts is not None:
            _check_cells(cell_starts, len(node_rows))
        self._cell_starts = cell_starts
        self._links = links
        self._node_rows = node_rows
        self._entries = entries.tolist()
        self._rows = np.arange(len(node_rows)) if rows is None else rows.astype(np.int64)
        if nodes is not None and len(nodes) <= self._rows.max():
            raise ValueError("nodes must be as many as rows of the column")
        # Allowed nodes are compared in the order of their rows where that is known.
        self._scan_order = np.arange(len(node_rows)) if nodes is None else np.argsort(self._rows)

    def search(
        self,
        metric: str,
        queries: npt.NDArray[Any],
        base: npt.NDArray[Any],
        k: int,
        breadth: int,
        allow: Words | None,
        walk_compared_max: int,
        patience: int,
    ) -> tuple[Floats, Rows, npt.NDArray[np.int64]]:
        """As `backend.Graph.search`."""
        check_k(k)
        if k < 1 or breadth < k:
            raise ValueError("k must be 1 or more and breadth k or more")
        if patience > 0 and self._cell_starts is None:
            raise ValueError("patience needs cells")
        allowed = None if allow is None else mask_of(allow, len(base))[self._rows]
        scores = np.zeros((len(queries), k), np.float32)
        rows = np.full((len(queries), k), -1, np.int64)
        compared = np.zeros(len(queries), np.int64)
        for number, query in enumerate(queries):
            walk = Walk(self._space, self._links, self._node_rows)
            prepared = prepared_query(self._space, metric, query)
            if not can_be_compared(metric, prepared):
                continue
            weight = 0.0 if metric == "IP" else 1.0
            keeps = [self._keep(prepared, k, breadth, errors if allowed is not None else 0.0) for errors in _ERRORS]
            found = None
            if walk_compared_max > 0:
                found = walk.search(prepared, self._entries, keeps[0], weight, allowed, walk_compared_max)
            if found is None and self._cell_starts is not None and patience > 0:
                found = walk.search_cells(prepared, keeps[1], weight, allowed, self._cell_starts, patience)
            if found is None:
                order = np.arange(len(self._rows)) if allowed is None else self._scan_order[allowed[self._scan_order]]
                found = walk.scan(prepared, keeps[1], weight, order.tolist())
            best = self._ranked(metric, query, base, found, k)
            for place, (key, row) in enumerate(best):
                scores[number, place] = (-key if metric in {"IP", "COSINE"} else key) + 0.0
                rows[number, place] = row
            compared[number] = walk.compared_count
        return scores, rows, compared

    def _keep(self, query: CodeQuery, k: int, breadth: int, errors: float) -> Keep:
        """Under a filter also candidates that are farther by so many times what distances are usually off."""
        deviation = float(decode_tails(self._node_rows[self._entries])["deviation"].mean())
        return Keep(breadth, k, errors * 2 * math.sqrt(query.norm) * deviation)

    def _ranked(
        self,
        metric: str,
        query: npt.NDArray[Any],
        base: npt.NDArray[Any],
        found: Candidates,
        k: int,
    ) -> list[tuple[float, int]]:
        """The best of the candidates by exact score, as (key, row), a smaller key being nearer.

        Every candidate is scored here; those the native library leaves out are too far by many deviations.
        """
        if not found:
            return []
        rows = self._rows[[node for _, node in found]]
        scores = score_rows(metric, query, base, rows)
        keys = -scores if metric in {"IP", "COSINE"} else scores
        return sorted(zip(keys.tolist(), rows.tolist(), strict=True))[:k]
