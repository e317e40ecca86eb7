"""Times each kernel against NumPy and against what one core can read from memory, all in one run.

    python benchmarks/kernels.py [--rows 100000] [--width 768] [--repeat 7] [--levels avx2,avx512_icelake]

Every line measures the read loop, NumPy and the kernel in turn, `--repeat` times, and takes the best of each, so that
ratios hold on a machine that is shared. "of read" is the kernel's bytes a second over the read loop's; for data that
fits a cache it may exceed 100 %.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
from memory_rate import read_rate_loop

from elanus import kernels
from elanus.kernels import bits, checksum, compare, distance, sparse, strings, topk

_Task = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class _Line:
    """One kernel over some data: what to time, what it reads, and NumPy's way to the same answer."""

    name: str
    task: _Task
    read_bytes: int
    numpy: _Task | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--levels", default="", help="comma-separated; all that this CPU has by default")
    arguments = parser.parse_args()
    chosen = arguments.levels.split(",") if arguments.levels else kernels.info().available[:-1]
    read = read_rate_loop()
    rng = np.random.default_rng(1)
    groups = [_dense, _filtered, _many, _small_calls, _sparse, _topk, _predicates, _strings, _sets]
    for group in groups:
        lines = group(rng, arguments.rows, arguments.width)
        _report(lines, chosen, read, arguments.repeat)


def _report(lines: list[_Line], levels: Sequence[str], read: Callable[[int], float], repeat: int) -> None:
    print(f"\n{'kernel':<37}{'level':<16}{'us':>10}{'GB/s':>8}{'of read':>9}{'numpy us':>11}{'ratio':>8}")
    for line in lines:
        for level in levels:
            kernels.use(level)
            seconds, read_rate, numpy_seconds = _measure(line, read, repeat)
            rate = line.read_bytes / seconds
            told = f"{line.name:<37}{level:<16}{seconds * 1e6:>10.1f}{rate / 1e9:>8.1f}{rate / read_rate:>9.0%}"
            if numpy_seconds is not None:
                told += f"{numpy_seconds * 1e6:>11.1f}{numpy_seconds / seconds:>8.1f}"
            print(told)


def _measure(line: _Line, read: Callable[[int], float], repeat: int) -> tuple[float, float, float | None]:
    """Best seconds of the kernel, best bytes a second of the read loop, best seconds of NumPy."""
    own: list[float] = []
    numpy: list[float] = []
    rates: list[float] = []
    for _ in range(repeat):
        rates.append(read(line.read_bytes))
        own.append(_seconds(line.task))
        # NumPy is slow and steady: once or twice tells enough.
        if line.numpy is not None and len(numpy) < 2:
            numpy.append(_seconds(line.numpy))
    return min(own), max(rates), min(numpy) if numpy else None


def _seconds(task: _Task) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def _vectors(rng: np.random.Generator, rows: int, width: int) -> dict[str, npt.NDArray[Any]]:
    floats = rng.standard_normal((rows, width), np.float32)
    return {
        "float32": floats,
        "float16": floats.astype(np.float16),
        "bfloat16": (floats.view(np.uint32) >> np.uint32(16)).astype(np.uint16),
        "int8": np.clip(floats * 40, -127, 127).astype(np.int8),
        "bits": rng.integers(0, 256, (rows, width // 8), np.uint8),
    }


def _numpy_l2(query: npt.NDArray[Any], base: npt.NDArray[Any]) -> object:
    return np.argpartition(((base - query) ** 2).sum(axis=1), 10)[:10]


def _numpy_ip(query: npt.NDArray[Any], base: npt.NDArray[Any]) -> object:
    return np.argpartition(-(base @ query), 10)[:10]


def _numpy_cosine(query: npt.NDArray[Any], base: npt.NDArray[Any]) -> object:
    return np.argpartition(-(base @ query) / np.sqrt(np.einsum("ij,ij->i", base, base)), 10)[:10]


def _numpy_listed(query: npt.NDArray[Any], base: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> object:
    return ((base[rows] - query) ** 2).sum(axis=1)


def _numpy_many(queries: npt.NDArray[Any], base: npt.NDArray[Any]) -> object:
    return np.argpartition(-(queries @ base.T), 10, axis=1)[:, :10]


def _dense(rng: np.random.Generator, rows: int, width: int) -> list[_Line]:
    lines: list[_Line] = []
    in_numpy = {"L2": _numpy_l2, "IP": _numpy_ip, "COSINE": _numpy_cosine}
    for kind, base in _vectors(rng, rows, width).items():
        query = base[rows // 2].copy() if kind in {"bits", "int8"} else rng.standard_normal(width, np.float32)
        lines.extend(
            _Line(
                f"scan_topk {metric} {kind}",
                partial(distance.scan_topk, metric, query, base, 10),
                base.nbytes,
                partial(in_numpy[metric], query, base) if kind == "float32" else None,
            )
            for metric in (("HAMMING", "JACCARD") if kind == "bits" else ("L2", "IP", "COSINE"))
        )
    return lines


def _filtered(rng: np.random.Generator, rows: int, width: int) -> list[_Line]:
    base = rng.standard_normal((rows, width), np.float32)
    query = rng.standard_normal(width, np.float32)
    lines = []
    for share in (0.01, 0.1, 0.5, 0.9):
        mask = rng.random(rows) < share
        allowed = np.flatnonzero(mask)
        scan = partial(distance.scan_topk, "L2", query, base, 10, allow=bits.bits_from_bool(mask))
        name = f"scan_topk L2 float32, {share:.0%} allowed"
        lines.append(_Line(name, scan, len(allowed) * width * 4, partial(_numpy_listed, query, base, allowed)))
    listed = rng.permutation(rows)[: rows // 5]
    score = partial(distance.score_rows, "L2", query, base, listed)
    numpy = partial(_numpy_listed, query, base, listed)
    return [*lines, _Line("score_rows L2 float32, any order", score, len(listed) * width * 4, numpy)]


def _many(rng: np.random.Generator, rows: int, width: int) -> list[_Line]:
    base = rng.standard_normal((rows, width), np.float32)
    lines = []
    for count in (4, 32):
        queries = rng.standard_normal((count, width), np.float32)
        scan = partial(distance.scan_topk_many, "IP", queries, base, 10)
        name = f"scan_topk_many IP, {count} queries"
        lines.append(_Line(name, scan, base.nbytes * count, partial(_numpy_many, queries, base)))
    return lines


def _small_calls(rng: np.random.Generator, _rows: int, width: int) -> list[_Line]:
    base = rng.standard_normal((10, width), np.float32)
    query = rng.standard_normal(width, np.float32)
    return [
        _Line(
            "1000 x scan_topk over 10 rows",
            lambda: [distance.scan_topk("L2", query, base, 10) for _ in range(1000)],
            base.nbytes * 1000,
            lambda: [np.argsort(((base - query) ** 2).sum(axis=1)) for _ in range(1000)],
        )
    ]


def _sparse(rng: np.random.Generator, rows: int, _width: int) -> list[_Line]:
    lengths = rng.integers(60, 180, rows)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    # Ascending indices below 30,000 in each row, cheaply: steps added up.
    steps = rng.integers(1, 166, int(offsets[-1]), np.uint32)
    total = np.cumsum(steps, dtype=np.uint64)
    indices = (total - np.repeat(total[offsets[:-1]] - steps[offsets[:-1]], lengths)).astype(np.uint32)
    values = rng.random(len(indices), np.float32)
    query = np.sort(rng.choice(30_000, 50, replace=False)).astype(np.uint32)
    weights = rng.random(50, np.float32)
    dense = np.zeros(30_000, np.float32)
    dense[query] = weights

    def by_numpy() -> object:
        return np.argpartition(-np.add.reduceat(dense[indices] * values, offsets[:-1]), 10)[:10]

    task = partial(sparse.sparse_scan_topk, query, weights, offsets, indices, values, 10)
    return [_Line(f"sparse_scan_topk, {len(indices)} terms", task, indices.nbytes, by_numpy)]


def _topk(rng: np.random.Generator, _rows: int, _width: int) -> list[_Line]:
    scores = rng.standard_normal(1_000_000, np.float32)
    return [
        _Line(
            f"topk {k} of 1,000,000",
            partial(topk.topk, scores, k, largest=True),
            scores.nbytes,
            partial(np.argpartition, scores, len(scores) - k),
        )
        for k in (10, 1000, 16_384)
    ]


def _packed(mask: _Task) -> _Task:
    """NumPy's words: its mask, packed."""
    return lambda: np.packbits(mask(), bitorder="little")


def _predicates(rng: np.random.Generator, _rows: int, _width: int) -> list[_Line]:
    count = 1_000_000
    lines = []
    for dtype in ("int8", "int64", "float32"):
        values = rng.integers(0, 100, count).astype(dtype)
        task = partial(compare.compare, values, "<", 50)
        lines.append(_Line(f"compare < {dtype}, 1,000,000", task, values.nbytes, _packed(partial(np.less, values, 50))))
    numbers = rng.integers(0, 1 << 40, count)
    for size in (8, 1000):
        listed = np.unique(numbers[:size])
        task = partial(compare.is_in, numbers, listed)
        in_numpy = _packed(partial(np.isin, numbers, listed))
        lines.append(_Line(f"is_in int64, list of {size}", task, numbers.nbytes, in_numpy))
    for size in (200, 50_000):
        codes, table = rng.integers(0, size, count).astype(np.int32), rng.random(size) < 0.3
        task = partial(compare.dictionary_in, codes, table)
        in_numpy = _packed(partial(table.take, codes))
        lines.append(_Line(f"dictionary_in, table of {size}", task, codes.nbytes, in_numpy))
    return lines


def _strings(rng: np.random.Generator, _rows: int, _width: int) -> list[_Line]:
    words = [rng.integers(97, 123, size, np.uint8).tobytes() for size in rng.integers(3, 20, 5000)]
    chosen = [words[place] for place in rng.integers(0, len(words), 1_000_000)]
    offsets = np.cumsum([0, *(len(word) for word in chosen)]).astype(np.int32)
    data = np.frombuffer(b"".join(chosen), np.uint8)
    fixed = np.array(chosen)
    literal, start = words[7], words[7][:2]
    rare, common = b"xyz", b"e"
    tasks: list[tuple[str, _Task, _Task | None]] = [
        ("==", lambda: strings.string_equals(offsets, data, literal), lambda: fixed == literal),
        ("<", lambda: strings.string_compare(offsets, data, "<", literal), lambda: fixed < literal),
        ("in list of 50", lambda: strings.string_in(offsets, data, words[:50]), lambda: np.isin(fixed, words[:50])),
        ("prefix", lambda: strings.string_prefix(offsets, data, start), lambda: np.strings.startswith(fixed, start)),
        ("contains, rare", lambda: strings.string_contains(offsets, data, rare), lambda: np.strings.find(fixed, rare)),
        ("contains, common", lambda: strings.string_contains(offsets, data, common), None),
        ("hash", lambda: strings.hash_strings(offsets, data, seed=0), None),
    ]
    return [_Line(f"strings, 1,000,000: {name}", task, data.nbytes, numpy) for name, task, numpy in tasks]


def _sets(rng: np.random.Generator, _rows: int, _width: int) -> list[_Line]:
    mask = rng.random(1_000_000) < 0.5
    words = bits.bits_from_bool(mask)
    few_mask = rng.random(1_000_000) < 0.01
    few = bits.bits_from_bool(few_mask)
    data = rng.integers(0, 256, 1 << 26, np.uint8)
    size = len(mask)
    return [
        _Line(
            "bit_count, 1,000,000", lambda: bits.bit_count(words), words.nbytes, lambda: np.bitwise_count(words).sum()
        ),
        _Line("bit_rows, 50 % set", lambda: bits.bit_rows(words, size), words.nbytes, lambda: np.flatnonzero(mask)),
        _Line("bit_rows, 1 % set", lambda: bits.bit_rows(few, size), few.nbytes, lambda: np.flatnonzero(few_mask)),
        _Line("bits_from_bool", lambda: bits.bits_from_bool(mask), mask.nbytes, lambda: np.packbits(mask)),
        _Line("crc32c, 64 MiB", lambda: checksum.crc32c(data), data.nbytes),
        _Line("blocks_crc32c of 4 KiB, 64 MiB", lambda: checksum.blocks_crc32c(data, 4096), data.nbytes),
    ]


if __name__ == "__main__":
    main()
