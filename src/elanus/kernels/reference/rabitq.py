"""RaBitQ with the query as it is: estimates are those that the tables and bytes of the native library come close to."""

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats, Hits, Rows
from elanus.kernels.list_arrays import BLOCK_ROWS, ROTATION_ROUNDS, IvfLists, IvfQuestion, RabitqLists
from elanus.kernels.reference.arguments import check_array
from elanus.kernels.reference.ivf import hits_of

__all__ = ["ivf_search_rabitq", "rabitq_block_sums", "rabitq_fine_products", "rabitq_rotate"]


def rabitq_rotate(vectors: Floats, signs: Floats) -> Floats:
    check_array(vectors, "vectors", np.float32, dimension_count=2)
    check_array(signs, "signs", np.float32, dimension_count=2)
    size = signs.shape[1]
    if len(signs) != ROTATION_ROUNDS or size % 64 or size < vectors.shape[1] or size == 0:
        expected = f"{ROTATION_ROUNDS} x a multiple of 64 of at least {vectors.shape[1]}"
        raise ValueError(f"signs is {len(signs)} x {size}, expected {expected}")
    block = size & -size
    rotated = np.zeros((len(vectors), size), np.float32)
    rotated[:, : vectors.shape[1]] = vectors
    for flipped in signs:
        blocks = _hadamard((rotated * flipped).reshape(len(vectors) * (size // block), block)).reshape(
            len(vectors), size // block, block
        )
        rotated = np.ascontiguousarray(blocks.transpose(0, 2, 1)).reshape(len(vectors), size)
    scale = np.float32(1) / (np.float32(block) * np.sqrt(np.float32(block)))
    return np.asarray(rotated * scale)


def rabitq_block_sums(blocks: npt.NDArray[np.uint8], tables: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    check_array(blocks, "blocks", np.uint8, dimension_count=2)
    check_array(tables, "tables", np.uint8, dimension_count=2)
    if tables.shape[1] != 16 or len(tables) % 16 or blocks.shape[1] != 16 * len(tables):
        raise ValueError(
            f"tables is {len(tables)} x {tables.shape[1]} and a block has {blocks.shape[1]} bytes, "
            "expected a multiple of 16 tables of 16, and 16 bytes a block for each"
        )
    codes = _block_codes(blocks)
    return np.asarray(tables[np.arange(len(tables)), codes].sum(axis=2, dtype=np.uint32))


def rabitq_fine_products(
    codes: npt.NDArray[np.uint8], query: npt.NDArray[np.int8], places: npt.NDArray[np.uint32]
) -> Rows:
    check_array(codes, "codes", np.uint8, dimension_count=2)
    check_array(query, "query", np.int8)
    check_array(places, "places", np.uint32)
    segment = len(query) // 8
    bits = codes.shape[1] // segment if segment else 0
    if len(query) % 64 or not 1 <= bits <= 7 or codes.shape[1] != bits * segment:
        raise ValueError(
            f"codes have {codes.shape[1]} bytes a row, expected 1 to 7 times an eighth of the query's {len(query)} "
            "elements, a multiple of 64"
        )
    if len(places) and places.max() >= len(codes):
        raise ValueError(f"a place is {places.max()}, expected less than {len(codes)}")
    products: Rows = _unpacked(codes[places], bits, segment).astype(np.int64) @ query.astype(np.int64)
    return products


def ivf_search_rabitq(
    question: IvfQuestion, lists: IvfLists, codes: RabitqLists, stage: str, nprobe: int, k: int, pool: int
) -> Hits:
    if stage not in {"estimates", "column"} and not (stage == "fine" and codes.fine_bits > 1):
        raise ValueError(f"stage is {stage!r}, expected estimates, column, or fine where there are finer codes")
    by_distance = question.metric == "L2"
    bits = _bits(codes.blocks)

    def keys(vector: Floats, list_number: int, places: Rows) -> Floats:
        if stage == "column":
            return np.zeros(len(places), np.float32)
        centroid = lists.centroids[list_number]
        query = rabitq_rotate((vector - codes.origin)[None, :], codes.signs)[0]
        whole = bits[places].astype(np.float32)
        factors = codes.factors
        shift = np.float32(0.5)
        if stage == "fine":
            low = codes.fine_bits - 1
            whole = whole * 2**low + _unpacked(codes.fine[places], low, codes.signs.shape[1] // 8)
            factors = codes.fine_factors
            shift = np.float32((2**codes.fine_bits - 1) / 2)
        else:
            factors = factors * np.array([[1], [2], [1]], np.float32)
        near = ((vector - centroid) ** 2).sum() if by_distance else -(vector @ centroid)
        return np.asarray(near + factors[0, places] + factors[1, places] * ((whole - shift) @ query))

    return hits_of(question, lists, keys, (nprobe, k, max(pool, len(lists.members)) if stage == "column" else pool))


def _hadamard(rows: Floats) -> Floats:
    size = rows.shape[1]
    half = size // 2
    while half:
        pairs = rows.reshape(len(rows), size // (2 * half), 2, half)
        rows = np.stack([pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]], axis=2)
        rows = rows.reshape(len(rows), size)
        half //= 2
    return rows


def _block_codes(blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(block_count, 32, table_count) codes of 4 bits."""
    halves = blocks.reshape(len(blocks), blocks.shape[1] // 16, 16).transpose(0, 2, 1)
    return np.concatenate([halves & 15, halves >> 4], axis=1)


def _bits(blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(32 * block_count, padded dim) of 0 and 1."""
    codes = _block_codes(blocks)
    bits: npt.NDArray[np.uint8] = codes[..., None] >> np.arange(4, dtype=np.uint8) & np.uint8(1)
    return bits.reshape(len(blocks) * BLOCK_ROWS, codes.shape[2] * 4)


def _unpacked(codes: npt.NDArray[np.uint8], bits: int, segment: int) -> npt.NDArray[np.uint8]:
    """(count, 8 * segment) lower bits of codes."""
    numbers = np.zeros((len(codes), segment), np.uint64)
    for number in range(bits):
        numbers |= codes[:, number * segment : (number + 1) * segment].astype(np.uint64) << np.uint64(8 * number)
    parts = [(numbers >> np.uint64(bits * part)) & np.uint64(2**bits - 1) for part in range(8)]
    return np.hstack(parts).astype(np.uint8)
