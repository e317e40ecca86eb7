"""Chooses what computes: the native library at one of its CPU levels, or the NumPy reference.

`ELANUS_KERNELS` is `native` (an error when it is missing) or `reference`; unset, the native library is used if it was
built. `ELANUS_SIMD` forces a level of it; unset, the best one this CPU has is used. Both are read once, at import.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast

from elanus.errors import InvalidInput, Unavailable
from elanus.kernels.backend import Backend
from elanus.version import VERSION

__all__ = ["REFERENCE", "KernelInfo", "active", "info", "use"]

REFERENCE: Final = "reference"
_NATIVE_MODULE: Final = "elanus.kernels._native"


class _NativeLibrary(Backend, Protocol):
    version: str

    def built_levels(self) -> tuple[str, ...]: ...

    def available_levels(self) -> tuple[str, ...]: ...

    def active_level(self) -> str: ...

    def use_level(self, level: str, /) -> bool: ...


class _Active:
    """The backend in use; one place, so that `use` reaches every family module."""

    __slots__ = ("backend",)

    def __init__(self, backend: Backend) -> None:
        self.backend = backend


@dataclass(frozen=True, slots=True)
class KernelInfo:
    """What computes in this process.

    Attributes:
        level: `scalar`, `avx2`, `avx512`, `avx512_icelake`, or `reference`.
        available: levels of the native library this CPU can run, the best one last, then `reference`.
        is_native: whether `level` is one of the native library.
        version: of the native library; None if it is missing.
    """

    level: str
    available: tuple[str, ...]
    is_native: bool
    version: str | None


def info() -> KernelInfo:
    """The level in use and the ones that could be."""
    if _native is None:
        return KernelInfo(level=REFERENCE, available=(REFERENCE,), is_native=False, version=None)
    is_native = active.backend is _native
    return KernelInfo(
        level=_native.active_level() if is_native else REFERENCE,
        available=(*_native.available_levels(), REFERENCE),
        is_native=is_native,
        version=_native.version,
    )


def use(level: str) -> None:
    """Makes `level` compute from now on, in all threads; meant for tests and benchmarks.

    Raises:
        InvalidInput: no such level, or one this CPU does not have.
    """
    if level == REFERENCE:
        active.backend = _load_reference()
        return
    if _native is None:
        raise InvalidInput(
            "not_supported",
            f"kernel level {level!r} needs the native library, which is not built; "
            f"reinstall with a C++ compiler or use {REFERENCE!r}",
        )
    if not _native.use_level(level):
        problem = "is not supported by this CPU" if level in _native.built_levels() else "does not exist"
        known = ", ".join((*_native.available_levels(), REFERENCE))
        raise InvalidInput("not_supported", f"kernel level {level!r} {problem}; available here: {known}")
    active.backend = _native


def _load_native() -> _NativeLibrary | None:
    """The native library, or None where it was not built; one that is there and cannot be loaded is an error."""
    try:
        library = cast("_NativeLibrary", import_module(_NATIVE_MODULE))
    except ModuleNotFoundError as error:
        if error.name != _NATIVE_MODULE:
            raise
        return None
    if library.version != VERSION:
        raise Unavailable(
            "not_installed",
            f"the native kernels are of version {library.version}, expected {VERSION}; install the package again",
        )
    return library


def _load_reference() -> Backend:
    return cast("Backend", import_module("elanus.kernels.reference"))


def _choose(native: _NativeLibrary | None, environment: Mapping[str, str]) -> Backend:
    """The backend the environment asks for, the native library set to the level it asks for."""
    wanted = environment.get("ELANUS_KERNELS", "")
    level = environment.get("ELANUS_SIMD", "")
    if wanted not in {"", "native", REFERENCE}:
        raise InvalidInput("invalid_argument", f"ELANUS_KERNELS is {wanted!r}, expected 'native' or {REFERENCE!r}")
    if wanted == "native" and native is None:
        raise Unavailable(
            "not_installed",
            "ELANUS_KERNELS is 'native', but the native library is not built; reinstall with a C++ compiler",
        )
    if wanted == REFERENCE or native is None:
        if level:
            raise InvalidInput(
                "not_supported",
                f"ELANUS_SIMD is {level!r}, but the kernels are the {REFERENCE} ones, which have no levels; unset it",
            )
        return _load_reference()
    if level and not native.use_level(level):
        problem = "which this CPU does not support" if level in native.built_levels() else "which does not exist"
        known = ", ".join(native.available_levels())
        raise InvalidInput("not_supported", f"ELANUS_SIMD is {level!r}, {problem}; available here: {known}")
    return native


_native: Final = _load_native()
active: Final = _Active(_choose(_native, os.environ))
