"""The index types there are, by the name users write."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from elanus.errors import InvalidInput
from elanus.index.auto.index import AutoType
from elanus.index.binary.index import BIN_FLAT
from elanus.index.binary.ivf import BinaryIvfType
from elanus.index.disk.index import AisaqType, DiskannType
from elanus.index.flat.index import FlatType
from elanus.index.graph.index import HnswType
from elanus.index.hnsw_coded.index import HNSW_PQ, HNSW_PRQ, HNSW_SQ
from elanus.index.ivf.flat import IvfFlatType
from elanus.index.ivf.rabitq import IvfRabitqType
from elanus.index.ivf.sq8 import IvfSq8Type
from elanus.index.ivf_coded.pq import IvfPqType
from elanus.index.ivf_coded.scann import ScannType
from elanus.index.minhash.index import MinHashLshType
from elanus.index.passthrough.index import FaissType
from elanus.index.protocol import IndexType
from elanus.index.sparse.index import SPARSE_INVERTED_INDEX, SPARSE_WAND

__all__ = ["INDEX_TYPES", "index_type"]

_CHOOSABLE: Final[dict[str, IndexType]] = {
    "FLAT": FlatType(),
    "IVF_FLAT": IvfFlatType(),
    "IVF_SQ8": IvfSq8Type(),
    "IVF_RABITQ": IvfRabitqType(),
    # Names that Milvus's table of vectors in structs has beside those of the types they are variants of.
    "IVF_FLAT_CC": IvfFlatType(name="IVF_FLAT_CC"),
    "IVF_SQ_CC": IvfSq8Type(name="IVF_SQ_CC"),
    "IVF_RABITQ_FASTSCAN": IvfRabitqType(name="IVF_RABITQ_FASTSCAN"),
    "IVF_PQ": IvfPqType(),
    "SCANN": ScannType(),
    "HNSW": HnswType(),
    "HNSW_SQ": HNSW_SQ,
    "HNSW_PQ": HNSW_PQ,
    "HNSW_PRQ": HNSW_PRQ,
    "FAISS": FaissType(),
    "DISKANN": DiskannType(),
    "AISAQ": AisaqType(),
    "BIN_FLAT": BIN_FLAT,
    "BIN_IVF_FLAT": BinaryIvfType(),
    "MINHASH_LSH": MinHashLshType(),
    "SPARSE_INVERTED_INDEX": SPARSE_INVERTED_INDEX,
    "SPARSE_WAND": SPARSE_WAND,
}

INDEX_TYPES: Final[Mapping[str, IndexType]] = MappingProxyType(
    {**_CHOOSABLE, "AUTOINDEX": AutoType(MappingProxyType(_CHOOSABLE))}
)
"""Every vector index type by name."""


def index_type(name: str) -> IndexType:
    """The type called `name`, in any case; an empty name is AUTOINDEX.

    Raises:
        InvalidInput: there is none; the message lists those there are.
    """
    found = INDEX_TYPES.get(name.strip().upper() or "AUTOINDEX")
    if found is not None:
        return found
    near = difflib.get_close_matches(name.strip().upper(), INDEX_TYPES, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise InvalidInput(
        "invalid_index", f"there is no index type {name!r}, expected one of {', '.join(INDEX_TYPES)}{hint}"
    )
