# ruff: noqa: INP001 (a tool of the build, not part of a package)
"""Proof that a build keeps each CPU level's instructions to itself.

In the object files of a level nothing may be weak: the linker keeps one copy of a weak function for everyone, and one
compiled for AVX-512 would kill an older CPU. In all other object files no vector register wider than 128 bits may
occur. Run by the build with its folder; also used by the tests.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LEVELS = ("avx2", "avx512", "avx512_icelake")
_WIDE_REGISTER = re.compile(r"%[yz]mm\d|%k[1-7]\b")


def object_files(build: Path) -> dict[str, list[Path]]:
    """Object files below `build` by level; those of no level under `baseline`."""
    found: dict[str, list[Path]] = {"baseline": [], **{level: [] for level in LEVELS}}
    for path in sorted(build.rglob("*.o")):
        target = next((part for part in path.parts if part.endswith(".dir")), "")
        level = target.removeprefix("elanus_").removesuffix(".dir")
        found[level if level in LEVELS else "baseline"].append(path)
    return found


def weak_symbols(path: Path) -> list[str]:
    """Symbols the linker may merge with those of other files."""
    lines = _output("nm", "--defined-only", str(path)).splitlines()
    return [line.split()[-1] for line in lines if line.split()[-2] in {"W", "w", "V", "v", "u"}]


def wide_instructions(path: Path) -> list[str]:
    """Instructions that name a 256- or 512-bit register or a mask register."""
    lines = _output("objdump", "--disassemble", "--no-show-raw-insn", str(path)).splitlines()
    return [line.strip() for line in lines if _WIDE_REGISTER.search(line)]


def violations(build: Path) -> Iterator[str]:
    """One line for each file that breaks a rule."""
    files = object_files(build)
    for level in LEVELS:
        for path in files[level]:
            weak = weak_symbols(path)
            if weak:
                yield f"{path}: weak symbols in a level's object file, first {weak[0]}"
    for path in files["baseline"]:
        wide = wide_instructions(path)
        if wide:
            yield f"{path}: {len(wide)} wide vector instructions outside the levels, first {wide[0]}"


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 (our own command)


def main() -> int:
    """0 if the build in the folder of the first argument obeys, or cannot be looked at for want of binutils."""
    if shutil.which("nm") is None or shutil.which("objdump") is None:
        sys.stdout.write("nm or objdump is missing, object files are not checked\n")
        return 0
    found = list(violations(Path(sys.argv[1])))
    for line in found:
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
