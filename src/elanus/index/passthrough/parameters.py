"""Search parameters for whatever a factory string made: each layer of a faiss index wants its own kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from elanus.index.faiss_bridge import load_faiss

__all__ = ["LayeredParameters", "layered_parameters"]

_NPROBE_DEFAULT: Final = 8


@dataclass(frozen=True, slots=True)
class LayeredParameters:
    """What is passed to faiss's search.

    Attributes:
        parameters: None when the outermost layer takes none.
        filters: the selector reached the layer that holds the rows; otherwise results have to be filtered.
    """

    parameters: Any
    filters: bool


def layered_parameters(index: Any, params: Mapping[str, Any], selector: Any) -> LayeredParameters:
    """The parameters of `index` and of the layers below it.

    Args:
        index: a faiss index.
        params: `nprobe` (8 when not given, at most the number of lists), `efSearch` and `k_factor` (both faiss's own
            when not given); a layer takes what it knows.
        selector: of allowed positions; None for all.
    """
    faiss = load_faiss()
    layer = faiss.downcast_index(index)
    if isinstance(layer, faiss.IndexPreTransform):
        inner = layered_parameters(layer.index, params, selector)
        return LayeredParameters(faiss.SearchParametersPreTransform(index_params=inner.parameters), inner.filters)
    if isinstance(layer, faiss.IndexRefine):
        inner = layered_parameters(layer.base_index, params, selector)
        factor = params.get("k_factor", layer.k_factor)
        refined = faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=inner.parameters)
        return LayeredParameters(refined, inner.filters)
    if isinstance(layer, faiss.IndexIVF):
        nprobe = min(int(layer.nlist), params.get("nprobe", _NPROBE_DEFAULT))
        return LayeredParameters(faiss.SearchParametersIVF(nprobe=nprobe, sel=selector), filters=True)
    if isinstance(layer, faiss.IndexHNSW):
        breadth = params.get("efSearch", int(layer.hnsw.efSearch))
        return LayeredParameters(faiss.SearchParametersHNSW(efSearch=breadth, sel=selector), filters=True)
    if isinstance(layer, faiss.IndexFlat | faiss.IndexScalarQuantizer):
        return LayeredParameters(faiss.SearchParameters(sel=selector), filters=True)
    return LayeredParameters(None, filters=selector is None)
