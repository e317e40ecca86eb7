"""Graphs as arrays: stored, read back, and spread over rows with gaps."""

import numpy as np

from elanus.index.hnsw_coded.graph import Graph, GraphShape

# Three rows, M = 1: row 1 is on two levels. Level 0 has two places a row, level 1 has one.
SMALL = Graph(
    shape=GraphShape(degree=1, entry_row=1, top_level=1),
    levels=np.array([1, 2, 1], np.uint8),
    neighbours=np.array([1, 2, 0, 2, -1, 1, -1], np.int32),
)


def test_artefacts_read_back_as_the_same_graph() -> None:
    artefacts = {name: np.frombuffer(data, np.uint8).data for name, data in SMALL.artefacts().items()}
    again = Graph.from_artefacts(artefacts, SMALL.shape, 3)
    np.testing.assert_array_equal(again.levels, SMALL.levels)
    np.testing.assert_array_equal(again.neighbours, SMALL.neighbours)
    assert again.shape == SMALL.shape


def test_spread_renumbers_rows_and_leaves_the_others_without_links() -> None:
    spread = SMALL.spread(np.array([1, 2, 4]), 6)
    assert spread.shape == GraphShape(degree=1, entry_row=2, top_level=1)
    np.testing.assert_array_equal(spread.levels, [1, 1, 2, 1, 1, 1])
    np.testing.assert_array_equal(
        spread.neighbours,
        [*(-1, -1), *(2, 4), *(1, 4, -1), *(-1, -1), *(2, -1), *(-1, -1)],
    )
