"""Scores of one query against many vectors in float64, one row after the other, in Milvus's convention."""

from typing import Any

import numpy as np

__all__ = ["is_larger_nearer", "score"]


def is_larger_nearer(metric: str) -> bool:
    return metric in {"IP", "COSINE"}


def score(query: Any, vector: Any, metric: str) -> float:
    """Of two dense vectors, two packed bit vectors (HAMMING, JACCARD), or two dicts (sparse, IP)."""
    if isinstance(query, dict):
        return float(sum(value * vector[index] for index, value in query.items() if index in vector))
    if metric in {"HAMMING", "JACCARD"}:
        left, right = (np.unpackbits(np.frombuffer(bytes(bits), np.uint8)).astype(bool) for bits in (query, vector))
        if metric == "HAMMING":
            return float(np.count_nonzero(left != right))
        union = np.count_nonzero(left | right)
        return 1 - np.count_nonzero(left & right) / union if union else 0.0
    left, right = np.asarray(query, np.float64), np.asarray(vector, np.float64)
    if metric == "L2":
        return float(((left - right) ** 2).sum())
    product = float((left * right).sum())
    norms = float(np.sqrt((left * left).sum()) * np.sqrt((right * right).sum()))
    return product if metric == "IP" else product / norms if norms else 0.0
