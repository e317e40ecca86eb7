"""Instructions of one CPU level stay in that level's object files."""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

_ROOT = Path(__file__).parents[3]
_WEAK = "template <class T> int twice(T x) { return x + x; } int use(int x) { return twice(x); }"
_WIDE = "typedef float V __attribute__((vector_size(32))); void add(V* a, V* b) { *a += *b; }"


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_objects", _ROOT / "native" / "check_objects.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_last_build_obeys(checker: ModuleType) -> None:
    builds = [path for path in (_ROOT / "build").glob("*") if any(path.rglob("avx2/*.o"))]
    if not builds:
        pytest.skip("no build folder here; the build itself runs the same check")
    for build in builds:
        files = checker.object_files(build)
        assert all(files[level] for level in checker.LEVELS)
        assert files["baseline"]
        assert list(checker.violations(build)) == []


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a compiler")
def test_weak_symbol_in_a_level_is_found(checker: ModuleType, tmp_path: Path) -> None:
    _compile(_WEAK, tmp_path / "elanus_avx2.dir" / "weak.o")
    (problem,) = checker.violations(tmp_path)
    assert "weak symbols" in problem


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a compiler")
def test_wide_register_outside_the_levels_is_found(checker: ModuleType, tmp_path: Path) -> None:
    _compile(_WIDE, tmp_path / "elanus_baseline.dir" / "wide.o")
    _compile(_WIDE, tmp_path / "elanus_avx2.dir" / "allowed.o")
    (problem,) = checker.violations(tmp_path)
    assert "wide.o" in problem


def _compile(source: str, into: Path) -> None:
    into.parent.mkdir(exist_ok=True)
    command = ["g++", "-O1", "-mavx2", "-fno-inline", "-x", "c++", "-", "-c", "-o", str(into)]
    subprocess.run(command, input=source, text=True, check=True)
