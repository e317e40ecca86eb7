"""The kernel levels a test runs on: those the library offers, held against what this CPU says it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from elanus import kernels

__all__ = ["BACKENDS", "LEVELS", "cpu_levels", "using"]

# Flags a CPU must show for a level, as Linux names them. Where the CPU has a level, CI requires that it is tested.
_LEVEL_FLAGS: Final = {
    "scalar": "",
    "avx2": "sse4_2 avx avx2 fma f16c popcnt bmi1 bmi2",
    "avx512": "avx512f avx512bw avx512cd avx512dq avx512vl",
    "avx512_icelake": "avx512_vnni avx512_vpopcntdq avx512vbmi avx512_bitalg",
}

BACKENDS: Final = kernels.info().available
"""Every native level and the reference."""

LEVELS: Final = tuple(name for name in BACKENDS if name != "reference")
"""Every native level."""


def cpu_levels() -> tuple[str, ...]:
    """The levels this CPU has by the kernel's word for it, which is not ours."""
    flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split("flags", 1)[1].split("\n", 1)[0].split())
    found: list[str] = []
    for level, needed in _LEVEL_FLAGS.items():
        if not set(needed.split()) <= flags:
            break
        found.append(level)
    return tuple(found)


@contextmanager
def using(level: str) -> Iterator[None]:
    """Computes on `level` inside the block."""
    before = kernels.info().level
    kernels.use(level)
    try:
        yield
    finally:
        kernels.use(before)
