"""Every kernel in NumPy and Python: the definition of correct, the oracle of the tests, and the last resort.

Plain before fast; where order is decided, sums are exact or in float64. Each function takes its arguments by position
and checks them as the native library does.
"""

from elanus.kernels.reference.bits import bit_count, bit_rows, bits_from_bool, bits_from_rows, runs_with
from elanus.kernels.reference.checksum import blocks_crc32c, crc32c
from elanus.kernels.reference.codes import CodeSpace
from elanus.kernels.reference.compare import between, compare, dictionary_in, is_in
from elanus.kernels.reference.disk import DiskGraph, NeighbourCoder, block_order
from elanus.kernels.reference.distance import scan_range, scan_topk, scan_topk_many, score_rows
from elanus.kernels.reference.graph import Graph
from elanus.kernels.reference.graph_build import GraphBuilder
from elanus.kernels.reference.graph_layout import lay_out_graph
from elanus.kernels.reference.hash import hash_int64, hash_strings
from elanus.kernels.reference.ivf import ivf_nearest_lists, ivf_search_bytes, ivf_search_flat
from elanus.kernels.reference.json_texts import json_paths, json_values
from elanus.kernels.reference.rabitq import ivf_search_rabitq, rabitq_block_sums, rabitq_fine_products, rabitq_rotate
from elanus.kernels.reference.sparse import sparse_scan_range, sparse_scan_topk
from elanus.kernels.reference.strings import (
    string_compare,
    string_contains,
    string_in,
    string_prefix,
    string_suffix,
)
from elanus.kernels.reference.topk import topk

__all__ = [
    "CodeSpace",
    "DiskGraph",
    "Graph",
    "GraphBuilder",
    "NeighbourCoder",
    "between",
    "bit_count",
    "bit_rows",
    "bits_from_bool",
    "bits_from_rows",
    "block_order",
    "blocks_crc32c",
    "compare",
    "crc32c",
    "dictionary_in",
    "hash_int64",
    "hash_strings",
    "is_in",
    "ivf_nearest_lists",
    "ivf_search_bytes",
    "ivf_search_flat",
    "ivf_search_rabitq",
    "json_paths",
    "json_values",
    "lay_out_graph",
    "rabitq_block_sums",
    "rabitq_fine_products",
    "rabitq_rotate",
    "runs_with",
    "scan_range",
    "scan_topk",
    "scan_topk_many",
    "score_rows",
    "sparse_scan_range",
    "sparse_scan_topk",
    "string_compare",
    "string_contains",
    "string_in",
    "string_prefix",
    "string_suffix",
    "topk",
]
