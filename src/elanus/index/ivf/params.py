"""The parameters all inverted files share."""

from collections.abc import Mapping
from typing import Any, Final

from elanus.index.params import IntParam, Param

__all__ = ["LIST_BUILD_PARAMS", "list_search_params"]

_LIST_COUNT_MAX: Final = 65_536
_NPROBE_DEFAULT: Final = 8

LIST_BUILD_PARAMS: Final[tuple[Param, ...]] = (IntParam("nlist", 1, _LIST_COUNT_MAX, default=128),)


def list_search_params(build_params: Mapping[str, Any]) -> tuple[Param, ...]:
    """`nprobe` up to the index's `nlist`, and `max_empty_result_buckets` for range searches."""
    nlist = int(build_params["nlist"])
    return (
        IntParam("nprobe", 1, nlist, default=min(_NPROBE_DEFAULT, nlist), high_name="nlist of this index"),
        IntParam("max_empty_result_buckets", 1, _LIST_COUNT_MAX, default=1),
    )
