"""What a library of kernels offers, native or reference. The family modules say what the arguments mean."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from elanus.kernels.placement import CodesInMemory, DiskCoding, DiskEntries, DiskLayout, DiskPlan, FilePart

__all__ = [
    "Backend",
    "CodeSpace",
    "DiskGraph",
    "Floats",
    "Graph",
    "GraphBuilder",
    "Hits",
    "NeighbourCoder",
    "NumberingArrays",
    "RawJsonColumn",
    "RawJsonFacts",
    "RawJsonPathColumn",
    "Rows",
    "Scalar",
    "Words",
]

Words = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Hits = tuple[Floats, Rows]
Scalar = float | np.integer[Any] | np.floating[Any]
# The fields of `graph.Numbering`.
NumberingArrays = tuple[
    npt.NDArray[np.uint32] | None,
    npt.NDArray[np.uint32] | None,
    npt.NDArray[np.uint32] | None,
]
# The fields of the dataclasses of `json_texts`; facts begin with the place of the path's parent and its last key.
RawJsonColumn = tuple[npt.NDArray[np.uint8], Rows, npt.NDArray[np.int32], npt.NDArray[np.uint8]]
RawJsonPathColumn = tuple[RawJsonColumn, npt.NDArray[np.int32], RawJsonColumn]
RawJsonFacts = tuple[int, bytes, tuple[int, ...], bool, Rows | None]


class CodeSpace(Protocol):
    """How vectors of one index become codes."""

    @property
    def stride(self) -> int:
        """Bytes of a row of codes, a multiple of 64."""
        ...

    def encode(self, vectors: npt.NDArray[np.float32], lifts: Floats, /) -> npt.NDArray[np.uint8]:
        """The rows of codes of `vectors` (count, elements), flat; `lifts` is one more element of each vector."""
        ...


class GraphBuilder(Protocol):
    """A graph while it is built, in steps; parts of one step may run on several threads.

    `begin_batch`, `propose` for all of the batch, `join`, `link_back` for all parts, again until all nodes have joined;
    then `trim` for all nodes, and `connect`. The result does not depend on how steps are split. Links and entries may
    be asked for between batches too; those of trimmed nodes are complete.
    """

    @property
    def joined_count(self) -> int:
        """Nodes that are in the graph."""
        ...

    def begin_batch(self, last_max: int, /) -> int:
        """The place in the order where the next batch ends (exclusive), at most `last_max`."""
        ...

    def propose(self, first: int, last: int, /) -> None:
        """Chooses links for places `first` to `last` (exclusive) of the batch."""
        ...

    def join(self, last: int, /) -> None:
        """Joins the batch, which ends at `last`."""
        ...

    def link_back(self, part: int, part_count: int, /) -> None:
        """Links to the nodes of the batch, one part of them."""
        ...

    def trim(self, first: int, last: int, /) -> None:
        """Brings nodes `first` to `last` (exclusive) down to the degree."""
        ...

    def nearest(self, heads: npt.NDArray[np.uint32], first: int, last: int, /) -> npt.NDArray[np.uint32]:
        """The place in `heads` of the one nearest to each of nodes `first` to `last` (exclusive)."""
        ...

    def connect(self) -> None:
        """Makes every node reachable from the entries."""
        ...

    def links(self) -> npt.NDArray[np.uint32]:
        """(node_count, degree), a copy."""
        ...

    def entries(self) -> npt.NDArray[np.uint32]:
        """Nodes where walks begin, a copy."""
        ...


class Graph(Protocol):
    """A graph to be searched, by many threads at once."""

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
        /,
    ) -> tuple[Floats, Rows, npt.NDArray[np.int64]]:
        """Scores and rows (query_count, k) of the nearest allowed rows of `base`, and how many nodes were compared.

        Scores are exact, best first, ties to the smaller row; rows are -1 behind the last one found. A walk keeps
        `breadth` candidates (`k` or more); under a filter one that would compare more than `walk_compared_max` nodes
        is given up, and where that is 0 there is none. Then allowed codes are compared: all of them if `patience` is 0,
        otherwise cell by cell from the nearest on, until as many cells in a row, and half of all seen, had allowed
        nodes but none among the `breadth` nearest. Under a filter candidates that are not told from the `k`-th by
        their codes are kept beside the `breadth`. Nothing is found for a query whose distances float32 does not hold
        (the square of its length beyond 1e30, or for IP below 1e-30).
        """
        ...


class NeighbourCoder(Protocol):
    """Codes of the ways from nodes to their neighbours, one bit an element."""

    @property
    def code_bytes(self) -> int:
        """Bytes of the code of one neighbour."""
        ...

    def encode(
        self, codes: npt.NDArray[np.uint8], nodes: npt.NDArray[np.uint32], links: npt.NDArray[np.uint32], /
    ) -> npt.NDArray[np.uint8]:
        """(node, neighbours x bytes); `links` is (node, neighbours), zeros from the first on that is no node."""
        ...


class DiskGraph(Protocol):
    """A graph on disk to be searched, by many threads at once."""

    def search(
        self,
        metric: str,
        queries: npt.NDArray[Any],
        base: npt.NDArray[Any],
        base_file: FilePart | None,
        plan: DiskPlan,
        allow: Words | None,
        /,
    ) -> tuple[Floats, Rows, npt.NDArray[np.int64]]:
        """Exact scores, rows (-1 where there are fewer) and (compared, blocks read, vectors read) of each query.

        `base` is the column; its vectors are read from `base_file` if there is one. Without codes in memory nothing is
        found when a filter makes the walk too long.

        Raises:
            ValueError: a damaged block, or a wrong argument.
            OSError: a file cannot be read.
        """
        ...


class Backend(Protocol):
    """The functions behind the family modules. `_native` and `reference` are modules that fit it."""

    def scan_topk(
        self, metric: str, query: npt.NDArray[Any], base: npt.NDArray[Any], k: int, allow: Words | None, /
    ) -> Hits: ...

    def scan_topk_many(
        self, metric: str, queries: npt.NDArray[Any], base: npt.NDArray[Any], k: int, allow: Words | None, /
    ) -> Hits: ...

    def scan_range(
        self,
        metric: str,
        query: npt.NDArray[Any],
        base: npt.NDArray[Any],
        radius: float,
        range_filter: float | None,
        allow: Words | None,
        /,
    ) -> Hits: ...

    def score_rows(self, metric: str, query: npt.NDArray[Any], base: npt.NDArray[Any], rows: Rows, /) -> Floats: ...

    def sparse_scan_topk(
        self,
        query_indices: npt.NDArray[np.uint32],
        query_values: Floats,
        offsets: npt.NDArray[np.int32],
        indices: npt.NDArray[np.uint32],
        values: Floats,
        k: int,
        allow: Words | None,
        /,
    ) -> Hits: ...

    def sparse_scan_range(
        self,
        query_indices: npt.NDArray[np.uint32],
        query_values: Floats,
        offsets: npt.NDArray[np.int32],
        indices: npt.NDArray[np.uint32],
        values: Floats,
        radius: float,
        range_filter: float | None,
        allow: Words | None,
        /,
    ) -> Hits: ...

    def topk(self, scores: Floats, k: int, allow: Words | None, /, *, largest: bool) -> Hits: ...

    def bit_count(self, words: Words, /) -> int: ...

    def bit_rows(self, words: Words, size: int, /) -> Rows: ...

    def runs_with(self, words: Words, offsets: npt.NDArray[np.int32], /) -> Words: ...

    def bits_from_bool(self, mask: npt.NDArray[np.bool_], /) -> Words: ...

    def bits_from_rows(self, rows: npt.NDArray[np.uint32] | Rows, size: int, /) -> Words: ...

    def compare(self, values: npt.NDArray[Any], op: str, scalar: Scalar, /) -> Words: ...

    def between(
        self,
        values: npt.NDArray[Any],
        low: Scalar | None,
        high: Scalar | None,
        /,
        *,
        low_inclusive: bool,
        high_inclusive: bool,
    ) -> Words: ...

    def is_in(self, values: npt.NDArray[Any], sorted_unique_values: npt.NDArray[Any], /) -> Words: ...

    def dictionary_in(self, codes: npt.NDArray[np.int32], table: npt.NDArray[np.bool_], /) -> Words: ...

    def string_compare(
        self, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], op: str, literal: bytes, /
    ) -> Words: ...

    def string_in(
        self, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], literals: list[bytes], /
    ) -> Words: ...

    def string_prefix(
        self, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], literal: bytes, /
    ) -> Words: ...

    def string_suffix(
        self, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], literal: bytes, /
    ) -> Words: ...

    def string_contains(
        self, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], literal: bytes, /
    ) -> Words: ...

    def hash_strings(self, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], seed: int, /) -> Words: ...

    def hash_int64(self, values: npt.NDArray[np.int64], seed: int, /) -> Words: ...

    def ivf_nearest_lists(
        self, ranking: str, square_weight: float, vectors: Floats, lists: tuple[Any, ...], nprobe: int, /
    ) -> Rows: ...

    def ivf_search_flat(self, question: tuple[Any, ...], lists: tuple[Any, ...], nprobe: int, k: int, /) -> Hits: ...

    def ivf_search_bytes(
        self,
        question: tuple[Any, ...],
        lists: tuple[Any, ...],
        codes: tuple[Any, ...],
        nprobe: int,
        k: int,
        pool: int,
        /,
    ) -> Hits: ...

    def ivf_search_rabitq(
        self,
        question: tuple[Any, ...],
        lists: tuple[Any, ...],
        codes: tuple[Any, ...],
        stage: str,
        nprobe: int,
        k: int,
        pool: int,
        /,
    ) -> Hits: ...

    def rabitq_rotate(self, vectors: Floats, signs: Floats, /) -> Floats: ...

    def rabitq_block_sums(
        self, blocks: npt.NDArray[np.uint8], tables: npt.NDArray[np.uint8], /
    ) -> npt.NDArray[np.uint32]: ...

    def rabitq_fine_products(
        self, codes: npt.NDArray[np.uint8], query: npt.NDArray[np.int8], places: npt.NDArray[np.uint32], /
    ) -> Rows: ...

    def crc32c(self, buffer: Any, initial: int, /) -> int: ...

    def blocks_crc32c(self, buffer: Any, block_bytes: int, /) -> npt.NDArray[np.uint32]: ...

    def json_paths(
        self,
        offsets: npt.NDArray[np.int32],
        data: npt.NDArray[np.uint8],
        valid: Words | None,
        path_count_max: int,
        depth_max: int,
        key_bytes_max: int,
        row_count_max: int,
        /,
    ) -> tuple[list[RawJsonFacts], Rows]: ...

    def json_values(
        self,
        offsets: npt.NDArray[np.int32],
        data: npt.NDArray[np.uint8],
        valid: Words | None,
        paths: list[tuple[bytes, ...]],
        /,
    ) -> tuple[list[RawJsonPathColumn], Rows]: ...

    def CodeSpace(self, center: Floats, bits: int, seed: int, /) -> CodeSpace: ...  # noqa: N802 (a class)

    def GraphBuilder(  # noqa: N802 (a class)
        self,
        codes: npt.NDArray[np.uint8],
        center: Floats,
        bits: int,
        seed: int,
        order: npt.NDArray[np.uint32],
        degree: int,
        breadth: int,
        alpha: float,
        /,
    ) -> GraphBuilder: ...

    def Graph(  # noqa: N802 (a class)
        self,
        links: npt.NDArray[np.uint32],
        codes: npt.NDArray[np.uint8],
        entries: npt.NDArray[np.uint32],
        center: Floats,
        bits: int,
        seed: int,
        numbering: NumberingArrays | None,
        /,
    ) -> Graph: ...

    def lay_out_graph(
        self,
        links: npt.NDArray[np.uint32],
        heads: npt.NDArray[np.uint32],
        cells: npt.NDArray[np.uint32],
        /,
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]: ...

    def block_order(
        self, links: npt.NDArray[np.uint32], entries: npt.NDArray[np.uint32], block_nodes: int, /
    ) -> npt.NDArray[np.uint32]: ...

    def NeighbourCoder(  # noqa: N802 (a class)
        self,
        center: Floats,
        bits: int,
        seed: int,
        with_norms: bool,  # noqa: FBT001 (as native)
        /,
    ) -> NeighbourCoder: ...

    def DiskGraph(  # noqa: N802 (a class)
        self,
        layout: DiskLayout,
        blocks: npt.NDArray[np.uint8],
        file: FilePart | None,
        memory: CodesInMemory | None,
        entries: DiskEntries,
        coding: DiskCoding,
        /,
    ) -> DiskGraph: ...
