"""Which kernels are chosen, by what, and how a wrong choice is refused."""

import os
import subprocess
import sys

import pytest

from elanus import kernels
from elanus.errors import InvalidInput, Unavailable
from elanus.kernels import loader
from elanus.version import VERSION
from tests.unit.kernels.levels import LEVELS, cpu_levels, using


def test_native_library_is_built_and_of_this_version() -> None:
    info = kernels.info()
    assert info.version == VERSION
    assert info.available[-1] == "reference"


def test_every_level_the_cpu_has_is_available() -> None:
    assert cpu_levels() == LEVELS


def test_best_level_is_the_default() -> None:
    assert _level_in_a_new_process({}) == LEVELS[-1]


@pytest.mark.parametrize("level", LEVELS)
def test_environment_forces_a_level(level: str) -> None:
    assert _level_in_a_new_process({"ELANUS_SIMD": level}) == level


def test_environment_forces_the_reference() -> None:
    assert _level_in_a_new_process({"ELANUS_KERNELS": "reference"}) == "reference"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"ELANUS_SIMD": "sse9"}, "ELANUS_SIMD is 'sse9', which does not exist"),
        ({"ELANUS_KERNELS": "fast"}, "ELANUS_KERNELS is 'fast'"),
        ({"ELANUS_KERNELS": "reference", "ELANUS_SIMD": "avx2"}, "have no levels"),
    ],
)
def test_wrong_environment_is_refused_at_import(environment: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        loader._choose(loader._native, environment)


def test_missing_native_library_falls_back_to_the_reference() -> None:
    assert loader._choose(None, {}).__name__ == "elanus.kernels.reference"  # type: ignore[attr-defined]


def test_missing_native_library_is_an_error_when_it_is_asked_for() -> None:
    with pytest.raises(Unavailable, match="not built"):
        loader._choose(None, {"ELANUS_KERNELS": "native"})


def test_level_without_native_library_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="have no levels"):
        loader._choose(None, {"ELANUS_SIMD": "scalar"})


def test_use_changes_and_info_tells() -> None:
    with using("reference"):
        assert not kernels.info().is_native
        with using("scalar"):
            assert kernels.info().is_native
            assert kernels.info().level == "scalar"
        assert kernels.info().level == "reference"


def test_use_refuses_an_unknown_level() -> None:
    before = kernels.info().level
    with pytest.raises(InvalidInput, match="'mmx' does not exist; available here: scalar"):
        kernels.use("mmx")
    assert kernels.info().level == before


def _level_in_a_new_process(environment: dict[str, str]) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ELANUS_")}
    clean["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    code = "from elanus.kernels import info; print(info().level)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
