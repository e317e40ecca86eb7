"""How much memory there is."""

import os

__all__ = ["memory_bytes"]


def memory_bytes() -> int | None:
    """Of the machine, whoever uses it; None where the system does not tell."""
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
        return None
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return found if found > 0 else None
