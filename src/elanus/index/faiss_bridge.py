"""The one place that touches faiss: loading it, its threads, its views of our memory.

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
from elanus.errors import Unavailable
from elanus.schema.types import Metric

__all__ = [
    "bitmap_selector",
    "faiss_metric",
    "found_in_blocks",
    "int32_view",
    "load_faiss",
    "share_codes",
    "with_threads",
]

_SEARCH_THREAD_COUNT: Final = 1
_RESULTS_PER_CALL: Final = 1 << 20


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
