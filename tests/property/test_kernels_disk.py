"""Graphs on disk: every level against the reference and against exact answers, from files and from memory."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.index.disk.construction import PlacedGraph, block_parts, placed
from elanus.index.disk.layout import NodeSizes, block_bytes_for, nodes_per_block
from elanus.index.protocol import BuildContext
from elanus.kernels import disk, distance, graph, loader
from elanus.kernels.placement import CodesInMemory, DiskCoding, DiskEntries, DiskLayout, DiskPlan
from elanus.kernels.reference import disk as reference
from elanus.runtime.pool import WorkerPool

LEVELS = [level for level in loader.info().available if level != loader.REFERENCE]
SEED = 5
DEGREE = 6


@dataclass(frozen=True)
class Made:
    """A graph on disk, and what it is over."""

    base: np.ndarray
    metric: str
    layout: DiskLayout
    blocks: np.ndarray
    coding: DiskCoding
    entries: DiskEntries
    memory: CodesInMemory | None


def clustered(count: int, dim: int, seed: int, dtype: type) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(4, dim))[rng.integers(4, size=count)] + 0.5 * rng.normal(size=(count, dim))
    return (vectors * 20).clip(-127, 127).astype(dtype) if dtype is np.int8 else vectors.astype(dtype)


def made(
    base: np.ndarray, metric: str, present: np.ndarray, *, bits: int, inline_count: int, has_codes: bool, seed: int = 1
) -> Made:
    vectors = base[present].astype(np.float32)
    if metric == "COSINE":
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    squares = (vectors**2).sum(axis=1)
    lifts = np.sqrt(squares.max() - squares) if metric == "IP" else np.zeros(len(vectors))
    coding = DiskCoding(vectors.mean(axis=0), bits, SEED)
    codes = graph.code_space(coding.center, bits=bits, seed=SEED).encode(vectors, lifts.astype(np.float32))
    order = np.random.default_rng(seed).permutation(len(present)).astype(np.uint32)
    builder = graph.graph_builder(
        codes, coding.center, order, bits=bits, seed=SEED, degree=DEGREE, breadth=20, alpha=1.1
    )
    while builder.joined_count < len(present):
        first, last = builder.joined_count, builder.begin_batch(len(present))
        builder.propose(first, last)
        builder.join(last)
        builder.link_back(0, 1)
    builder.trim(0, len(present))
    builder.connect()
    rows = codes.reshape(len(present), -1)
    sizes = NodeSizes(rows.shape[1] if has_codes else 0, disk.neighbour_code_bytes(base.shape[1]), DEGREE)
    record_bytes = sizes.record_bytes(inline_count)
    places = disk.block_order(builder.links(), builder.entries(), block_nodes=nodes_per_block(record_bytes))
    lying = placed(rows, builder.links(), builder.entries(), order=places, rows=present.astype(np.int64))
    layout = DiskLayout(
        len(present), len(base), DEGREE, inline_count, block_bytes_for(record_bytes), has_codes=has_codes
    )
    pool = WorkerPool(thread_count=1, name="test")
    parts = block_parts(lying, layout, coding, with_norms=metric != "IP", pool=pool, context=BuildContext())
    memory = None if has_codes else CodesInMemory(_by_place(lying), lying.rows)
    entries = DiskEntries(lying.entries, rows[places[lying.entries]].reshape(-1))
    return Made(base, metric, layout, np.concatenate(list(parts)), coding, entries, memory)


def _by_place(lying: PlacedGraph) -> np.ndarray:
    return lying.codes[lying.order].reshape(-1)


def native(one: Made, file: tuple[int, int] | None = None, held_block_count: int = 0) -> Any:
    layout = replace(one.layout, held_block_count=held_block_count)
    return disk.disk_graph(layout, one.blocks, one.coding, one.entries, file=file, memory=one.memory)


def plan_of(
    k: int,
    breadth: int,
    *,
    beam_width: int = 4,
    expanded_max: int = 10**6,
    scan_kept_max: int = 10**6,
    capacity: int = 8,
) -> DiskPlan:
    return DiskPlan(k, breadth, beam_width, 2, expanded_max, scan_kept_max, max(capacity, beam_width))


def words_of(mask: np.ndarray) -> np.ndarray:
    padded = np.zeros(-(-len(mask) // 64) * 64, bool)
    padded[: len(mask)] = mask
    return np.packbits(padded, bitorder="little").view(np.uint64)


@settings(max_examples=40)
@given(data=st.data())
def test_a_walk_over_everything_gives_the_exact_answer_on_every_level(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**20), label="seed")
    metric = data.draw(st.sampled_from(["L2", "IP", "COSINE"]), label="metric")
    dtype = data.draw(st.sampled_from([np.float32, np.float16, np.int8]), label="dtype")
    count, dim = data.draw(st.integers(1, 120), label="count"), data.draw(st.integers(1, 150), label="dim")
    inline_count = data.draw(st.integers(0, DEGREE), label="inline")
    has_codes = inline_count > 0 or data.draw(st.booleans(), label="has codes")
    k = data.draw(st.integers(1, 12), label="k")
    share = data.draw(st.sampled_from([None, 0.0, 0.2, 0.7]), label="allowed share")
    beam_width = data.draw(st.integers(1, 9), label="beam width")
    held_count = data.draw(st.integers(0, 3), label="held blocks")
    rng = np.random.default_rng(seed)
    base, queries = clustered(count, dim, seed, dtype), clustered(2, dim, seed + 1, dtype)
    queries = queries if dtype is np.int8 else queries.astype(np.float32)
    present = np.sort(rng.choice(count, rng.integers(1, count + 1), replace=False))
    bits = data.draw(st.sampled_from([4, 7]), label="bits")
    one = made(base, metric, present, bits=bits, inline_count=inline_count, has_codes=has_codes)
    mask = np.isin(np.arange(count), present)
    if share is not None:
        mask &= rng.random(count) < share
    words = words_of(mask)
    allow = None if share is None else words
    plan = plan_of(k, max(k, count), beam_width=beam_width)
    _, expected_rows = distance.scan_topk_many(metric, queries, base, k, allow=words)
    before = loader.info().level
    with tempfile.TemporaryFile() as file:
        file.write(b"before" + one.blocks.tobytes())
        file.flush()
        try:
            for level in LEVELS:
                loader.use(level)
                expected_scores, expected_rows = distance.scan_topk_many(metric, queries, base, k, allow=words)
                for source in (None, (file.fileno(), 6)):
                    searched = native(one, source, held_count)
                    scores, rows, _ = searched.search(metric, queries, base, None, plan, allow)
                    np.testing.assert_array_equal(rows, expected_rows)
                    found = rows >= 0
                    np.testing.assert_array_equal(scores[found], expected_scores[found])
        finally:
            loader.use(before)
    plain = reference.DiskGraph(one.layout, one.blocks, None, one.memory, one.entries, one.coding)
    _, rows, _ = plain.search(metric, queries, base, None, plan, allow)
    assert ((rows >= 0) == (expected_rows >= 0)).all()


@settings(max_examples=25)
@given(data=st.data())
def test_short_walks_are_those_of_the_reference(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**20), label="seed")
    metric = data.draw(st.sampled_from(["L2", "IP", "COSINE"]), label="metric")
    inline_count = data.draw(st.integers(0, DEGREE), label="inline")
    has_codes = inline_count > 0 or data.draw(st.booleans(), label="has codes")
    share = data.draw(st.sampled_from([None, 0.1, 0.6]), label="allowed share")
    expanded_max = data.draw(st.sampled_from([0, 4, 10**6]), label="expanded max")
    breadth = data.draw(st.integers(3, 12), label="breadth")
    scan_kept_max = data.draw(st.sampled_from([0, 30, 10**6]), label="scan kept max")
    beam_width = data.draw(st.integers(1, 5), label="beam width")
    rng = np.random.default_rng(seed)
    base, queries = clustered(150, 40, seed, np.float32), clustered(3, 40, seed + 1, np.float32)
    one = made(base, metric, np.arange(150), bits=4, inline_count=inline_count, has_codes=has_codes)
    allow = None if share is None else words_of(rng.random(150) < share)
    plan = plan_of(3, breadth, beam_width=beam_width, expanded_max=expanded_max, scan_kept_max=scan_kept_max)
    plain = reference.DiskGraph(one.layout, one.blocks, None, one.memory, one.entries, one.coding)
    expected = plain.search(metric, queries, base, None, plan, allow)
    scores, rows, counts = native(one).search(metric, queries, base, None, plan, allow)
    if inline_count == 0:
        np.testing.assert_array_equal(counts[:, 0], expected[2][:, 0])
    else:
        # Estimates are rounded in another order, so that a walk may turn elsewhere at a near tie.
        np.testing.assert_allclose(counts[:, 0], expected[2][:, 0], rtol=0.25, atol=2 * DEGREE)
    assert (rows == expected[1]).mean() > 0.85
    same = (rows == expected[1]) & (rows >= 0)
    np.testing.assert_allclose(scores[same], expected[0][same], rtol=1e-4, atol=1e-4)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**20), metric=st.sampled_from(["L2", "IP", "COSINE"]), share=st.floats(0.1, 1))
def test_a_scan_finds_the_nearest_of_rows_that_codes_cannot_tell_apart(seed: int, metric: str, share: float) -> None:
    """Those allowed are the farthest from the query, of which many are about as far."""
    base, query = clustered(400, 40, seed, np.float32), clustered(1, 40, seed + 1, np.float32)
    one = made(base, metric, np.arange(400), bits=4, inline_count=0, has_codes=False)
    _, rows = distance.scan_topk_many(metric, query, base, 400)
    mask = np.zeros(400, bool)
    mask[rows[0, -int(400 * share) :]] = True
    _, expected = distance.scan_topk_many(metric, query, base, 5, allow=words_of(mask))
    plan = plan_of(5, 6, expanded_max=0)
    _, rows, _ = native(one).search(metric, query, base, None, plan, words_of(mask))
    np.testing.assert_array_equal(rows, expected)
    few = replace(plan, scan_kept_max=0)
    _, rows, _ = native(one).search(metric, query, base, None, few, words_of(mask))
    assert (rows < 0).all() or (rows == expected).all()


@pytest.mark.parametrize("metric", ["L2", "IP", "COSINE"])
@pytest.mark.parametrize("has_codes", [True, False])
def test_queries_that_codes_cannot_be_compared_with_find_nothing(metric: str, *, has_codes: bool) -> None:
    base = clustered(100, 40, 1, np.float32)
    one = made(base, metric, np.arange(100), bits=4, inline_count=0, has_codes=has_codes)
    queries = np.stack([np.full(40, 1e16, np.float32), np.zeros(40, np.float32)])
    _, rows, _ = native(one).search(metric, queries, base, None, plan_of(3, 9), None)
    plain = reference.DiskGraph(one.layout, one.blocks, None, one.memory, one.entries, one.coding)
    expected = plain.search(metric, queries, base, None, plan_of(3, 9), None)[1]
    np.testing.assert_array_equal(rows >= 0, expected >= 0)
    assert (rows[0] >= 0).all() == (metric == "COSINE")
    assert (rows[1] >= 0).all() == (metric != "IP")


@pytest.mark.parametrize("bits", [4, 7])
@pytest.mark.parametrize("with_norms", [True, False])
def test_codes_of_neighbours_are_those_of_the_reference(bits: int, *, with_norms: bool) -> None:
    vectors = clustered(60, 100, 3, np.float32)
    center = vectors.mean(axis=0)
    codes = graph.code_space(center, bits=bits, seed=SEED).encode(vectors, np.ones(60, np.float32))
    links = np.random.default_rng(1).integers(0, 60, (20, 5)).astype(np.uint32)
    links[3, 2:] = graph.NO_NODE
    links[7, 0] = 7
    nodes = np.arange(20, dtype=np.uint32)
    coder = disk.neighbour_coder(DiskCoding(center, bits, SEED), with_norms=with_norms)
    assert coder.code_bytes == disk.neighbour_code_bytes(100)
    found = coder.encode(codes, nodes, links).reshape(20, 5, -1)
    plain = reference.NeighbourCoder(center, bits, SEED, with_norms).encode(codes, nodes, links).reshape(20, 5, -1)
    np.testing.assert_array_equal(found[..., 8:], plain[..., 8:])
    heads = [np.ascontiguousarray(one[..., :8]).view(np.float32) for one in (found, plain)]
    np.testing.assert_allclose(heads[0], heads[1], rtol=1e-3, atol=1e-3)
    assert (found[3, 2:] == 0).all()


def test_estimates_of_neighbours_are_better_from_nearer_nodes() -> None:
    """The estimated distance of a row is unbiased, and off the less the nearer the query is to the node."""
    rng = np.random.default_rng(4)
    center = np.zeros(256, np.float32)
    node = rng.normal(size=256).astype(np.float32)
    near = (node + 0.3 * rng.normal(size=(300, 256))).astype(np.float32)
    vectors = np.concatenate([node[None, :], near])
    space = reference.CodeSpace(center, 7, SEED)
    codes = graph.code_space(center, bits=7, seed=SEED).encode(vectors, np.zeros(301, np.float32))
    links = np.arange(1, 301, dtype=np.uint32)[None, :]
    encoded = disk.neighbour_coder(DiskCoding(center, 7, SEED), with_norms=True).encode(
        codes, np.zeros(1, np.uint32), links
    )
    by_neighbour = encoded.reshape(300, -1)
    heads = np.ascontiguousarray(by_neighbour[:, :8]).view(np.float32)
    signs = 2.0 * np.unpackbits(by_neighbour[:, 8:], axis=1, bitorder="little") - 1
    spreads = []
    for offset in (0.3, 3.0):
        query = (node + offset * rng.normal(size=256)).astype(np.float32)
        rotated = space.rotated(query[None, :])[0]
        own = float(((query - node) ** 2).sum())
        estimated = own + heads[:, 1] - 2 * heads[:, 0] * (signs @ rotated)
        errors = estimated - ((near - query) ** 2).sum(axis=1)
        assert abs(errors.mean()) < 0.2 * errors.std() + 0.5
        spreads.append(errors.std())
    assert spreads[0] < 0.35 * spreads[1]


@settings(max_examples=40)
@given(seed=st.integers(0, 2**20), count=st.integers(1, 80), block_nodes=st.integers(1, 9))
def test_orders_of_blocks_are_those_of_the_reference(seed: int, count: int, block_nodes: int) -> None:
    rng = np.random.default_rng(seed)
    links = rng.integers(0, count, (count, 3)).astype(np.uint32)
    links[rng.random((count, 3)) < 0.2] = graph.NO_NODE
    entries = rng.integers(0, count, rng.integers(1, 4)).astype(np.uint32)
    order = disk.block_order(links, entries, block_nodes=block_nodes)
    assert sorted(order.tolist()) == list(range(count))
    assert order[0] == entries[0]
    np.testing.assert_array_equal(order, reference.block_order(links, entries, block_nodes))


def test_linked_nodes_share_blocks() -> None:
    chain = np.random.default_rng(2).permutation(400).astype(np.uint32)
    links = np.full((400, 2), graph.NO_NODE, np.uint32)
    links[chain[:-1], 0] = chain[1:]
    order = disk.block_order(links, chain[:1].copy(), block_nodes=10)
    np.testing.assert_array_equal(order, chain)


@pytest.mark.parametrize("is_file", [True, False])
@pytest.mark.parametrize("held_count", [0, 100])
def test_a_damaged_block_is_found_out(tmp_path: Path, *, is_file: bool, held_count: int) -> None:
    base = clustered(200, 40, 1, np.float32)
    one = made(base, "L2", np.arange(200), bits=4, inline_count=DEGREE, has_codes=True)
    damaged = one.blocks.copy()
    damaged[70::4096] ^= 1
    path = tmp_path / "blocks"
    path.write_bytes(damaged.tobytes())
    one = replace(one, blocks=damaged)
    with path.open("rb") as file:
        source = (file.fileno(), 0) if is_file else None
        with pytest.raises(ValueError, match="is damaged"):
            native(one, source, held_count).search("L2", base[:1], base, None, plan_of(3, 9), None)


def test_a_file_that_became_shorter_is_an_error_of_the_system(tmp_path: Path) -> None:
    base = clustered(200, 40, 1, np.float32)
    one = made(base, "L2", np.arange(200), bits=4, inline_count=0, has_codes=False)
    path = tmp_path / "blocks"
    path.write_bytes(one.blocks.tobytes()[:1000])
    with path.open("rb") as file, pytest.raises(OSError, match="error"):
        native(one, (file.fileno(), 0)).search("L2", base[:1], base, None, plan_of(3, 9), None)


def test_vectors_are_read_from_a_file_at_an_offset(tmp_path: Path) -> None:
    base = clustered(300, 33, 1, np.float32)
    one = made(base, "COSINE", np.arange(300), bits=4, inline_count=2, has_codes=True)
    path = tmp_path / "vectors"
    path.write_bytes(b"x" * 13 + base.tobytes())
    queries = clustered(5, 33, 2, np.float32)
    plan = plan_of(100, 300)
    with path.open("rb") as file:
        scores, rows, counts = native(one).search("COSINE", queries, base, (file.fileno(), 13), plan, None)
    expected_scores, expected_rows = distance.scan_topk_many("COSINE", queries, base, 100)
    np.testing.assert_array_equal(rows, expected_rows)
    np.testing.assert_array_equal(scores, expected_scores)
    assert (counts[:, 1] > 0).all()
    assert (counts[:, 2] >= 100).all()


def test_wrong_arguments_are_refused() -> None:
    base = clustered(50, 8, 1, np.float32)
    one = made(base, "L2", np.arange(50), bits=4, inline_count=0, has_codes=False)
    assert one.memory is not None
    with pytest.raises(ValueError, match="the layout does not fit"):
        native(replace(one, blocks=one.blocks[:-512].copy()))
    with pytest.raises(ValueError, match="the layout does not fit"):
        native(replace(one, layout=replace(one.layout, block_bytes=0)))
    with pytest.raises(ValueError, match="for every node"):
        native(replace(one, memory=replace(one.memory, rows=one.memory.rows[:-1].copy())))
    with pytest.raises(ValueError, match="expected less than 50"):
        native(replace(one, memory=replace(one.memory, rows=one.memory.rows + np.uint32(1))))
    with pytest.raises(ValueError, match="k or more"):
        native(one).search("L2", base, base, None, plan_of(5, 4), None)
    with pytest.raises(ValueError, match="rows of the graph"):
        native(one).search("L2", base, base[:10].copy(), None, plan_of(1, 4), None)
    with pytest.raises(ValueError, match="block_nodes"):
        disk.block_order(np.zeros((1, 1), np.uint32), np.zeros(1, np.uint32), block_nodes=0)
