"""Graphs on disk in NumPy and Python: `native/src/algo/{block_order,neighbour_codes,disk_walk,disk_query}`.

Blocks are read from memory, which maps the file.
"""

import heapq
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats, Rows, Words
from elanus.kernels.placement import CodesInMemory, DiskCoding, DiskEntries, DiskLayout, DiskPlan, FilePart
from elanus.kernels.reference.arguments import mask_of
from elanus.kernels.reference.checksum import crc32c
from elanus.kernels.reference.codes import CodeQuery, CodeSpace, decode_tails, estimates, unpack
from elanus.kernels.reference.distance import score_rows
from elanus.kernels.reference.graph import Keep, Walk, can_be_compared, prepared_query

__all__ = ["DiskGraph", "NeighbourCoder", "block_order"]

_HEAD_BYTES = 8
_CHECKSUM_BYTES = 4
_VARIANCE_MIN = 1e-30
_DEVIATIONS = 2.5
_KEPT_GROWTH = 4

Nodes = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]


def block_order(links: Nodes, entries: Nodes, block_nodes: int) -> Nodes:
    """As `kernels.disk.block_order`."""
    if block_nodes < 1:
        raise ValueError("block_nodes must be 1 or more")
    count = len(links)
    neighbours = [[int(link) for link in _nodes_of(own, count)] for own in links]
    order: list[int] = []
    placed: set[int] = set()
    waiting = [*entries.tolist(), *range(count)]
    reached: list[int] = waiting[: len(entries)]
    while len(order) < count:
        block: list[int] = []
        place = 0
        while len(block) < min(block_nodes, count - len(order)):
            if place == len(block):
                seed = next((node for node in reached if node not in placed), None)
                block.append(next(node for node in range(count) if node not in placed) if seed is None else seed)
                placed.add(block[-1])
            for node in neighbours[block[place]]:
                if node not in placed and len(block) < min(block_nodes, count - len(order)):
                    block.append(node)
                    placed.add(node)
            place += 1
        order += block
        reached += [node for own in block for node in neighbours[own] if node not in placed]
    return np.array(order, np.uint32)


def _nodes_of(links: Nodes, node_count: int) -> Nodes:
    """The links before the first that is no node."""
    ends = np.flatnonzero(links >= node_count)
    return links[: ends[0]] if len(ends) else links


class NeighbourCoder:
    """Writes codes of neighbours."""

    def __init__(self, center: Floats, bits: int, seed: int, with_norms: bool) -> None:  # noqa: FBT001 (as native)
        self._space = CodeSpace(center, bits, seed)
        self._norm_weight = 1.0 if with_norms else 0.0
        self.code_bytes = self._space.width // 8 + _HEAD_BYTES

    def encode(self, codes: Bytes, nodes: Nodes, links: Nodes) -> Bytes:
        """As `backend.NeighbourCoder.encode`."""
        rows = codes.reshape(-1, self._space.stride)
        result = np.zeros((len(nodes), links.shape[1], self.code_bytes), np.uint8)
        for place, (node, own_links) in enumerate(zip(nodes.tolist(), links, strict=True)):
            linked = _nodes_of(own_links, len(rows))
            if len(linked):
                result[place, : len(linked)] = self._encoded(rows[[node]], rows[linked])
        return result.reshape(len(nodes), -1)

    def _encoded(self, own_row: Bytes, rows: Bytes) -> Bytes:
        own, others = self._decoded(own_row)[0], self._decoded(rows)
        ways = others - own
        signs = np.where(ways > 0, 1.0, -1.0)
        exact, own_exact = ways.astype(np.float64), own.astype(np.float64)
        lengths = np.abs(exact).sum(axis=1)
        steps = np.divide((exact * exact).sum(axis=1), lengths, out=np.zeros(len(rows)), where=lengths > 0)
        corrections = exact @ own_exact - steps * (signs @ own_exact)
        norms = decode_tails(rows)["norm"].astype(np.float64) - float(decode_tails(own_row)["norm"][0])
        heads = np.stack([steps, self._norm_weight * norms - 2 * corrections], axis=1).astype(np.float32)
        bits = np.packbits(ways > 0, axis=1, bitorder="little")
        return np.concatenate([heads.view(np.uint8), bits], axis=1)

    def _decoded(self, rows: Bytes) -> Floats:
        tails = decode_tails(rows)
        scaled = tails["scale"][:, None] * unpack(self._space, rows).astype(np.float32)
        return np.asarray(scaled + tails["offset"][:, None], np.float32)


class DiskGraph:
    """A graph to be searched."""

    def __init__(
        self,
        layout: DiskLayout,
        blocks: Bytes,
        file: FilePart | None,
        memory: CodesInMemory | None,
        entries: DiskEntries,
        coding: DiskCoding,
    ) -> None:
        del file
        self._space = CodeSpace(coding.center, coding.bits, coding.seed)
        self._layout = layout
        self._own_bytes = self._space.stride if layout.has_codes else 0
        self._neighbour_bytes = self._space.width // 8 + _HEAD_BYTES
        self._record_bytes = self._own_bytes + 4 + 4 * layout.degree + layout.inline_count * self._neighbour_bytes
        self._per_block = (layout.block_bytes - _CHECKSUM_BYTES) // self._record_bytes
        if self._per_block < 1 or len(blocks) != -(-layout.node_count // self._per_block) * layout.block_bytes:
            raise ValueError(f"blocks has {len(blocks)} bytes, which the layout does not fit")
        if len(entries.nodes) == 0 or int(entries.nodes.max()) >= layout.node_count:
            raise ValueError("entries.nodes is empty or names what is no node")
        self._blocks = blocks.reshape(-1, layout.block_bytes)
        self._memory = memory
        self._entries = entries
        self._checked: set[int] = set()
        for number in range(min(layout.held_block_count, len(self._blocks))):
            self._check(number)

    def search(
        self,
        metric: str,
        queries: npt.NDArray[Any],
        base: npt.NDArray[Any],
        base_file: FilePart | None,
        plan: DiskPlan,
        allow: Words | None,
    ) -> tuple[Floats, Rows, npt.NDArray[np.int64]]:
        """As `backend.DiskGraph.search`; every row met is scored."""
        del base_file
        if plan.k < 1 or plan.breadth < plan.k:
            raise ValueError("k must be 1 or more and breadth k or more")
        if len(base) != self._layout.row_count:
            raise ValueError("base does not have the rows of the graph")
        allowed = None if allow is None else mask_of(allow, len(base))
        scores = np.zeros((len(queries), plan.k), np.float32)
        rows = np.full((len(queries), plan.k), -1, np.int64)
        counts = np.zeros((len(queries), 3), np.int64)
        negated = metric in {"IP", "COSINE"}
        for number, query in enumerate(queries):
            prepared = prepared_query(self._space, metric, query)
            if not can_be_compared(metric, prepared):
                continue
            ranking = _Ranking(self._space, metric, query, prepared, base, plan.k)
            search = _DiskSearch(self, prepared, plan, allowed, ranking)
            met = search.met()
            counts[number] = search.compared_count, search.read_count, len(met)
            best = ranking.best(met)
            rows[number, : len(best)] = [row for _, row in best]
            scores[number, : len(best)] = [(-key if negated else key) + 0.0 for key, _ in best]
        return scores, rows, counts

    def _check(self, number: int) -> None:
        if number in self._checked:
            return
        block = self._blocks[number]
        expected = int(block[-_CHECKSUM_BYTES:].view(np.uint32)[0])
        if crc32c(block[:-_CHECKSUM_BYTES].tobytes(), 0) != expected:
            raise ValueError(f"block {number} of the graph is damaged: its checksum is wrong")
        self._checked.add(number)

    def record(self, node: int) -> tuple[Bytes, int, list[int], Bytes]:
        """The codes of a node, its row, its links, and the codes of its first neighbours (count, bytes)."""
        layout = self._layout
        number = node // self._per_block
        self._check(number)
        start = node % self._per_block * self._record_bytes
        record = self._blocks[number, start : start + self._record_bytes]
        numbers = record[self._own_bytes : self._own_bytes + 4 + 4 * layout.degree].copy().view(np.uint32)
        if numbers[0] >= layout.row_count:
            raise ValueError("a node of the graph stands for a row beyond the column")
        neighbours = record[self._own_bytes + 4 + 4 * layout.degree :].reshape(
            layout.inline_count, self._neighbour_bytes
        )
        links = _nodes_of(numbers[1:], layout.node_count).tolist()
        return record[: self._own_bytes], int(numbers[0]), links, neighbours


class _Ranking:
    """Exact scores of one query, and how they compare with distances by codes."""

    def __init__(
        self,
        space: CodeSpace,
        metric: str,
        query: npt.NDArray[Any],
        prepared: CodeQuery,
        base: npt.NDArray[Any],
        k: int,
    ) -> None:
        self._space = space
        self.metric = metric
        self._query = query
        self._norm = float(prepared.norm)
        self._base = base
        self._k = k

    def best(self, met: list[int]) -> list[tuple[float, int]]:
        """The best of the rows as (key, row), a smaller key being nearer."""
        if not met:
            return []
        scores = score_rows(self.metric, self._query, self._base, np.array(met, np.int64))
        keys = -scores if self.metric in {"IP", "COSINE"} else scores
        return sorted(zip(keys.tolist(), met, strict=True))[: self._k]

    def may_reach(self, distance: float, deviation: float, key: float) -> bool:
        """Whether a row at a distance by its code, off by some of its `deviation`, may have that key or less."""
        match self.metric:
            case "COSINE":
                limit = 2 + 2 * key - self._norm
            case "IP":
                limit = 2 * (key + float(self._query.astype(np.float32) @ self._space.center))
            case _:
                limit = key - self._norm
        return distance - 2 * _DEVIATIONS * math.sqrt(self._norm) * deviation <= limit


class _DiskSearch:
    """One query's search."""

    def __init__(
        self,
        graph: DiskGraph,
        query: CodeQuery,
        plan: DiskPlan,
        allowed: npt.NDArray[np.bool_] | None,
        ranking: _Ranking,
    ) -> None:
        self._graph = graph
        self._ranking = ranking
        self._space = graph._space  # noqa: SLF001 (its other half)
        self._memory = graph._memory  # noqa: SLF001
        self._query = query
        self._plan = plan
        self._allowed = allowed
        self._norm_weight = 0.0 if ranking.metric == "IP" else 1.0
        self._frontier: list[tuple[float, int]] = []
        self._nearest: list[float] = []
        self._followed: set[int] = set()
        self._estimates: dict[int, tuple[float, float]] = {}
        self.compared_count = 0
        self.read_count = 0

    def met(self) -> list[int]:
        """The rows to be scored."""
        found = self._walk() if self._plan.expanded_max > 0 else None
        if found is not None:
            return found
        return [] if self._memory is None else self._scanned(self._memory)

    def _scanned(self, memory: CodesInMemory) -> list[int]:
        """The rows nearest by their codes, so many that no other may be among the best; none if those are too many."""
        codes = memory.codes.reshape(-1, self._space.stride)
        asked = np.arange(len(codes))
        if self._allowed is not None:
            asked = asked[self._allowed[memory.rows]]
        walk = Walk(self._space, np.zeros((len(codes), 1), np.uint32), codes)
        kept_max, most = self._plan.breadth, max(self._plan.breadth, self._plan.scan_kept_max)
        while True:
            walk.compared_count = 0
            nodes = walk.scan(self._query, Keep(kept_max), self._norm_weight, asked.tolist())
            self.compared_count += walk.compared_count
            met = [int(memory.rows[node]) for _, node in nodes]
            if len(met) < kept_max:
                return met
            deviation = float(decode_tails(codes[[node for _, node in nodes]])["deviation"].max())
            if not self._ranking.may_reach(nodes[-1][0], deviation, self._ranking.best(met)[-1][0]):
                return met
            if kept_max == most:
                return []
            kept_max = min(most, _KEPT_GROWTH * kept_max)

    def _walk(self) -> list[int] | None:
        entries = self._graph._entries  # noqa: SLF001
        seen = set(entries.nodes.tolist())
        self._offer(self._distances(entries.codes), entries.nodes.tolist())
        found: list[int] = []
        expanded_count = 0
        while True:
            batch: list[tuple[float, int]] = []
            while self._frontier and len(batch) < self._plan.beam_width and self._frontier[0][0] <= self._limit():
                distance, node = heapq.heappop(self._frontier)
                is_old = node not in seen and self._estimates.get(node, (0.0, distance))[1] != distance
                if not is_old and node not in self._followed:
                    self._followed.add(node)
                    batch.append((distance, node))
            if not batch:
                return found
            expanded_count += len(batch)
            if self._allowed is not None and expanded_count > self._plan.expanded_max:
                return None
            far: list[int] = []
            for distance, node in batch:
                far += self._follow(distance, node, seen, found)
            if far:
                self._offer(self._distances(np.concatenate([self._graph.record(node)[0] for node in far])), far)

    def _follow(self, distance: float, node: int, seen: set[int], found: list[int]) -> list[int]:
        """Follows a node; the neighbours whose codes are in blocks of their own."""
        codes, row, links, neighbours = self._graph.record(node)
        self.read_count += 1
        if self._memory is None:
            distance = self._distances(codes)[0]
            self.compared_count -= 1
        if self._allowed is None or self._allowed[row]:
            found.append(row)
            self._nearest = sorted([*self._nearest, distance])[: self._plan.breadth]
        near_count = min(len(links), len(neighbours))
        beside = [place for place in range(near_count) if links[place] not in self._followed | seen]
        fresh = [place for place in range(len(neighbours), len(links)) if links[place] not in seen]
        seen.update(links[len(neighbours) :])
        if self._memory is not None:
            nodes = [links[place] for place in fresh]
            rows = self._memory.codes.reshape(-1, self._space.stride)[nodes]
            self._offer(self._distances(rows) if nodes else [], nodes)
            return []
        tail = decode_tails(codes[None, :])[0]
        way = float(self._query.norm) + (1 - self._norm_weight) * float(tail["norm"]) + distance
        self._offer(
            [self._estimated(links[place], distance, neighbours[place], way) for place in beside],
            [links[place] for place in beside],
        )
        self.compared_count += len(beside)
        return [links[place] for place in fresh]

    def _estimated(self, node: int, distance: float, code: Bytes, way: float) -> float:
        """The mean of all estimates of a neighbour's distance, by the inverse of their variances."""
        step, _ = code[:_HEAD_BYTES].copy().view(np.float32)
        weight = 1 / max(_VARIANCE_MIN, float(step) ** 2 * way)
        before, mean = self._estimates.get(node, (0.0, 0.0))
        estimate = self._beside(distance, code)
        mean = float(np.float32(mean + (estimate - mean) * weight / (before + weight)))
        self._estimates[node] = (before + weight, mean)
        return mean

    def _beside(self, distance: float, code: Bytes) -> float:
        """The distance of a neighbour whose code lies beside the links."""
        step, offset = code[:_HEAD_BYTES].copy().view(np.float32)
        signs = 2 * np.unpackbits(code[_HEAD_BYTES:], bitorder="little").astype(np.int64) - 1
        product = self._query.scale * np.float32(signs @ self._query.elements)
        return float(np.float32(distance) + offset - 2 * step * product)

    def _distances(self, codes: Bytes) -> list[float]:
        rows = codes.reshape(-1, self._space.stride)
        self.compared_count += len(rows)
        found: list[float] = estimates(self._space, self._query, rows, self._norm_weight).tolist()
        return found

    def _limit(self) -> float:
        return math.inf if len(self._nearest) < self._plan.breadth else self._nearest[-1]

    def _offer(self, distances: list[float], nodes: list[int]) -> None:
        for distance, node in zip(distances, nodes, strict=True):
            if distance < self._limit():
                heapq.heappush(self._frontier, (distance, node))
