"""How nodes are laid out in blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.index.disk.layout import (
    BLOCK_BYTES,
    CHECKSUM_BYTES,
    NodeSizes,
    block_bytes_for,
    filling_inline_count,
    held_block_count,
    nodes_per_block,
)

WIDE = NodeSizes(code_bytes=448, neighbour_bytes=104, degree=56)


def test_768_dimensions_fill_two_blocks_with_all_neighbours() -> None:
    assert filling_inline_count(WIDE) == 56
    assert block_bytes_for(WIDE.record_bytes(56)) == 2 * BLOCK_BYTES
    assert nodes_per_block(WIDE.record_bytes(56)) == 1


def test_links_alone_share_a_block() -> None:
    links = NodeSizes(code_bytes=0, neighbour_bytes=104, degree=56)
    assert block_bytes_for(links.record_bytes(0)) == BLOCK_BYTES
    assert nodes_per_block(links.record_bytes(0)) == 17


@given(
    code_bytes=st.integers(1, 260).map(lambda lines: 64 * lines),
    neighbour_bytes=st.integers(24, 4104),
    degree=st.integers(2, 512),
)
def test_what_fills_a_block_fits_it_and_leaves_no_room_for_one_more(
    code_bytes: int, neighbour_bytes: int, degree: int
) -> None:
    sizes = NodeSizes(code_bytes, neighbour_bytes, degree)
    inline_count = filling_inline_count(sizes)
    least = block_bytes_for(sizes.record_bytes(0))
    used = block_bytes_for(sizes.record_bytes(inline_count))
    assert 0 <= inline_count <= degree
    assert used <= max(2 * BLOCK_BYTES, least + BLOCK_BYTES)
    if inline_count < degree:
        assert block_bytes_for(sizes.record_bytes(inline_count + 1)) > max(2 * BLOCK_BYTES, least + BLOCK_BYTES)


@given(record_bytes=st.integers(8, 50_000))
def test_a_block_holds_at_least_one_record_and_its_checksum(record_bytes: int) -> None:
    count = nodes_per_block(record_bytes)
    assert count >= 1
    assert count * record_bytes + CHECKSUM_BYTES <= block_bytes_for(record_bytes) < record_bytes + 2 * BLOCK_BYTES


@pytest.mark.parametrize(("share", "blocks"), [(0.0, 0), (0.1, 54), (0.29, 158)])
def test_a_budget_holds_as_many_nodes_as_it_would_with_their_vectors(share: float, blocks: int) -> None:
    links = NodeSizes(code_bytes=0, neighbour_bytes=104, degree=56)
    held = held_block_count(
        budget_bytes=share * 3072 * 10_000, node_count=10_000, vector_bytes=3072, sizes=links, inline_count=0
    )
    assert held == blocks
