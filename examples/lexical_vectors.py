"""Vectors from words alone: no model, no download, the same on every machine.

Words and their letter trigrams are hashed into a fixed number of dimensions with a sign each (feature hashing,
Weinberger et al. 2009) and weighted by how rare they are in the collection (tf-idf). Texts that share rare words, or
parts of words, come out near each other.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


class LexicalVectors:
    """Turns texts into unit vectors; learns which words are rare from the texts it is made with."""

    def __init__(self, texts: Iterable[str], dimension: int = 512) -> None:
        self.dimension = dimension
        documents = 0
        frequency: Counter[str] = Counter()
        for text in texts:
            documents += 1
            frequency.update(set(features(text)))
        self._weight = {feature: math.log(1 + documents / count) for feature, count in frequency.items()}
        self._unknown = math.log(1 + documents)

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """One unit vector a text, `(len(texts), dimension)` float32."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            for feature, count in Counter(features(text)).items():
                code = zlib.crc32(feature.encode())
                sign = 1.0 if code & 1 else -1.0
                weight = self._weight.get(feature, self._unknown) * (1 + math.log(count))
                vectors[row, (code >> 1) % self.dimension] += sign * weight
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(norms > 0, norms, 1)


def features(text: str) -> list[str]:
    """Lower-case words (camel case and snake case split) and the trigrams of longer ones."""
    words = [word.lower() for word in _WORD.findall(text)]
    trigrams = [f"#{word[start : start + 3]}" for word in words if len(word) > 4 for start in range(len(word) - 2)]
    return words + trigrams
