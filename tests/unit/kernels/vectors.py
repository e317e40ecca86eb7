"""Random vectors of every kind a scan takes, and the exact scores with their error bounds."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["DTYPES", "METRICS", "budget_of", "exact_scores", "make_vectors", "query_dtype", "widened"]

DTYPES: Final = ("float32", "float16", "uint16", "int8", "uint8")
METRICS: Final = {
    **dict.fromkeys(("float32", "float16", "uint16", "int8"), ("L2", "IP", "COSINE")),
    "uint8": ("HAMMING", "JACCARD"),
}


def query_dtype(dtype: str) -> str:
    """The dtype a query has for a base of `dtype`."""
    return dtype if dtype in {"int8", "uint8"} else "float32"


def make_vectors(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str, *, whole: bool, offset: int = 0
) -> npt.NDArray[Any]:
    """Vectors whose memory starts `offset` elements into an allocation; `whole` numbers keep every sum exact."""
    size = int(np.prod(shape)) + offset
    if dtype in {"int8", "uint8"}:
        bounds = np.iinfo(dtype)
        flat: npt.NDArray[Any] = rng.integers(bounds.min, bounds.max, size, dtype, endpoint=True)
    else:
        numbers = rng.integers(-8, 8, size, endpoint=True) if whole else rng.standard_normal(size)
        if dtype == "uint16":
            flat = (numbers.astype(np.float32).view(np.uint32) >> np.uint32(16)).astype(np.uint16)
        else:
            flat = numbers.astype(dtype)
    return flat[offset:].reshape(shape)


def widened(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The numbers that vectors (not bits) stand for."""
    if vectors.dtype == np.uint16:
        return (vectors.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
    return vectors.astype(np.float64)


def exact_scores(metric: str, query: npt.NDArray[Any], base: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Scores of number vectors in float64, not rounded."""
    rows, one = widened(base), widened(query)
    if metric == "L2":
        return np.asarray(((rows - one) ** 2).sum(axis=1))
    products = np.asarray((rows * one).sum(axis=1))
    if metric == "IP":
        return products
    norms = np.sqrt((one**2).sum()) * np.sqrt((rows**2).sum(axis=1))
    cosines: npt.NDArray[np.float64] = np.divide(products, norms, out=np.zeros(len(rows)), where=norms > 0)
    return cosines


def budget_of(metric: str, query: npt.NDArray[Any], base: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """How far a score may be from exact, by the contract in `native/include/elanus/kernels.h`."""
    rows, one = widened(base), widened(query)
    width = base.shape[1]
    if metric == "L2":
        return np.asarray((width / 8 + 8) * 2.0**-24 * ((rows - one) ** 2).sum(axis=1))
    terms = np.abs(rows * one).sum(axis=1)
    if metric == "IP":
        return np.asarray((width / 8 + 8) * 2.0**-24 * terms)
    norms = np.sqrt((one**2).sum()) * np.sqrt((rows**2).sum(axis=1))
    share = np.divide(terms, norms, out=np.zeros(len(rows)), where=norms > 0)
    return np.asarray((width / 8 + 16) * 2.0**-24 * (share + 1))
