"""Graphs on disk as an index: what they store, hold and find, from files as from memory, and what damage does."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.errors import DataCorrupt, InvalidInput, Unavailable
from elanus.index.calibration import recall_of
from elanus.index.disk.search import DiskIndex
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.protocol import BuildContext, RangeBounds, VectorColumn
from elanus.index.registry import index_type
from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.local import LocalStore
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric
from elanus.storage.artefacts import ArtefactWriter, map_artefacts

MODES: dict[str, tuple[str, dict[str, Any]]] = {
    "diskann": ("DISKANN", {"max_degree": 24}),
    "fill": ("AISAQ", {"max_degree": 24}),
    "performance": ("AISAQ", {"max_degree": 24, "inline_pq": 24}),
    "some inline": ("AISAQ", {"max_degree": 24, "inline_pq": 10, "rearrange": False}),
    "scale": ("AISAQ", {"max_degree": 24, "inline_pq": 0, "num_entry_points": 0}),
}
ROW_COUNT, DIM = 4000, 96
FIELD = Field("vector", DataType.FLOAT_VECTOR, dim=DIM)


def vectors_of(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(99).normal(size=(30, DIM))
    return (centers[rng.integers(30, size=count)] + 0.7 * rng.normal(size=(count, DIM))).astype(np.float32)


COLUMN = VectorColumn(FIELD, dense_array(vectors_of(ROW_COUNT, 1), FIELD))
QUERIES = vectors_of(25, 2)


def built(mode: str, metric: Metric = Metric.L2, **context: Any) -> dict[str, Any]:
    name, given = MODES[mode]
    kind = index_type(name)
    return kind.build(COLUMN, metric, kind.check_build_params(FIELD, metric, given), BuildContext(**context))


def opened(mode: str, artefacts: Any, metric: Metric = Metric.L2, column: VectorColumn = COLUMN) -> DiskIndex:
    name, given = MODES[mode]
    kind = index_type(name)
    index = kind.open(column, metric, kind.check_build_params(FIELD, metric, given), artefacts)
    assert isinstance(index, DiskIndex)
    return index


def search_params(mode: str, k: int = 10, search_list: int = 60) -> dict[str, Any]:
    name, given = MODES[mode]
    kind = index_type(name)
    params = kind.check_build_params(FIELD, Metric.L2, given)
    return kind.check_search_params({"search_list": search_list}, build_params=params, k=k)


def in_memory(artefacts: dict[str, Any]) -> dict[str, memoryview]:
    return {name: memoryview(np.frombuffer(data, np.uint8).tobytes()) for name, data in artefacts.items()}


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def artefacts(mode: str) -> dict[str, memoryview]:
    return in_memory(built(mode))


@pytest.mark.parametrize("metric", [Metric.IP, Metric.COSINE])
def test_recall_of_every_mode_and_metric(mode: str, metric: Metric) -> None:
    index = opened(mode, in_memory(built(mode, metric)), metric)
    hits = index.search(QUERIES, 10, search_params(mode), None)
    exact = ExactScan.over(COLUMN, metric).search(QUERIES, 10, None)
    same = [len(set(a) & set(b)) for a, b in zip(hits.rows.tolist(), exact.rows.tolist(), strict=True)]
    assert sum(same) >= 0.97 * 10 * len(QUERIES)


@pytest.mark.parametrize("recall", [0.8, 0.97])
def test_diskann_reaches_the_recall_asked_for(recall: float) -> None:
    index = opened("diskann", in_memory(built("diskann")))
    kind = index_type("DISKANN")
    build_params = kind.check_build_params(FIELD, Metric.L2, {})
    queries = vectors_of(200, 3)
    breadths = []
    for k in (1, 10, 40):
        params = kind.check_search_params({"recall": recall}, build_params=build_params, k=k)
        true = index.scan.search(queries, k, None).rows
        assert recall_of(index.search(queries, k, params, None).rows, true) >= recall - 0.03, k
        assert index.calibration is not None
        breadths.append(index.calibration.effort(k, recall))
    assert breadths == sorted(breadths)
    with pytest.raises(InvalidInput, match="recall or search_list, not both"):
        kind.check_search_params({"recall": recall, "search_list": 20}, build_params=build_params, k=10)


def test_reads_are_counted(mode: str, artefacts: dict[str, memoryview]) -> None:
    index = opened(mode, artefacts)
    params = search_params(mode, search_list=15)
    _, reads = index.search_counting(QUERIES, 10, params, None)
    assert reads is not None
    assert (reads.vectors >= 10).all()
    assert (reads.compared > 15).all()
    # Blocks are kept while a call lasts, so that later queries find some.
    assert reads.blocks[0] >= 5
    assert (reads.blocks < 200).all()


def test_a_filter_of_any_share_finds_all_it_can(mode: str, artefacts: dict[str, memoryview]) -> None:
    index = opened(mode, artefacts)
    for share in (0.9, 0.5, 0.1, 0.02, 0.0):
        mask = np.random.default_rng(2).random(ROW_COUNT) < share
        allow = Bitset.from_bool(mask)
        hits = index.search(QUERIES, 10, search_params(mode), allow)
        exact = index.scan.search(QUERIES, 10, allow)
        found = hits.rows >= 0
        np.testing.assert_array_equal(found, exact.rows >= 0)
        assert mask[hits.rows[found]].all()
        same = [len(set(a) & set(b)) for a, b in zip(hits.rows.tolist(), exact.rows.tolist(), strict=True)]
        assert sum(same) >= 0.95 * exact.rows[exact.rows >= 0].size


def test_a_walk_that_a_filter_makes_too_long_is_replaced_by_a_scan(mode: str, artefacts: dict[str, memoryview]) -> None:
    """Half the rows are allowed, those farthest from the query, which no walk reaches in time."""
    index = opened(mode, artefacts)
    distances = ((vectors_of(ROW_COUNT, 1) - QUERIES[0]) ** 2).sum(axis=1)
    mask = distances > np.quantile(distances, 0.5)
    allow = Bitset.from_bool(mask)
    params = search_params(mode, search_list=30)
    hits = index.search(QUERIES[:1], 10, params, allow)
    exact = index.scan.search(QUERIES[:1], 10, allow)
    assert mask[hits.rows[0]].all()
    # So many rows are about as far that codes cannot tell them apart; none that is found is much farther.
    np.testing.assert_allclose(hits.scores, exact.scores, rtol=0.03)


def test_files_give_what_memory_gives(mode: str, artefacts: dict[str, memoryview], tmp_path: Path) -> None:
    store = LocalStore(LocalDisk(tmp_path))
    writer = ArtefactWriter(store, "index")
    for name, content in artefacts.items():
        writer.write(name, [content])
    np.save(tmp_path / "vectors.npy", vectors_of(ROW_COUNT, 1))
    column = VectorColumn(FIELD, dense_array(np.load(tmp_path / "vectors.npy", mmap_mode="r"), FIELD))
    of_files = opened(mode, map_artefacts(store, "index", writer.files), column=column)
    of_memory = opened(mode, artefacts)
    if sys.platform == "linux":
        assert None not in of_files.files
    assert of_memory.files == (None, None)
    for allow in (None, Bitset.from_bool(np.arange(ROW_COUNT) % 2 == 0)):
        for search_list in (10, 80):
            params = search_params(mode, search_list=search_list)
            expected = of_memory.search(QUERIES, 10, params, allow)
            hits = of_files.search(QUERIES, 10, params, allow)
            np.testing.assert_array_equal(hits.rows, expected.rows)
            np.testing.assert_array_equal(hits.scores, expected.scores)
    bounds = RangeBounds(radius=float(expected.scores[0, 9]))
    for one in zip(
        *(index.range_search(QUERIES[0], bounds, params, None) for index in (of_files, of_memory)), strict=True
    ):
        np.testing.assert_array_equal(*one)


def test_what_is_streamed_is_what_is_returned_otherwise(mode: str, artefacts: dict[str, memoryview]) -> None:
    taken: dict[str, bytes] = {}

    def take(name: str, parts: Iterable[np.ndarray]) -> None:
        sizes = [taken.setdefault(name, b"")]
        for part in parts:
            assert part.nbytes <= 5 << 20
            sizes.append(part.tobytes())
        taken[name] = b"".join(sizes)

    returned = built(mode, store_artefact=take, thread_count=2)
    assert set(taken) == ({"nodes", "codes"} if mode == "diskann" else {"nodes"})
    assert not set(taken) & set(returned)
    together = taken | {name: bytes(memoryview(data)) for name, data in returned.items()}
    assert together == {name: bytes(data) for name, data in artefacts.items()}


def test_cancelling_between_blocks_stores_nothing(tmp_path: Path) -> None:
    store = LocalStore(LocalDisk(tmp_path))
    writer = ArtefactWriter(store, "index")
    asked: list[bool] = []

    def is_cancelled() -> bool:
        asked.append(True)
        return cancel_at is not None and len(asked) > cancel_at

    cancel_at: int | None = None
    built("fill", store_artefact=writer.write, cancelled=is_cancelled)
    assert [file.name for file in writer.files] == ["nodes"]
    asked_count = len(asked)
    cancel_at = asked_count - 1
    asked.clear()
    again = ArtefactWriter(store, "again")
    with pytest.raises(Unavailable) as caught:
        built("fill", store_artefact=again.write, cancelled=is_cancelled)
    assert caught.value.kind == "cancelled"
    assert again.files == ()
    assert list((tmp_path / "again").iterdir()) == []


def test_damage_after_opening_is_found_out(mode: str, artefacts: dict[str, memoryview]) -> None:
    nodes = np.frombuffer(artefacts["nodes"], np.uint8).copy()
    index = opened(mode, {**artefacts, "nodes": memoryview(nodes)})
    nodes[100::512] ^= 255
    wide = Bitset.from_bool(np.ones(ROW_COUNT, bool))
    if mode == "diskann":
        with pytest.raises(DataCorrupt, match="damaged"):
            opened(mode, {**artefacts, "nodes": memoryview(nodes)})
        return
    with pytest.raises(DataCorrupt, match="damaged"):
        index.search(QUERIES, 10, search_params(mode), wide)
    with pytest.raises(DataCorrupt, match="damaged"):
        index.range_search(QUERIES[0], RangeBounds(radius=1e9), search_params(mode), None)


@pytest.mark.parametrize("name", ["nodes", "entries", "entry_codes", "center", "graph.json"])
def test_artefacts_that_are_missing_or_cut_are_refused(mode: str, artefacts: dict[str, memoryview], name: str) -> None:
    with pytest.raises(DataCorrupt):
        opened(mode, {other: data for other, data in artefacts.items() if other != name})
    with pytest.raises(DataCorrupt):
        opened(mode, {**artefacts, name: artefacts[name][:-4]})


def test_an_index_of_another_kind_or_column_is_refused(artefacts: dict[str, memoryview], mode: str) -> None:
    other = "fill" if mode == "diskann" else "diskann"
    with pytest.raises(DataCorrupt, match="codes in blocks"):
        opened(other, artefacts)
    with pytest.raises(DataCorrupt, match="metric"):
        opened(mode, artefacts, Metric.IP)
    shorter = VectorColumn(FIELD, dense_array(vectors_of(ROW_COUNT - 1, 1), FIELD))
    with pytest.raises(DataCorrupt, match="row count"):
        opened(mode, artefacts, column=shorter)


def test_next_to_nothing_is_held_but_by_diskann(mode: str, artefacts: dict[str, memoryview]) -> None:
    size = opened(mode, artefacts).size()
    assert size.mapped_bytes == sum(data.nbytes for data in artefacts.values())
    assert size.memory_bytes < (60_000 if mode == "diskann" else 20_000)


@pytest.mark.parametrize("scale", [1e25, 1e-25])
def test_numbers_beyond_what_codes_hold_are_scanned(scale: float) -> None:
    column = VectorColumn(FIELD, dense_array((vectors_of(100, 1) * scale).astype(np.float32), FIELD))
    kind = index_type("AISAQ")
    params = kind.check_build_params(FIELD, Metric.L2, {})
    stored = kind.build(column, Metric.L2, params, BuildContext())
    assert isinstance(kind.open(column, Metric.L2, params, in_memory(stored)), FlatIndex)


_CHILD = """
import json
import resource
import sys
from pathlib import Path
import numpy as np
from elanus.columns.vectors import dense_array
from elanus.index.protocol import VectorColumn
from elanus.index.registry import index_type
from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.local import LocalStore
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric
from elanus.storage.artefacts import map_artefacts
from elanus.storage.manifest import ArtefactFile

def now(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))

def opened(folder, name):
    kind = index_type(name)
    matrix = np.load(folder / "vectors.npy", mmap_mode="r")
    field = Field("vector", DataType.FLOAT_VECTOR, dim=matrix.shape[1])
    files = [ArtefactFile(*line.rsplit(" ", 2)) for line in (folder / "files").read_text().splitlines()]
    files = [ArtefactFile(file.name, int(file.size_bytes), int(file.crc32c)) for file in files]
    params = kind.check_build_params(field, Metric.L2, json.loads(sys.argv[5]))
    artefacts = map_artefacts(LocalStore(LocalDisk(folder)), "index", files)
    index = kind.open(VectorColumn(field, dense_array(matrix, field)), Metric.L2, params, artefacts)
    return index, kind.check_search_params({"search_list": 40}, build_params=params, k=10)

small, large, queries = Path(sys.argv[1]), Path(sys.argv[2]), np.load(sys.argv[3])
# What a first search loads is not the index's.
kept = opened(small, sys.argv[4])
kept[0].search(queries, 10, kept[1], None)
before = now("VmRSS:")
data_max = now("VmData:") + int(sys.argv[6])
resource.setrlimit(resource.RLIMIT_DATA, (data_max, data_max))
index, params = opened(large, sys.argv[4])
rows = [index.search(query[None, :], 10, params, None).rows[0].tolist() for query in queries]
print(now("VmRSS:") - before)
print(sum(number in found for number, found in enumerate(rows)))
"""


def _stored(folder: Path, name: str, given: dict[str, Any], vectors: np.ndarray) -> None:
    folder.mkdir()
    kind = index_type(name)
    np.save(folder / "vectors.npy", vectors)
    field = Field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
    column = VectorColumn(field, dense_array(vectors, field))
    writer = ArtefactWriter(LocalStore(LocalDisk(folder)), "index")
    params = kind.check_build_params(field, Metric.L2, given)
    context = BuildContext(thread_count=2, store_artefact=writer.write)
    for file, content in kind.build(column, Metric.L2, params, context).items():
        writer.write(file, [content])
    (folder / "files").write_text("".join(f"{one.name} {one.size_bytes} {one.crc32c}\n" for one in writer.files))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is resident")
@pytest.mark.parametrize(
    ("name", "given", "bytes_max"),
    [
        ("AISAQ", {}, 600_000),
        ("AISAQ", {"inline_pq": 56}, 600_000),
        ("AISAQ", {"inline_pq": 0}, 600_000),
        ("DISKANN", {}, 3_500_000),
    ],
    ids=["filled", "performance", "scale", "diskann"],
)
def test_searching_holds_little_memory(name: str, given: dict[str, Any], bytes_max: int, tmp_path: Path) -> None:
    """10,000 vectors of 256 dimensions are 10 MB, their blocks 41 MB with neighbours' codes; a process of its own tells
    how much it has grown by, pages of files included. It may not allocate more than 8 MiB, those of blocks that are
    kept while a search lasts included."""
    rng = np.random.default_rng(3)
    centers = rng.normal(size=(100, 256))
    vectors = (centers[rng.integers(100, size=10_000)] + 0.7 * rng.normal(size=(10_000, 256))).astype(np.float32)
    _stored(tmp_path / "small", name, given, vectors[:300])
    _stored(tmp_path / "large", name, given, vectors)
    queries = vectors[:100] + np.float32(0.1)
    np.save(tmp_path / "queries.npy", queries)
    command = [
        sys.executable,
        "-c",
        _CHILD,
        *(str(tmp_path / part) for part in ("small", "large", "queries.npy")),
        name,
        json.dumps(given),
        str(8 << 20),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    grown, found_count = map(int, finished.stdout.split())
    assert found_count >= 98
    assert grown < bytes_max


@pytest.mark.parametrize("mode", ["fill", "performance", "scale"])
def test_what_aisaq_holds_does_not_grow_with_the_rows(mode: str) -> None:
    sizes = []
    for count in (1000, ROW_COUNT):
        column = VectorColumn(FIELD, dense_array(vectors_of(count, 1), FIELD))
        name, given = MODES[mode]
        kind = index_type(name)
        params = kind.check_build_params(FIELD, Metric.L2, given)
        stored = in_memory(kind.build(column, Metric.L2, params, BuildContext()))
        sizes.append(opened(mode, stored, column=column).size())
    assert sizes[0].memory_bytes == sizes[1].memory_bytes
    assert sizes[1].mapped_bytes > 3 * sizes[0].mapped_bytes


def test_nodes_kept_in_memory_count_as_memory() -> None:
    kind = index_type("AISAQ")
    params = kind.check_build_params(FIELD, Metric.L2, {"max_degree": 24, "pq_cache_size": 100_000})
    artefacts = in_memory(built("fill"))
    kept = kind.open(COLUMN, Metric.L2, params, artefacts).size().memory_bytes
    more = kept - opened("fill", artefacts).size().memory_bytes
    assert 100_000 - 8192 <= more <= 100_000


@pytest.mark.parametrize("allowed_count", [0, 3, 200])
def test_cursors_give_every_allowed_row_once(mode: str, artefacts: dict[str, memoryview], allowed_count: int) -> None:
    index = opened(mode, artefacts)
    mask = np.zeros(ROW_COUNT, bool)
    mask[np.random.default_rng(5).permutation(ROW_COUNT)[:allowed_count]] = True
    cursor = index.cursor(QUERIES[0], search_params(mode), Bitset.from_bool(mask))
    given: list[int] = []
    while (rows := cursor.next(30).rows[0])[0] >= 0:
        given += rows[rows >= 0].tolist()
    assert sorted(given) == np.flatnonzero(mask).tolist()
