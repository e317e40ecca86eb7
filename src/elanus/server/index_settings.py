"""Which options of an index are settings that may change later, rather than part of how it is built."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["split_settings"]

_SETTINGS: Final = frozenset({"mmap.enabled", "warmup", "indexoffsetcache.enabled"})


def split_settings(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Build parameters, and settings."""
    params = {name: value for name, value in options.items() if name not in _SETTINGS}
    settings = {name: value for name, value in options.items() if name in _SETTINGS}
    return params, settings
