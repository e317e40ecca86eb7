"""Codes, building and walking a graph: every level against the NumPy reference, and against what they promise."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.kernels import graph, loader
from elanus.kernels.reference import codes as reference_codes
from elanus.kernels.reference import graph as reference_graph
from elanus.kernels.reference import graph_build as reference_build
from elanus.kernels.reference import graph_layout as reference_layout

LEVELS = [level for level in loader.info().available if level != loader.REFERENCE]
SEED = 11


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Any:
    before = loader.info().level
    loader.use(request.param)
    yield request.param
    loader.use(before)


def vectors_of(count: int, dim: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(4, dim))
    return (centers[rng.integers(4, size=count)] + 0.5 * rng.normal(size=(count, dim))).astype(np.float32)


def built(backend: Any, codes: np.ndarray, center: np.ndarray, bits: int, parts: int = 1) -> tuple[Any, Any]:
    """The links and entries of a graph over codes, each step split into `parts`."""
    space = backend.CodeSpace(center, bits, SEED)
    count = len(codes) // space.stride
    order = np.random.default_rng(3).permutation(count).astype(np.uint32)
    builder = backend.GraphBuilder(codes, center, bits, SEED, order, 6, 20, 1.1)
    while builder.joined_count < count:
        first, last = builder.joined_count, builder.begin_batch(count)
        bounds = np.linspace(first, last, parts + 1).astype(int)
        for start, stop in itertools.pairwise(bounds):
            builder.propose(int(start), int(stop))
        builder.join(last)
        for part in range(parts):
            builder.link_back(part, parts)
    builder.trim(0, count)
    builder.connect()
    return builder.links(), builder.entries()


@pytest.mark.parametrize("bits", [4, 7])
@pytest.mark.parametrize("dim", [1, 3, 64, 127, 128, 129, 256, 384, 700])
def test_codes_are_those_of_the_reference(bits: int, dim: int) -> None:
    vectors = vectors_of(20, dim, dim)
    lifts = np.linspace(0, 2, 20, dtype=np.float32)
    center = vectors.mean(axis=0)
    native = graph.code_space(center, bits=bits, seed=SEED)
    plain = reference_codes.CodeSpace(center, bits, SEED)
    assert native.stride == plain.stride
    got = native.encode(vectors, lifts).reshape(20, -1)
    expected = plain.encode(vectors, lifts).reshape(20, -1)
    got_tails, expected_tails = reference_codes.decode_tails(got), reference_codes.decode_tails(expected)
    for name in ("norm", "lift"):
        np.testing.assert_allclose(got_tails[name], expected_tails[name], rtol=1e-5)
    # Ranges that lose nearly the same may be chosen differently; what is lost may not differ.
    np.testing.assert_allclose(got_tails["deviation"], expected_tails["deviation"], rtol=1e-3, atol=1e-6)
    same = got_tails["scale"] == expected_tails["scale"]
    assert same.mean() > 0.5
    np.testing.assert_array_equal(
        reference_codes.unpack(plain, got)[same], reference_codes.unpack(plain, expected)[same]
    )


@pytest.mark.parametrize("dim", [5, 128, 200, 384])
def test_a_rotation_keeps_products_and_is_not_trivial(dim: int) -> None:
    space = reference_codes.CodeSpace(np.zeros(dim, np.float32), 4, SEED)
    vectors = vectors_of(30, dim, 1)
    rotated = space.rotated(vectors).astype(np.float64)
    np.testing.assert_allclose(rotated @ rotated.T, vectors.astype(np.float64) @ vectors.T, rtol=1e-4, atol=1e-3)
    spike = np.zeros((1, dim), np.float32)
    spike[0, 0] = 1
    assert np.abs(space.rotated(spike)).max() < 0.75


@pytest.mark.parametrize(("bits", "relative_error"), [(4, 0.14), (7, 0.02)])
def test_codes_lose_little_and_say_how_much(bits: int, relative_error: float) -> None:
    vectors = vectors_of(50, 300, 2)
    center = vectors.mean(axis=0)
    space = reference_codes.CodeSpace(center, bits, SEED)
    rows = graph.code_space(center, bits=bits, seed=SEED).encode(vectors, np.zeros(50, np.float32)).reshape(50, -1)
    tails = reference_codes.decode_tails(rows)
    decoded = tails["offset"][:, None] + tails["scale"][:, None] * reference_codes.unpack(space, rows)
    error = np.linalg.norm(decoded - space.rotated(vectors - center), axis=1)
    assert (error / np.sqrt(tails["norm"])).max() < relative_error
    np.testing.assert_allclose(error / np.sqrt(space.width), tails["deviation"], rtol=1e-3)


def test_estimated_distances_are_unbiased_and_within_the_stated_deviation() -> None:
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(1000, 256)).astype(np.float32)
    center = vectors.mean(axis=0)
    space = reference_codes.CodeSpace(center, 4, SEED)
    rows = graph.code_space(center, bits=4, seed=SEED).encode(vectors, np.zeros(1000, np.float32)).reshape(1000, -1)
    deviations = reference_codes.decode_tails(rows)["deviation"]
    standardised = []
    for query in rng.normal(size=(40, 256)).astype(np.float32):
        prepared = space.prepare(query, centred=True)
        exact = ((vectors.astype(np.float64) - query) ** 2).sum(axis=1)
        errors = reference_codes.estimates(space, prepared, rows, 1.0) + prepared.norm - exact
        standardised.append(errors / (2 * np.sqrt(prepared.norm) * deviations))
    assert abs(np.mean(standardised)) < 0.1
    assert 0.8 < np.std(standardised) < 1.2
    assert (np.abs(standardised) <= 2.5).mean() > 0.98


@pytest.mark.parametrize("bits", [4, 7])
def test_every_level_builds_the_graph_of_the_reference(level: str, bits: int) -> None:
    vectors = vectors_of(160, 40, 7)
    center = vectors.mean(axis=0)
    codes = graph.code_space(center, bits=bits, seed=SEED).encode(vectors, np.zeros(160, np.float32))
    links, entries = built(loader.active.backend, codes, center, bits, parts=3)
    expected_links, expected_entries = built(reference_backend, codes, center, bits)
    np.testing.assert_array_equal(links, expected_links)
    np.testing.assert_array_equal(entries, expected_entries)


@pytest.mark.parametrize("bits", [4, 7])
@pytest.mark.parametrize("lifted", [False, True])
def test_nodes_are_nearest_to_the_head_the_reference_says(level: str, bits: int, lifted: bool) -> None:
    vectors = vectors_of(120, 40, 12)
    center = vectors.mean(axis=0)
    lifts = np.linspace(0, 3 if lifted else 0, 120, dtype=np.float32)
    codes = graph.code_space(center, bits=bits, seed=SEED).encode(vectors, lifts)
    order = np.random.default_rng(4).permutation(120).astype(np.uint32)
    heads = order[:11].copy()
    arguments = (codes, center, bits, SEED, order, 6, 20, 1.1)
    expected = reference_build.GraphBuilder(*arguments).nearest(heads, 0, 120)
    builder = loader.active.backend.GraphBuilder(*arguments)
    np.testing.assert_array_equal(builder.nearest(heads, 0, 120), expected)
    np.testing.assert_array_equal(builder.nearest(heads, 50, 51), expected[50:51])
    full = np.concatenate([vectors - center, lifts[:, None]], axis=1).astype(np.float64)
    exact = ((full[:, None] - full[heads][None]) ** 2).sum(axis=2)
    loss = exact[np.arange(120), expected] / np.maximum(exact.min(axis=1), 1e-9)
    assert np.median(loss) == 1
    assert loss[exact.min(axis=1) > 0].max() < 1.3


def cells_of(
    backend: Any, codes: np.ndarray, center: np.ndarray, bits: int, head_count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Heads and the cell of each node."""
    count = len(codes) // backend.CodeSpace(center, bits, SEED).stride
    order = np.random.default_rng(3).permutation(count).astype(np.uint32)
    heads = order[:head_count].copy()
    return heads, backend.GraphBuilder(codes, center, bits, SEED, order, 6, 20, 1.1).nearest(heads, 0, count)


def moved(
    links: np.ndarray, entries: np.ndarray, codes: np.ndarray, layout: graph.Layout
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Links, entries and codes of the nodes in the order of a layout."""
    places = {old: new for new, old in enumerate(layout.order.tolist())} | {graph.NO_NODE: graph.NO_NODE}
    new_links = [[places[link] for link in row] for row in links[layout.order].tolist()]
    new_codes = codes.reshape(len(links), -1)[layout.order].reshape(-1).copy()
    return (
        np.array(new_links, np.uint32),
        np.array([places[entry] for entry in entries.tolist()], np.uint32),
        new_codes,
    )


def test_a_search_by_cells_is_a_scan_when_it_never_gives_up_or_has_no_full_beam() -> None:
    vectors = vectors_of(400, 40, 13)
    center = vectors.mean(axis=0)
    codes = graph.code_space(center, bits=4, seed=SEED).encode(vectors, np.zeros(400, np.float32))
    links, entries = built(loader.active.backend, codes, center, 4)
    layout = graph.lay_out(links, *cells_of(loader.active.backend, codes, center, 4, 20))
    links, entries, codes = moved(links, entries, codes, layout)
    nodes = np.argsort(layout.order).astype(np.uint32)
    opened = graph.graph(
        links, codes, entries, center, graph.Numbering(layout.order, nodes, layout.cell_starts), bits=4, seed=SEED
    )
    mask = np.random.default_rng(5).random(448) < 0.3
    mask[400:] = False
    allow = np.packbits(mask, bitorder="little").view(np.uint64)
    queries = vectors_of(20, 40, 14)
    scanned = opened.search("L2", queries, vectors, 5, 12, allow, 0, 0)
    np.testing.assert_array_equal(opened.search("L2", queries, vectors, 5, 12, allow, 0, 10**6)[1], scanned[1])
    few = np.flatnonzero(mask)[:7]
    mask[:] = False
    mask[few] = True
    allow = np.packbits(mask, bitorder="little").view(np.uint64)
    rows = opened.search("L2", queries, vectors, 7, 12, allow, 0, 1)[1]
    np.testing.assert_array_equal(np.sort(rows, axis=1), np.tile(few, (20, 1)))


@settings(max_examples=60)
@given(data=st.data())
def test_layouts_are_those_of_the_reference_and_lose_no_node(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 60), label="count")
    degree = data.draw(st.integers(1, 5), label="degree")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20), label="seed"))
    links = rng.integers(0, count, (count, degree)).astype(np.uint32)
    links[rng.random(links.shape) < 0.3] = graph.NO_NODE
    heads = rng.permutation(count)[: data.draw(st.integers(1, count), label="heads")].astype(np.uint32)
    cells = rng.integers(0, len(heads), count).astype(np.uint32)
    layout = graph.lay_out(links, heads, cells)
    order, starts = reference_layout.lay_out_graph(links, heads, cells)
    np.testing.assert_array_equal(layout.order, order)
    np.testing.assert_array_equal(layout.cell_starts, starts)
    np.testing.assert_array_equal(np.sort(order), np.arange(count))
    np.testing.assert_array_equal(order[: len(heads)], heads)
    for cell, (first, last) in enumerate(itertools.pairwise(starts.tolist())):
        assert (cells[order[first:last]] == cell).all()


def test_nodes_lie_behind_the_one_of_their_cell_that_leads_to_them() -> None:
    # Two cells; in the first 0 leads to 3, which leads to 1; 2 is not led to.
    links = np.full((6, 2), graph.NO_NODE, np.uint32)
    links[0], links[3], links[5] = [3, 5], [1, 4], [4, 0]
    layout = graph.lay_out(links, np.array([0, 5], np.uint32), np.array([0, 0, 0, 0, 1, 1], np.uint32))
    assert layout.order.tolist() == [0, 5, 3, 1, 2, 4]
    assert layout.cell_starts.tolist() == [2, 5, 6]


@pytest.mark.parametrize(
    ("heads", "cells", "message"),
    [
        ([], [0, 0, 0], "heads is empty"),
        ([0, 0], [0, 0, 1], "heads has one twice"),
        ([0, 3], [0, 0, 1], "heads"),
        ([0, 1], [0, 0], "as many as links"),
        ([0, 1], [0, 0, 2], "cells"),
    ],
)
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_cells_without_sense_are_not_laid_out(backend: str, heads: list[int], cells: list[int], message: str) -> None:
    lay_out = loader.active.backend.lay_out_graph if backend == "native" else reference_layout.lay_out_graph
    with pytest.raises(ValueError, match=message):
        lay_out(np.zeros((3, 2), np.uint32), np.array(heads, np.uint32), np.array(cells, np.uint32))


class reference_backend:  # noqa: N801 (stands for a module)
    CodeSpace = reference_codes.CodeSpace
    GraphBuilder = reference_build.GraphBuilder
    Graph = reference_graph.Graph


def reachable(links: np.ndarray, entries: np.ndarray) -> int:
    seen = set(entries.tolist())
    waiting = list(seen)
    while waiting:
        for link in links[waiting.pop()].tolist():
            if link == graph.NO_NODE:
                break
            if link not in seen:
                seen.add(link)
                waiting.append(link)
    return len(seen)


@pytest.mark.parametrize("kind", ["spread", "equal", "two far clusters", "one"])
def test_every_node_can_be_reached(kind: str) -> None:
    count = 1 if kind == "one" else 3000
    vectors = np.random.default_rng(8).normal(size=(count, 24)).astype(np.float32)
    if kind == "equal":
        vectors[:] = vectors[0] + np.float32(1)
    if kind == "two far clusters":
        vectors[::2] += 1000
    center = vectors.mean(axis=0)
    codes = graph.code_space(center, bits=4, seed=SEED).encode(vectors, np.zeros(count, np.float32))
    links, entries = built(loader.active.backend, codes, center, 4, parts=2)
    assert reachable(links, entries) == count
    assert links.shape == (count, 6)


@settings(max_examples=30)
@given(data=st.data())
def test_searches_are_those_of_the_reference_on_every_level(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**20), label="seed")
    bits = data.draw(st.sampled_from([4, 7]), label="bits")
    metric = data.draw(st.sampled_from(["L2", "IP", "COSINE"]), label="metric")
    dtype = data.draw(st.sampled_from([np.float32, np.float16, np.int8]), label="dtype")
    count, dim = data.draw(st.integers(1, 120), label="count"), data.draw(st.integers(1, 150), label="dim")
    k = data.draw(st.integers(1, 12), label="k")
    breadth = k + data.draw(st.integers(0, 10), label="more breadth")
    share = data.draw(st.sampled_from([None, 0.0, 0.1, 0.6, 1.0]), label="allowed share")
    compared_max = data.draw(st.sampled_from([0, 5, 10**6]), label="compared max")
    patience = data.draw(st.sampled_from([0, 1, 3]), label="patience")
    head_count = data.draw(st.integers(1, 12), label="heads")
    rng = np.random.default_rng(seed)
    base = (vectors_of(count, dim, seed) * (20 if dtype is np.int8 else 1)).clip(-127, 127).astype(dtype)
    queries = (vectors_of(3, dim, seed + 1) * (20 if dtype is np.int8 else 1)).clip(-127, 127)
    queries = queries.astype(np.int8 if dtype is np.int8 else np.float32)
    present = np.sort(rng.choice(count, rng.integers(1, count + 1), replace=False))
    vectors = base[present].astype(np.float32)
    if metric == "COSINE":
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    squares = (vectors**2).sum(axis=1)
    lifts = np.sqrt(squares.max() - squares) if metric == "IP" else np.zeros(len(vectors))
    center = vectors.mean(axis=0)
    codes = graph.code_space(center, bits=bits, seed=SEED).encode(vectors, lifts.astype(np.float32))
    links, entries = built(loader.active.backend, codes, center, bits)
    allow = None
    if share is not None:
        mask = np.zeros(-(-count // 64) * 64, bool)
        mask[:count] = rng.random(count) < share
        allow = np.packbits(mask, bitorder="little").view(np.uint64)
    layout = graph.lay_out(links, *cells_of(loader.active.backend, codes, center, bits, min(head_count, len(present))))
    links, entries, codes = moved(links, entries, codes, layout)
    rows = present[layout.order].astype(np.uint32)
    nodes = None
    if data.draw(st.booleans(), label="with nodes"):
        nodes = np.full(count, graph.NO_NODE, np.uint32)
        nodes[rows] = np.arange(len(rows), dtype=np.uint32)
    plain = reference_graph.Graph(links, codes, entries, center, bits, SEED, (rows, nodes, layout.cell_starts))
    expected = plain.search(metric, queries, base, k, breadth, allow, compared_max, patience)
    before = loader.info().level
    try:
        for one in LEVELS:
            loader.use(one)
            numbering = graph.Numbering(rows, nodes, layout.cell_starts)
            native = graph.graph(links, codes, entries, center, numbering, bits=bits, seed=SEED)
            scores, found, compared = native.search(metric, queries, base, k, breadth, allow, compared_max, patience)
            np.testing.assert_array_equal(compared, expected[2])
            np.testing.assert_allclose(scores, expected[0], rtol=1e-4, atol=1e-4)
            assert (found == expected[1]).mean() > 0.9
    finally:
        loader.use(before)


def test_wrong_arguments_are_refused() -> None:
    vectors = vectors_of(30, 8, 9)
    center = vectors.mean(axis=0)
    space = graph.code_space(center, bits=4, seed=SEED)
    codes = space.encode(vectors, np.zeros(30, np.float32))
    links, entries = built(loader.active.backend, codes, center, 4)
    with pytest.raises(ValueError, match="bits is 5"):
        graph.code_space(center, bits=5, seed=SEED)
    with pytest.raises(TypeError, match="center has elements of float64"):
        graph.code_space(center.astype(np.float64), bits=4, seed=SEED)
    with pytest.raises(ValueError, match="vectors have 8 elements, expected 4"):
        graph.code_space(center[:4].copy(), bits=4, seed=SEED).encode(vectors, np.zeros(30, np.float32))
    with pytest.raises(ValueError, match="codes has"):
        graph.graph(links, codes[:-1].copy(), entries, center, None, bits=4, seed=SEED)
    with pytest.raises(ValueError, match="links has 29 rows"):
        graph.graph(links[:-1].copy(), codes, entries, center, None, bits=4, seed=SEED)
    with pytest.raises(ValueError, match="entries"):
        graph.graph(links, codes, np.array([30], np.uint32), center, None, bits=4, seed=SEED)
    opened = graph.graph(links, codes, entries, center, None, bits=4, seed=SEED)
    with pytest.raises(ValueError, match="breadth k or more"):
        opened.search("L2", vectors, vectors, 5, 4, None, 100, 0)
    with pytest.raises(ValueError, match="patience needs cells"):
        opened.search("L2", vectors, vectors, 4, 4, None, 100, 1)
    with pytest.raises(ValueError, match="base"):
        opened.search("L2", vectors, vectors[:10].copy(), 1, 4, None, 100, 0)


def test_links_that_lead_nowhere_end_a_list_and_are_never_followed() -> None:
    vectors = vectors_of(30, 8, 9)
    center = vectors.mean(axis=0)
    codes = graph.code_space(center, bits=4, seed=SEED).encode(vectors, np.zeros(30, np.float32))
    links, entries = built(loader.active.backend, codes, center, 4)
    links[:, 2] = 12345
    opened = graph.graph(links, codes, entries, center, None, bits=4, seed=SEED)
    _, rows, _ = opened.search("L2", vectors, vectors, 3, 10, None, 100, 0)
    assert rows.max() < 30


def test_steps_outside_a_batch_and_rows_that_do_not_fit_are_refused() -> None:
    vectors = vectors_of(30, 8, 9)
    center = vectors.mean(axis=0)
    codes = graph.code_space(center, bits=4, seed=SEED).encode(vectors, np.zeros(30, np.float32))
    order = np.arange(30, dtype=np.uint32)
    builder = graph.graph_builder(codes, center, order, bits=4, seed=SEED, degree=6, breadth=20, alpha=1.1)
    with pytest.raises(ValueError, match="outside the batch"):
        builder.propose(1, 2)
    last = builder.begin_batch(30)
    with pytest.raises(ValueError, match="end of the batch"):
        builder.join(last + 1)
    links, entries = built(loader.active.backend, codes, center, 4)
    rows = np.arange(1, 31, dtype=np.uint32)
    with pytest.raises(ValueError, match="nodes must be as many"):
        graph.graph(links, codes, entries, center, graph.Numbering(rows, rows[:30] - 1), bits=4, seed=SEED)
    with pytest.raises(ValueError, match="rows must be as many"):
        graph.graph(links, codes, entries, center, graph.Numbering(rows[:29].copy()), bits=4, seed=SEED)
    opened = graph.graph(links, codes, entries, center, graph.Numbering(rows), bits=4, seed=SEED)
    with pytest.raises(ValueError, match="base does not have the rows"):
        opened.search("L2", vectors, vectors, 1, 4, None, 100, 0)


@pytest.mark.parametrize("starts", [[], [30], [0, 30], [2, 1, 30], [2, 31, 30], [1, 29], [2, 30]])
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_cells_that_cannot_be_are_refused(backend: str, starts: list[int]) -> None:
    vectors = vectors_of(30, 8, 9)
    center = vectors.mean(axis=0)
    codes = graph.code_space(center, bits=4, seed=SEED).encode(vectors, np.zeros(30, np.float32))
    links, entries = built(loader.active.backend, codes, center, 4)
    kind = loader.active.backend.Graph if backend == "native" else reference_graph.Graph
    with pytest.raises(ValueError, match="cell_starts must ascend"):
        kind(links, codes, entries, center, 4, SEED, (None, None, np.array(starts, np.uint32)))
