"""Where the nodes of a graph lie, in NumPy and Python: `native/src/algo/graph_layout`."""

from collections import deque

import numpy as np
import numpy.typing as npt

from elanus.kernels.reference.arguments import check_array

__all__ = ["lay_out_graph"]

_Nodes = npt.NDArray[np.uint32]


def lay_out_graph(links: _Nodes, heads: _Nodes, cells: _Nodes) -> tuple[_Nodes, _Nodes]:
    """As `backend.lay_out_graph`."""
    check_array(links, "links", np.uint32, dimension_count=2)
    check_array(heads, "heads", np.uint32)
    check_array(cells, "cells", np.uint32)
    if len(heads) == 0:
        raise ValueError("heads is empty")
    if int(heads.max()) >= len(links) or len(set(heads.tolist())) < len(heads):
        raise ValueError("heads has one twice or names what is no node")
    if len(cells) != len(links) or int(cells.max()) >= len(heads):
        raise ValueError("cells must be as many as links and each below the number of heads")
    order, starts = heads.tolist(), [len(heads)]
    for cell, head in enumerate(heads.tolist()):
        members = set(np.flatnonzero(cells == cell).tolist()).difference(heads.tolist())
        waiting = deque([head])
        while members or waiting:
            if not waiting:
                waiting.append(min(members))
                members.discard(waiting[0])
                order.append(waiting[0])
            for link in links[waiting.popleft()].tolist():
                if link >= len(links):
                    break
                if link in members:
                    members.discard(link)
                    order.append(link)
                    waiting.append(link)
        starts.append(len(order))
    return np.array(order, np.uint32), np.array(starts, np.uint32)
