"""Building a graph in NumPy and Python: `native/src/algo/graph_build`."""

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats
from elanus.kernels.reference.arguments import check_array
from elanus.kernels.reference.codes import CodeQuery, CodeSpace, decode_tails, estimates, unpack
from elanus.kernels.reference.graph import Keep, Walk

__all__ = ["GraphBuilder"]

_NO_NODE = 0xFFFFFFFF
_SLACK = 1.3
_ENTRY_COUNT_MAX = 64
_NODES_PER_ENTRY = 64
_BATCH_SHARE = 50
_BATCH_MIN = 1024


class GraphBuilder:
    """A graph while it is built."""

    def __init__(
        self,
        codes: npt.NDArray[np.uint8],
        center: Floats,
        bits: int,
        seed: int,
        order: npt.NDArray[np.uint32],
        degree: int,
        breadth: int,
        alpha: float,
    ) -> None:
        self._space = CodeSpace(center, bits, seed)
        check_array(codes, "codes", np.uint8)
        check_array(order, "order", np.uint32)
        if len(codes) % self._space.stride or len(codes) == 0:
            raise ValueError(f"codes has {len(codes)} bytes, expected whole rows of {self._space.stride}")
        self._rows = codes.reshape(-1, self._space.stride)
        if len(order) != len(self._rows) or int(order.max()) >= len(self._rows):
            raise ValueError("order must hold every node once")
        if degree < 2 or breadth < 1:
            raise ValueError("degree must be 2 or more and breadth 1 or more")
        self._order: list[int] = order.tolist()
        self._degree, self._breadth = degree, breadth
        self._alpha_square = float(np.float32(alpha) * np.float32(alpha))
        self._capacity = int(degree * _SLACK) + 1
        self._links: list[list[int]] = [[] for _ in self._order]
        self._entries = [self._order[0]]
        self._joined_count = 1
        self._proposals: dict[int, list[int]] = {}
        self._back: dict[int, list[int]] = {}

    @property
    def joined_count(self) -> int:
        """Nodes that are in the graph."""
        return self._joined_count

    def begin_batch(self, last_max: int) -> int:
        """Where the next batch ends."""
        count = len(self._order)
        most = min(self._joined_count, max(_BATCH_MIN, count // _BATCH_SHARE))
        self._proposals = {}
        return self._joined_count + max(0, min(most, min(last_max, count) - self._joined_count))

    def propose(self, first: int, last: int) -> None:
        """Chooses links for places `first` to `last` (exclusive)."""
        for place in range(first, last):
            node = self._order[place]
            met = self._met(node)
            self._proposals[place] = self._chosen(node, met)

    def join(self, last: int) -> None:
        """Joins the batch."""
        self._back = {}
        for place in range(self._joined_count, last):
            node = self._order[place]
            self._links[node] = self._proposals[place]
            for target in self._proposals[place]:
                self._back.setdefault(target, []).append(node)
        self._joined_count = last
        entry_count = min(_ENTRY_COUNT_MAX, max(1, last // _NODES_PER_ENTRY))
        self._entries = self._order[: max(entry_count, len(self._entries))]

    def link_back(self, part: int, part_count: int) -> None:
        """Links to the nodes of the batch."""
        targets = sorted(self._back)
        for target in targets[len(targets) * part // part_count : len(targets) * (part + 1) // part_count]:
            links = [*self._links[target], *sorted(self._back[target])]
            self._links[target] = links if len(links) <= self._capacity else self._chosen(target, links)

    def trim(self, first: int, last: int) -> None:
        """Brings nodes down to the degree."""
        for node in range(first, last):
            if len(self._links[node]) > self._degree:
                self._links[node] = self._chosen(node, self._links[node])

    def nearest(self, heads: npt.NDArray[np.uint32], first: int, last: int) -> npt.NDArray[np.uint32]:
        """The place of the nearest of the heads to each node."""
        check_array(heads, "heads", np.uint32)
        if len(heads) == 0 or int(heads.max()) >= len(self._order):
            raise ValueError("heads is empty or names what is no node")
        places = [
            int(np.argmin(estimates(self._space, self._query(node), self._rows[heads], 1.0)))
            for node in range(first, last)
        ]
        return np.array(places, np.uint32)

    def connect(self) -> None:
        """Makes every node reachable from the entries."""
        reached: set[int] = set()
        for entry in self._entries:
            self._reach(entry, reached)
        for node in self._order:
            if node in reached:
                continue
            found = self._walk().search(self._query(node), self._entries, Keep(self._breadth), 1.0) or []
            self._attach(node, [near for _, near in found], reached)
            self._reach(node, reached)

    def links(self) -> npt.NDArray[np.uint32]:
        """(node_count, degree), a copy."""
        filled = np.full((len(self._order), self._degree), _NO_NODE, np.uint32)
        for node, links in enumerate(self._links):
            filled[node, : len(links)] = links
        return filled

    def entries(self) -> npt.NDArray[np.uint32]:
        """Nodes where walks begin, a copy."""
        return np.array(self._entries, np.uint32)

    def _walk(self) -> Walk:
        width = max(self._capacity, *(len(links) for links in self._links))
        links = np.full((len(self._order), width), _NO_NODE, np.uint32)
        for node, own in enumerate(self._links):
            links[node, : len(own)] = own
        return Walk(self._space, links, self._rows)

    def _met(self, node: int) -> list[int]:
        """Every node whose links a walk to `node` follows."""
        followed: list[int] = []
        self._walk().search(self._query(node), self._entries, Keep(self._breadth), 1.0, followed=followed)
        return followed

    def _query(self, node: int) -> CodeQuery:
        """A row as a query: what its codes stand for."""
        row = self._rows[node : node + 1]
        most = (1 << self._space.bits) - 1
        tail = decode_tails(row)[0]
        scale, offset = tail["scale"], tail["offset"]
        query = CodeQuery(
            2 * unpack(self._space, row)[0] - most,
            scale / np.float32(2),
            offset + scale * np.float32(most) / np.float32(2),
            scale * tail["code_sum"] + offset * np.float32(self._space.width),
            tail["norm"],
        )
        query.lift = tail["lift"]
        return query

    def _distances(self, node: int, others: list[int]) -> npt.NDArray[np.float32]:
        query = self._query(node)
        found = query.norm + estimates(self._space, query, self._rows[others], 1.0)
        return np.asarray(found, np.float32)

    def _chosen(self, node: int, candidates: list[int]) -> list[int]:
        """Of the candidates, nearest first, those that no chosen one is much nearer to."""
        others = sorted({other for other in candidates if other != node})
        own = dict(zip(others, np.maximum(0, self._distances(node, others)).tolist(), strict=True)) if others else {}
        ranked = sorted(others, key=lambda other: (own[other], other))
        occlusion = dict.fromkeys(ranked, 0.0)
        chosen: list[int] = []
        for bound in (1.0, self._alpha_square):
            for place, candidate in enumerate(ranked):
                if len(chosen) == self._degree or occlusion[candidate] > bound:
                    continue
                chosen.append(candidate)
                occlusion[candidate] = np.inf
                later = [other for other in ranked[place + 1 :] if occlusion[other] <= self._alpha_square]
                between = self._distances(candidate, later).tolist() if later else []
                for other, distance in zip(later, between, strict=True):
                    ratio = own[other] / distance if distance > 0 else np.inf if own[other] > 0 else 0.0
                    occlusion[other] = max(occlusion[other], ratio)
        return chosen

    def _reach(self, start: int, reached: set[int]) -> None:
        waiting = [start]
        reached.add(start)
        while waiting:
            for neighbour in self._links[waiting.pop()]:
                if neighbour not in reached:
                    reached.add(neighbour)
                    waiting.append(neighbour)

    def _attach(self, node: int, near: list[int], reached: set[int]) -> None:
        for other in near:
            if other in reached and len(self._links[other]) < self._degree:
                self._links[other].append(node)
                return
        displaced = self._links[near[0]].pop()
        self._links[near[0]].append(node)
        own = self._links[node]
        own[min(len(own), self._degree - 1) :] = [displaced]
