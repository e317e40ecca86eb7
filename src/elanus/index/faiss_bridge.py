"""The one place that touches faiss: loading it, its threads, its views of our memory, its serialised form.

faiss is imported at first use, never with the package. Its OpenMP thread count belongs to the calling thread, so each
call into it sets the count first. After a parallel build a forked child must not call faiss: OpenMP's threads are gone
there; processes are started by spawning.
"""

import functools
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.errors import DataCorrupt, Unavailable
from elanus.schema.types import Metric

__all__ = [
    "bitmap_selector",
    "faiss_metric",
    "found_in_blocks",
    "int32_view",
    "load_faiss",
    "opened",
    "quicken_training",
    "serialised",
    "share_codes",
    "training_threads",
    "with_threads",
]

_SEARCH_THREAD_COUNT: Final = 1
_RESULTS_PER_CALL: Final = 1 << 20
_PARALLEL_TRAINING_ROWS: Final = 16_384
_CODE_ROUNDS: Final = 10
_ROWS_PER_CODE: Final = 64


@functools.cache
def load_faiss() -> Any:
    """The faiss module.

    Raises:
        Unavailable: it is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise Unavailable(
            "not_installed", f"this index type needs faiss-cpu, which cannot be imported ({error}); install faiss-cpu"
        ) from error
    return faiss


def with_threads(thread_count: int = _SEARCH_THREAD_COUNT) -> Any:
    """faiss, with its thread count set for the calling thread."""
    faiss = load_faiss()
    faiss.omp_set_num_threads(thread_count)
    return faiss


def training_threads(row_count: int, thread_count: int) -> int:
    """Threads worth starting to make codes of `row_count` rows: many short steps, which do not pay below 16,384."""
    return thread_count if row_count >= _PARALLEL_TRAINING_ROWS else _SEARCH_THREAD_COUNT


def quicken_training(quantizer: Any, seed: int) -> None:
    """Sets a product quantiser to learn its codes in ten rounds from at most 64 rows a code.

    With faiss's own 25 rounds and 256 rows a code 64 codes of 8 bits took 65 s of one core where this takes 12, and the
    recall was the same once exact scores had chosen.
    """
    quantizer.cp.seed = seed
    quantizer.cp.niter = _CODE_ROUNDS
    quantizer.cp.min_points_per_centroid = 1
    quantizer.cp.max_points_per_centroid = _ROWS_PER_CODE


def faiss_metric(metric: Metric) -> int:
    """The number faiss gives a metric; COSINE is the inner product of unit vectors."""
    faiss = load_faiss()
    return int(faiss.METRIC_L2 if metric is Metric.L2 else faiss.METRIC_INNER_PRODUCT)


def bitmap_selector(allow: Bitset) -> Any:
    """A selector of the rows in `allow`; it reads the set's words in place and keeps them alive."""
    return load_faiss().IDSelectorBitmap(allow.packed())


def share_codes(storage: Any, codes: npt.NDArray[np.uint8], row_count: int) -> None:
    """Makes the flat index `storage` read `codes` (C order, `row_count` codes), which must outlive it, uncopied."""
    faiss = load_faiss()
    flat = codes.reshape(-1)
    assert len(flat) == row_count * int(storage.code_size), (len(flat), row_count, storage.code_size)
    storage.codes = faiss.MaybeOwnedVectorUInt8.create_view(faiss.swig_ptr(flat), len(flat), storage.codes.owner)
    storage.ntotal = row_count


def int32_view(target: Any, values: npt.NDArray[np.int32]) -> Any:
    """A faiss vector that reads `values`, which must outlive it, uncopied; `target` is the vector it will replace."""
    faiss = load_faiss()
    return faiss.MaybeOwnedVectorInt32.create_view(faiss.swig_ptr(values), len(values), target.owner)


def found_in_blocks(
    index: Any, vectors: npt.NDArray[np.float32], k: int, params: Any
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    """Each vector with the at most `k` rows a faiss index finds for it.

    Vectors are searched in blocks, so that a large product of vectors and `k` takes no more than 16 MiB at a time.
    """
    block_size = max(1, _RESULTS_PER_CALL // k)
    for start in range(0, len(vectors), block_size):
        block = vectors[start : start + block_size]
        with_threads()
        found = index.search(block, k, params=params)[1]
        for vector, rows in zip(block, found, strict=True):
            yield vector, rows[rows >= 0]


def serialised(index: Any) -> npt.NDArray[np.uint8]:
    """The bytes of a faiss index."""
    data: npt.NDArray[np.uint8] = load_faiss().serialize_index(index)
    return data


def opened(data: npt.NDArray[np.uint8], *, name: str) -> Any:
    """The faiss index in `data`, which must outlive it: its large arrays are read in place.

    Tables that can be computed from it are not made, so that opening costs neither time nor memory.

    Raises:
        DataCorrupt: these bytes are no faiss index; `name` says which they are.
    """
    faiss = load_faiss()
    reader = faiss.ZeroCopyIOReader(faiss.swig_ptr(data), data.nbytes)
    try:
        return faiss.read_index(reader, faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE)
    except (RuntimeError, MemoryError) as error:
        raise DataCorrupt(
            "malformed_file",
            f"index artefact {name!r} of {data.nbytes} bytes cannot be read ({error}); rebuild the index",
        ) from error
