#!/usr/bin/env python3
"""Every chore of the project as one word. Needs Python 3.11 and a C++ compiler, nothing else.

python3 dev.py demo     install into .venv and run the demonstration on real input
python3 dev.py test     install and run the tests
python3 dev.py lint     formatting, lint, types, layers
python3 dev.py format   put formatting right
python3 dev.py ci       what CI runs: lint, then test
python3 dev.py kill     the long crash test: 10,000 kills
python3 dev.py power    the long power-cut test: every operation, many kinds of luck
python3 dev.py fuzz-filters   filters against their definition with fresh seeds; `--minutes N`, `--seed N`
python3 dev.py fuzz-parser    texts that may crash the parser of filters; `--minutes N`, `--seed N`
python3 dev.py compare-filters   filters over real data sets against DuckDB; `--minutes N`, `--seed N`
python3 dev.py sanitize the kernel and index tests with the address and undefined-behaviour sanitizers
python3 dev.py bench    the benchmarks of `benchmarks/`
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "elanus-installed"
BUILD_TOOLS = ["scikit-build-core>=1.0", "nanobind>=3.1,<4"]
EXTRAS = "milvus,server,cli,frames,test"
# What an installation depends on: when one of these changes, it is made anew.
INSTALL_INPUTS = ("pyproject.toml", "constraints-dev.txt", "native")


def run(*command: str, **environment: str) -> None:
    """Runs a command in the project folder and ends with its status if it fails."""
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def newest_input() -> float:
    """When an input of the installation changed last."""
    files = [path for name in INSTALL_INPUTS for path in [ROOT / name, *sorted((ROOT / name).rglob("*"))]]
    return max(path.stat().st_mtime for path in files if path.is_file())


def install() -> None:
    """A virtual environment with the package (editable, so that sources are used as they are) and every extra."""
    if STAMP.exists() and STAMP.stat().st_mtime >= newest_input():
        return
    if not PYTHON.exists():
        print("making .venv ...", flush=True)
        venv.create(ENVIRONMENT, with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", "constraints-dev.txt"]
    print("installing (the first time takes a minute or two) ...", flush=True)
    run(*pip, *BUILD_TOOLS)
    run(*pip, "--no-build-isolation", "-e", f".[{EXTRAS}]")
    STAMP.touch()


def demo() -> None:
    run(str(PYTHON), "examples/stdlib_search.py", *sys.argv[2:])


def test() -> None:
    run(str(PYTHON), "-m", "pytest", *(sys.argv[2:] or ["-q", "-n", "auto"]))


def lint() -> None:
    tools = ENVIRONMENT / "bin"
    run(str(tools / "ruff"), "check", ".")
    run(str(tools / "ruff"), "format", "--check", ".")
    run(str(PYTHON), "-m", "mypy")
    run(str(tools / "lint-imports"), "--no-cache")
    sources = sorted(
        str(path.relative_to(ROOT)) for path in (ROOT / "native").rglob("*") if path.suffix in {".cpp", ".h"}
    )
    run(str(tools / "clang-format"), "--dry-run", "--Werror", *sources)


def reformat() -> None:
    tools = ENVIRONMENT / "bin"
    run(str(tools / "ruff"), "check", "--fix", ".")
    run(str(tools / "ruff"), "format", ".")
    sources = sorted(
        str(path.relative_to(ROOT)) for path in (ROOT / "native").rglob("*") if path.suffix in {".cpp", ".h"}
    )
    run(str(tools / "clang-format"), "-i", *sources)


def ci() -> None:
    lint()
    test()


def kill() -> None:
    run(str(PYTHON), "-m", "pytest", "-q", "tests/crash/test_kill.py", ELANUS_TEST_PROFILE="nightly")


def power() -> None:
    run(
        str(PYTHON), "-m", "pytest", "-q", "-n", "auto", "tests/crash/test_power_loss.py", ELANUS_TEST_PROFILE="nightly"
    )


def fuzz_filters() -> None:
    run(str(PYTHON), "-m", "tests.fuzz.filters", *sys.argv[2:])


def fuzz_parser() -> None:
    run(str(PYTHON), "-m", "tests.fuzz.parser", *sys.argv[2:])


def compare_filters() -> None:
    run(str(PYTHON), "-m", "pip", "install", "--quiet", "--no-build-isolation", "-e", ".[compare]")
    run(str(PYTHON), "-m", "tests.fuzz.real_filters", *sys.argv[2:])


def sanitize() -> None:
    """Builds the kernels with sanitizers, runs what calls them, and brings the ordinary library back."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "-e", "."]
    tests = ["tests/unit/kernels", "tests/unit/index", *sorted(map(str, ROOT.glob("tests/property/test_kernels_*.py")))]
    tests += ["tests/property/test_index_exact.py", "tests/property/test_estimates.py"]
    libraries = [
        subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libstdc++.so")
    ]
    try:
        run(*pip, "-C", "cmake.define.ELANUS_SANITIZE=ON", "-C", "build-dir=build/sanitize")
        run(
            *(str(PYTHON), "-m", "pytest", "-p", "no:xdist", "-q", "-s", *(sys.argv[2:] or tests)),
            LD_PRELOAD=" ".join(libraries),
            ASAN_OPTIONS="detect_leaks=0",
            PYTHONMALLOC="malloc",
            ELANUS_TEST_PROFILE="fast",
        )
    finally:
        run(*pip)


def bench() -> None:
    run(str(PYTHON), "benchmarks/foundation.py", *sys.argv[2:])


CHORES = {
    "demo": demo,
    "test": test,
    "lint": lint,
    "format": reformat,
    "ci": ci,
    "kill": kill,
    "power": power,
    "fuzz-filters": fuzz_filters,
    "fuzz-parser": fuzz_parser,
    "compare-filters": compare_filters,
    "sanitize": sanitize,
    "bench": bench,
}


def main() -> None:
    chore = CHORES.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if chore is None:
        print(__doc__)
        sys.exit(0 if len(sys.argv) == 1 else 2)
    install()
    chore()


if __name__ == "__main__":
    main()
