"""Vectors as codes of few bits, in NumPy: `native/src/algo/{rotation,codes}`."""

import math

import numpy as np
import numpy.typing as npt

from elanus.kernels.reference.arguments import check_array

__all__ = ["CodeQuery", "CodeSpace", "decode_tails", "estimates", "rotation_signs", "unpack"]

_WIDTH_STEP = 128
_LINE_BYTES = 64
_TAIL_BYTES = 32
_CLIP_COUNT = 9
_CLIP_STEP = np.float32(0.06)
_RANGE_MIN = np.float32(2.0**-100)
_MASK = 0xFFFFFFFFFFFFFFFF

Floats = npt.NDArray[np.float32]

TAIL = np.dtype([(name, np.float32) for name in ("scale", "offset", "norm", "deviation", "code_sum", "lift", "x", "y")])


def _splitmix(seed: int, count: int) -> list[int]:
    """The first `count` numbers of Steele, Lea and Flood's generator."""
    numbers = []
    state = seed & _MASK
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        numbers.append(z ^ (z >> 31))
    return numbers


def rotation_signs(width: int, seed: int) -> Floats:
    """(rounds, block) of signs, scaled so that a transform of a block keeps lengths."""
    block = 1 << (width.bit_length() - 1)
    rounds = 2 if block == width else 4
    words = np.array(_splitmix(seed, (block * rounds + 63) // 64), np.uint64)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")[: block * rounds]
    scale = np.float32(1) / np.sqrt(np.float32(block))
    signs: Floats = np.where(bits == 1, scale, -scale).astype(np.float32).reshape(rounds, block)
    return signs


def _transformed(part: Floats) -> Floats:
    """The Walsh-Hadamard transform of the last axis, not scaled."""
    half = part.shape[-1] // 2
    while half >= 1:
        pairs = part.reshape(*part.shape[:-1], -1, 2, half)
        low, high = pairs[..., 0, :], pairs[..., 1, :]
        part = np.stack([low + high, low - high], axis=-2).reshape(part.shape)
        half //= 2
    return part


class CodeQuery:
    """A vector to compare rows of codes with."""

    def __init__(self, elements: npt.NDArray[np.int64], scale: float, shift: float, total: float, norm: float) -> None:
        self.elements = elements
        self.scale = np.float32(scale)
        self.shift = np.float32(shift)
        self.sum = np.float32(total)
        self.norm = np.float32(norm)
        self.lift = np.float32(0)


class CodeSpace:
    """How vectors of one index become codes."""

    def __init__(self, center: Floats, bits: int, seed: int) -> None:
        check_array(center, "center", np.float32)
        if bits not in {4, 7}:
            raise ValueError(f"bits is {bits}, expected 4 or 7")
        if not 1 <= len(center) <= 32768:
            raise ValueError(f"center has {len(center)} elements, expected 1 to 32768")
        self.center = center.copy()
        self.bits = bits
        self.dim = len(center)
        self.width = -(-self.dim // _WIDTH_STEP) * _WIDTH_STEP
        self.code_bytes = self.width // 2 if bits == 4 else self.width
        self.stride = -(-(self.code_bytes + _TAIL_BYTES) // _LINE_BYTES) * _LINE_BYTES
        self._signs = rotation_signs(self.width, seed)

    def rotated(self, vectors: Floats) -> Floats:
        """`vectors` (count, dim), padded with zeros and rotated: (count, width)."""
        values = np.zeros((len(vectors), self.width), np.float32)
        values[:, : self.dim] = vectors
        block = self._signs.shape[1]
        half_root = np.sqrt(np.float32(0.5))
        for number, signs in enumerate(self._signs):
            start = 0 if number % 2 == 0 else self.width - block
            values[:, start : start + block] = _transformed(values[:, start : start + block] * signs)
            if block < self.width:
                low, high = values[:, : self.width // 2].copy(), values[:, self.width // 2 :].copy()
                values = np.concatenate([(low + high) * half_root, (low - high) * half_root], axis=1)
        return values

    def encode(self, vectors: Floats, lifts: Floats) -> npt.NDArray[np.uint8]:
        """The rows of codes, flat."""
        check_array(vectors, "vectors", np.float32, dimension_count=2)
        check_array(lifts, "lifts", np.float32)
        if vectors.shape[1] != self.dim:
            raise ValueError(f"vectors have {vectors.shape[1]} elements, expected {self.dim}")
        if len(lifts) != len(vectors):
            raise ValueError("lifts must be as many as vectors")
        rows = np.zeros((len(vectors), self.stride), np.uint8)
        rotated = self.rotated(vectors - self.center)
        for row, values, vector, lift in zip(rows, rotated, vectors, lifts, strict=True):
            self._encode_row(row, values, vector, lift)
        return rows.reshape(-1)

    def prepare(self, vector: Floats, *, centred: bool) -> CodeQuery:
        """A vector that is no row."""
        values = self.rotated((vector - self.center if centred else vector)[None, :])[0]
        largest = max(values.max(), -values.min())
        inverse = np.float32(127) / largest if largest > _RANGE_MIN else np.float32(0)
        elements = np.rint(values * inverse + np.float32(128)).astype(np.int64) - 128
        scale = largest / np.float32(127)
        return CodeQuery(elements, scale, 0, scale * np.float32(elements.sum()), float((values * values).sum()))

    def _encode_row(self, row: npt.NDArray[np.uint8], values: Floats, vector: Floats, lift: np.float32) -> None:
        most = np.float32((1 << self.bits) - 1)
        offset, scale = _best_range(values, most)
        codes = _codes_of(values, offset, scale, most)
        decoded = offset + scale * codes.astype(np.float64)
        exact = values.astype(np.float64)
        with_decoded, own = float((decoded * exact).sum()), float((exact * exact).sum())
        stretch = own / with_decoded if with_decoded > 0 else 1.0
        error = max(0.0, own - 2 * stretch * with_decoded + stretch**2 * float((decoded * decoded).sum()))
        centred = (vector - self.center).astype(np.float64)
        tail = np.zeros(1, TAIL)
        tail["scale"], tail["offset"] = float(scale) * stretch, float(offset) * stretch
        tail["norm"] = float(lift) ** 2 + float((centred * centred).sum())
        tail["deviation"] = math.sqrt(error / self.width)
        tail["code_sum"], tail["lift"] = codes.sum(), lift
        numbers = codes.astype(np.uint8)
        if self.bits == 4:
            blocks = numbers.reshape(-1, 2, _WIDTH_STEP // 2)
            row[: self.code_bytes] = (blocks[:, 0] | blocks[:, 1] << 4).reshape(-1)
        else:
            row[: self.code_bytes] = numbers
        row[-_TAIL_BYTES:] = tail.view(np.uint8)


def _codes_of(values: Floats, offset: np.float32, scale: np.float32, most: np.float32) -> Floats:
    inverse = np.float32(1) / scale if scale > 0 else np.float32(0)
    codes: Floats = np.rint(np.clip((values - offset) * inverse, np.float32(0), most))
    return codes


def _best_range(values: Floats, most: np.float32) -> tuple[np.float32, np.float32]:
    """Offset and scale whose steps lose least."""
    low, high = values.min(), values.max()
    middle, half = (low + high) / np.float32(2), (high - low) / np.float32(2)
    if not half > _RANGE_MIN:
        return middle, np.float32(0)
    best, best_error = (middle, np.float32(0)), np.float32(np.inf)
    for number in range(_CLIP_COUNT):
        clipped = half * (np.float32(1) - _CLIP_STEP * np.float32(number))
        offset, scale = middle - clipped, np.float32(2) * clipped / most
        errors = offset + scale * _codes_of(values, offset, scale, most) - values
        error = (errors * errors).sum(dtype=np.float64)
        if error < best_error:
            best, best_error = (offset, scale), error
    return best


def unpack(space: CodeSpace, rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """(count, width) codes of `rows` (count, stride)."""
    packed = rows[:, : space.code_bytes]
    if space.bits == 7:
        return packed.astype(np.int64)
    blocks = packed.reshape(len(rows), -1, _WIDTH_STEP // 2)
    return np.stack([blocks & 15, blocks >> 4], axis=2).reshape(len(rows), -1).astype(np.int64)


def decode_tails(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.void]:
    """The numbers at the end of each of `rows` (count, stride)."""
    return np.ascontiguousarray(rows[:, -_TAIL_BYTES:]).view(TAIL).reshape(-1)


def estimates(space: CodeSpace, query: CodeQuery, rows: npt.NDArray[np.uint8], norm_weight: float) -> Floats:
    """Squared distances of `rows` (count, stride) to the query, less what is the same for all."""
    tails = decode_tails(rows)
    products = (unpack(space, rows) @ query.elements).astype(np.float32)
    codes = query.scale * products + query.shift * tails["code_sum"]
    product = tails["offset"] * query.sum + tails["scale"] * codes + query.lift * tails["lift"]
    distances = np.float32(norm_weight) * tails["norm"] - np.float32(2) * product
    return np.asarray(distances, np.float32)
