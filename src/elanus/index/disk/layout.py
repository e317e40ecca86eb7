"""How much of a graph a block holds: pure decisions from sizes."""

from dataclasses import dataclass
from typing import Final

from elanus.kernels.placement import DiskLayout

__all__ = [
    "BLOCK_BYTES",
    "NodeSizes",
    "block_bytes_for",
    "filling_inline_count",
    "held_block_count",
    "nodes_per_block",
    "reads_per_node",
]

BLOCK_BYTES: Final = 4096
"""What a disk reads at the least."""

CHECKSUM_BYTES: Final = 4

_FILLED_BLOCKS_MAX: Final = 2
_NUMBER_BYTES: Final = 4
_NEIGHBOURS_PER_READ: Final = 4
"""Neighbours whose codes lie in blocks of their own, of which some were met before and some share a block."""


@dataclass(frozen=True, slots=True)
class NodeSizes:
    """Bytes of the parts of a node's record.

    Attributes:
        code_bytes: the node's own codes in it; 0 when they are in memory.
        neighbour_bytes: the code of one neighbour.
        degree: links.
    """

    code_bytes: int
    neighbour_bytes: int
    degree: int

    def record_bytes(self, inline_count: int) -> int:
        """A record with the codes of so many neighbours."""
        return self.code_bytes + _NUMBER_BYTES * (1 + self.degree) + inline_count * self.neighbour_bytes


def filling_inline_count(sizes: NodeSizes) -> int:
    """Neighbours whose codes fit beside the links: all if two blocks hold them, else as many as fill one more block.

    A neighbour that is left out costs a read of its own, so a second block pays where it takes in the rest.
    """
    least = -(-(sizes.record_bytes(0) + CHECKSUM_BYTES) // BLOCK_BYTES)
    room = max(least + 1, _FILLED_BLOCKS_MAX) * BLOCK_BYTES - CHECKSUM_BYTES - sizes.record_bytes(0)
    return min(sizes.degree, room // sizes.neighbour_bytes)


def block_bytes_for(record_bytes: int) -> int:
    """Whole sectors that a record fits into."""
    return -(-(record_bytes + CHECKSUM_BYTES) // BLOCK_BYTES) * BLOCK_BYTES


def nodes_per_block(record_bytes: int) -> int:
    """Records in a block of `block_bytes_for(record_bytes)`."""
    return (block_bytes_for(record_bytes) - CHECKSUM_BYTES) // record_bytes


def held_block_count(
    *, budget_bytes: float, node_count: int, vector_bytes: int, sizes: NodeSizes, inline_count: int
) -> int:
    """Blocks held in memory for a budget that is meant for nodes with their vectors and links.

    As many nodes as such a budget would hold, so that it means the same here, where vectors are not beside the links.
    """
    held_nodes = min(node_count, int(budget_bytes // (vector_bytes + _NUMBER_BYTES * (1 + sizes.degree))))
    return held_nodes // nodes_per_block(sizes.record_bytes(inline_count))


def reads_per_node(layout: DiskLayout) -> int:
    """Blocks that are read to follow a node where no codes are in memory."""
    return 1 + (layout.degree - layout.inline_count) // _NEIGHBOURS_PER_READ
