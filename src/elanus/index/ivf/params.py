"""The parameters all inverted files share."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from elanus.index.params import RECALL, IntParam, Param, checked_params, one_effort

__all__ = ["LIST_BUILD_PARAMS", "calibrated_search_params", "list_search_params"]

_LIST_COUNT_MAX: Final = 65_536
_NPROBE_DEFAULT: Final = 8

_EMPTY_LISTS: Final = IntParam("max_empty_result_buckets", 1, _LIST_COUNT_MAX, default=1)

LIST_BUILD_PARAMS: Final[tuple[Param, ...]] = (IntParam("nlist", 1, _LIST_COUNT_MAX, default=128),)


def list_search_params(build_params: Mapping[str, Any]) -> tuple[Param, ...]:
    """`nprobe` up to the index's `nlist`, and `max_empty_result_buckets` for range searches."""
    return (_nprobe(build_params, default=_default_nprobe(build_params)), _EMPTY_LISTS)


def calibrated_search_params(
    index_name: str, params: Mapping[str, Any], build_params: Mapping[str, Any], further: Sequence[Param] = ()
) -> dict[str, Any]:
    """Checked search parameters: `nprobe` or `recall`, `max_empty_result_buckets`, and those of `further`.

    Raises:
        InvalidInput: as `checked_params`, or both `nprobe` and `recall`.
    """
    specs: tuple[Param, ...] = (_nprobe(build_params, default=None), _EMPTY_LISTS, RECALL, *further)
    checked = checked_params(index_name, specs, params)
    return one_effort(index_name, "nprobe", checked, default=_default_nprobe(build_params))


def _nprobe(build_params: Mapping[str, Any], *, default: int | None) -> IntParam:
    return IntParam("nprobe", 1, int(build_params["nlist"]), default=default, high_name="nlist of this index")


def _default_nprobe(build_params: Mapping[str, Any]) -> int:
    return min(_NPROBE_DEFAULT, int(build_params["nlist"]))
