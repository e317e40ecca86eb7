"""A random rotation of vectors, and codes of the rotated ones: one bit a dimension, and the lower bits of finer codes.

A coordinate of a rotated vector is nearly normal, with the vector's length over the root of the dimension as standard
deviation, whatever the data. So finer codes use the uniform steps that are best for the normal distribution (Max,
"Quantizing for minimum distortion", 1960) instead of searching for the best step of each row, as the paper of extended
RaBitQ does; factors make up for what the steps are not.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.kernels.list_arrays import BLOCK_ROWS, ROTATION_ROUNDS
from elanus.kernels.rabitq import padded_dim

__all__ = ["block_layout", "fine_layout", "quantised", "rotation_signs"]

_STEPS: Final = {1: 1.596, 2: 0.9957, 3: 0.5860, 4: 0.3352, 5: 0.1881, 6: 0.1041, 7: 0.0569, 8: 0.0308}
"""Steps in standard deviations, by bits."""

_CHUNK_BLOCKS: Final = 1024


def rotation_signs(dim: int, seed: int) -> npt.NDArray[np.float32]:
    """(3, padded dim) float32 of -1 and 1 for a rotation of vectors with `dim` dimensions."""
    bits = np.random.default_rng(seed).integers(0, 2, (ROTATION_ROUNDS, padded_dim(dim)))
    return (2 * bits - 1).astype(np.float32)


def quantised(rotated: npt.NDArray[np.float32], bits: int) -> npt.NDArray[np.uint8]:
    """Each value's code, 0 to 2**bits - 1; the upper half of the codes is for values from 0 up.

    The code less `(2**bits - 1) / 2` is proportional to what the code stands for.
    """
    squares = np.einsum("ij,ij->i", rotated, rotated)
    deviations = np.sqrt(squares / rotated.shape[1])
    deviations[deviations == 0] = 1
    half = 2 ** (bits - 1)
    steps = np.floor(rotated / (_STEPS[bits] * deviations)[:, None])
    codes: npt.NDArray[np.uint8] = (np.clip(steps, -half, half - 1) + half).astype(np.uint8)
    return codes


def block_layout(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """`RabitqLists.blocks` of rows of bits, the first dimension lowest in the first byte; missing rows are zero.

    Args:
        packed: (row_count, padded dim / 8) uint8.
    """
    block_count = -(-len(packed) // BLOCK_ROWS)
    blocks = np.empty((block_count, BLOCK_ROWS * packed.shape[1]), np.uint8)
    for start in range(0, block_count, _CHUNK_BLOCKS):
        stop = min(start + _CHUNK_BLOCKS, block_count)
        rows = np.zeros(((stop - start) * BLOCK_ROWS, packed.shape[1]), np.uint8)
        chunk = packed[start * BLOCK_ROWS : stop * BLOCK_ROWS]
        rows[: len(chunk)] = chunk
        codes = np.stack([rows & 15, rows >> 4], axis=2).reshape(stop - start, 2, BLOCK_ROWS // 2, -1)
        blocks[start:stop] = (codes[:, 0] | codes[:, 1] << 4).transpose(0, 2, 1).reshape(stop - start, -1)
    return blocks


def fine_layout(codes: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint8]:
    """`RabitqLists.fine` of the lower `bits` bits of codes, which may have higher ones.

    Args:
        codes: (row_count, padded dim) uint8.
        bits: 1 to 7.
    """
    segment = codes.shape[1] // 8
    parts = (codes & np.uint8(2**bits - 1)).reshape(len(codes), 8, segment)
    layout = np.zeros((len(codes), bits, segment), np.uint8)
    for part in range(8):
        byte, shift = divmod(bits * part, 8)
        layout[:, byte] |= parts[:, part] << np.uint8(shift)
        if shift + bits > 8:
            layout[:, byte + 1] |= parts[:, part] >> np.uint8(8 - shift)
    return layout.reshape(len(codes), bits * segment)
