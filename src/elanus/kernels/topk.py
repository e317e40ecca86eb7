"""The best of many scores."""

from elanus.kernels.backend import Floats, Hits, Words
from elanus.kernels.loader import active

__all__ = ["topk"]


def topk(scores: Floats, k: int, *, largest: bool, allow: Words | None = None) -> Hits:
    """Scores and places of the `k` largest (or smallest) allowed `scores`, best first, ties to the smaller place.

    Zeros come back as +0.0. Fewer than `k` come back when fewer are allowed.

    Raises:
        TypeError: scores that are not float32, words that are not uint64.
        ValueError: a negative k, or other than ceil(len(scores) / 64) words.
    """
    return active.backend.topk(scores, k, allow, largest=largest)
