"""The parameters of DISKANN and AISAQ, under the names that indexes and configuration files, old and new, have.

Milvus sets DISKANN's in its configuration: `knowhere.DISKANN.build.max_degree`, once `common.DiskIndex.MaxDegree`. Both
are accepted beside `max_degree`.
"""

from collections.abc import Mapping
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.index.params import (
    INT_MAX,
    RECALL,
    BoolParam,
    FloatParam,
    IntParam,
    Param,
    checked_params,
    one_effort,
)
from elanus.runtime.pool import processor_count

__all__ = ["aisaq_build_params", "aisaq_search_params", "diskann_build_params", "diskann_search_params"]

_LEGACY_NAMES: Final[Mapping[str, str]] = {
    "MaxDegree": "max_degree",
    "SearchListSize": "search_list_size",
    "PQCodeBudgetGBRatio": "pq_code_budget_gb_ratio",
    "SearchCacheBudgetGBRatio": "search_cache_budget_gb_ratio",
    "BeamWidthRatio": "beam_width_ratio",
}
_PREFIXES: Final = ("common.DiskIndex.", "knowhere.DISKANN.build.", "knowhere.DISKANN.search.")

_RATIO_MIN: Final = 1e-9
_DISKANN_SEARCH_LIST: Final = 100
_AISAQ_SEARCH_LIST: Final = 16
# With fewer, inner products of unlike lengths are found with a recall below 0.95.
_AISAQ_CANDIDATES_PER_ROW: Final = 3
_PROCESSORS_OF_BEAM: Final = 128
_BEAM_RATIO_MAX_LEAST: Final = 16

_CODE_RATIO: Final = FloatParam("pq_code_budget_gb_ratio", _RATIO_MIN, 0.25, default=0.125)

_AISAQ_BUILD: Final[tuple[Param, ...]] = (
    IntParam("max_degree", 1, 512, default=56),
    IntParam("search_list_size", 1, 512, default=100),
    BoolParam("rearrange", default=True),
    IntParam("num_entry_points", 0, 1000, default=100),
    _CODE_RATIO,
    FloatParam("disk_pq_code_budget_gb_ratio", 0.0, 0.25, default=0.25),
    IntParam("pq_cache_size", 0, 1 << 30, default=0),
    FloatParam("search_cache_budget_gb_ratio", 0.0, 0.3, default=0.0, high_open=True),
)


def diskann_build_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """DISKANN's, complete.

    Raises:
        InvalidInput: as `checked_params`.
    """
    specs: tuple[Param, ...] = (
        IntParam("max_degree", 1, 512, default=56),
        IntParam("search_list_size", 1, INT_MAX, default=100),
        _CODE_RATIO,
        FloatParam("search_cache_budget_gb_ratio", 0.0, 0.3, default=0.1, high_open=True),
        _beam_width_ratio(4),
    )
    return checked_params("DISKANN", specs, _plain_names(params))


def diskann_search_params(params: Mapping[str, Any], *, build_params: Mapping[str, Any]) -> dict[str, Any]:
    """DISKANN's of a search: `search_list` or `recall`; the ratio of beam width is by default that of the build.

    Raises:
        InvalidInput: as `checked_params`, or both `search_list` and `recall`.
    """
    search_list = IntParam("search_list", 1, INT_MAX)
    specs = (search_list, RECALL, _beam_width_ratio(build_params["beam_width_ratio"]))
    checked = checked_params("DISKANN", specs, _plain_names(params))
    return one_effort("DISKANN", search_list.name, checked, default=_DISKANN_SEARCH_LIST)


def aisaq_build_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """AISAQ's, complete; `inline_pq` is -1 where unused space is to be filled.

    Raises:
        InvalidInput: as `checked_params`.
    """
    complete = checked_params("AISAQ", _AISAQ_BUILD, params)
    inline = IntParam("inline_pq", -1, complete["max_degree"], default=-1, high_name="max_degree")
    chosen = {name: value for name, value in params.items() if name == inline.name}
    return complete | checked_params("AISAQ", (inline,), chosen)


def aisaq_search_params(params: Mapping[str, Any], *, k: int) -> dict[str, Any]:
    """AISAQ's of a search for `k` rows; by default `search_list` is 16, or three for each row where that is more.

    Raises:
        InvalidInput: as `checked_params`, or a `vectors_beamwidth` above `beamwidth`.
    """
    specs = (
        IntParam("search_list", k, INT_MAX, default=max(_AISAQ_SEARCH_LIST, _AISAQ_CANDIDATES_PER_ROW * k)),
        IntParam("beamwidth", 1, 16, default=8),
        IntParam("vectors_beamwidth", 1, 4, default=1),
        IntParam("pq_read_page_cache_size", 0, 32 << 20, default=5 << 20),
    )
    complete = checked_params("AISAQ", specs, params)
    if complete["vectors_beamwidth"] > complete["beamwidth"]:
        raise InvalidInput(
            "out_of_range",
            f"AISAQ parameter vectors_beamwidth is {complete['vectors_beamwidth']}, which is above beamwidth, "
            f"expected at most {complete['beamwidth']}",
        )
    return complete


def _beam_width_ratio(default: int) -> IntParam:
    most = max(_PROCESSORS_OF_BEAM // processor_count(), _BEAM_RATIO_MAX_LEAST)
    return IntParam("beam_width_ratio", 1, most, default=default)


def _plain_names(params: Mapping[str, Any]) -> dict[str, Any]:
    """`params` under the names indexes have; where one is given twice, the plain name counts."""
    found: dict[str, Any] = {}
    for given, value in params.items():
        prefix = next((prefix for prefix in _PREFIXES if given.startswith(prefix)), "")
        short = given.removeprefix(prefix)
        name = _LEGACY_NAMES.get(short, short)
        if name == given or name not in params:
            found[name] = value
    return found
