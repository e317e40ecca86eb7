"""Building a graph: faiss adds rows block by block to a transient copy of the vectors."""

from typing import Final

from elanus.index.faiss_bridge import with_threads
from elanus.index.floats import FloatRows
from elanus.index.hnsw_coded.graph import Graph
from elanus.index.hnsw_coded.storage import GraphStorage, empty_storage
from elanus.index.protocol import BuildContext
from elanus.schema.types import Metric

__all__ = ["build_graph"]

_BLOCK_ROWS_MIN: Final = 1024
_BLOCK_COUNT_MAX: Final = 256


def build_graph(
    vectors: FloatRows, *, form: GraphStorage, metric: Metric, degree: int, breadth: int, context: BuildContext
) -> Graph:
    """The graph over the present rows, numbered as in the column; `breadth` is efConstruction.

    Holds a copy of the vectors in their stored form while it runs. `context.cancelled` is polled every 1,024 rows, or
    every 256th part of a large column.

    Raises:
        Unavailable: cancelled.
    """
    faiss = with_threads(context.thread_count)
    index = faiss.IndexHNSW(empty_storage(form, vectors.data_type, vectors.dim, metric), degree)
    index.hnsw.efConstruction = min(breadth, len(vectors))
    index.hnsw.rng = faiss.RandomGenerator(context.seed)
    block_rows = max(_BLOCK_ROWS_MIN, len(vectors) // _BLOCK_COUNT_MAX)
    for start, block in vectors.blocks(rows_max=block_rows):
        context.check_cancelled()
        with_threads(context.thread_count)
        index.add(block)
        context.progress((start + len(block)) / len(vectors))
    graph = Graph.from_faiss(index, degree)
    return graph if vectors.rows is None else graph.spread(vectors.rows, len(vectors.matrix))
