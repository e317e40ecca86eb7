"""The house rules that no other tool checks, over every source file. Each breach is told as `file:line: what`.

The lists of exceptions say what breaks a rule today; they may only shrink, and a test fails when an entry is not
needed any more.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("src", "tests", "benchmarks", "examples", "native")
_FUNCTION_LINES_MAX = 70
_FILE_LINES_MAX = 600
_PARAMETERS_MAX = 8
_DOCSTRING_LINES_MAX = 15

_BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "core", "misc", "manager"}
# Written so that this file does not break its own rules.
_UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
_MACHINE_PATHS = re.compile(r"""(?<![\w./:>-])/(home|root|work|tmp|Users|mnt|var/tmp)(/|(?=["'\s]|$))""")
_REGISTRIES = re.compile(
    r"pypi[.]org|python[h]osted|index[-]url|arti[f]actory|ne[x]us|registry[.]\w+[.]\w+|proxy[.]golang", re.IGNORECASE
)

# Functions and files that are longer than allowed, with the lines they have.
_STILL_TOO_LONG: dict[str, int] = {}
# Functions with more than eight parameters: public calls whose options are keywords only.
_STILL_MANY_PARAMETERS = {"src/elanus/embedded/collection.py:search": 11}
# Broad excepts that neither raise again nor name their boundary.
_STILL_BROAD = {"tests/crash/test_concurrency.py": 1}
# Where files are opened, and why.
_FILE_ACCESS = {
    "src/elanus/objectstore/": "the store of everything durable",
    "src/elanus/storage/wal/": "the log writes files of its own",
    "src/elanus/embedded/sharing/lock.py": "the lock of a folder is a file",
    "src/elanus/settings.py": "settings may come from a file",
    "src/elanus/app/": "opens folders for users",
    "src/elanus/cli/": "reads what a command names",
}
_CLOCKS_AND_THREADS = {"src/elanus/runtime/": "the only place that asks the machine for time, ids and threads"}
_ENVIRONMENT = {
    "src/elanus/settings.py": "settings come from the environment",
    "src/elanus/kernels/loader.py": "chooses the kernels before settings exist",
}


@dataclass(frozen=True)
class _Source:
    """A file, by its path from the root, and its syntax tree if it is Python."""

    path: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def tree(self) -> ast.Module:
        """Empty for files that are not Python."""
        return _parsed(self.text if self.path.endswith(".py") else "")

    @property
    def is_package(self) -> bool:
        return self.path.startswith("src/")


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


Rule = Callable[[_Source], Iterator[str]]


@cache
def _sources() -> tuple[_Source, ...]:
    found = []
    for folder in _FOLDERS:
        for path in sorted((_ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".cpp", ".h", ".pyi"} and "__pycache__" not in path.parts:
                found.append(_Source(str(path.relative_to(_ROOT)), path.read_text(encoding="utf-8")))
    return tuple(found)


def _functions(source: _Source) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its name for the lists of exceptions."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{source.path}:{node.name}", node


def _told(source: _Source, line: int, what: str) -> str:
    return f"{source.path}:{line}: {what}"


def _is_listed(source: _Source, places: dict[str, str]) -> bool:
    return any(source.path.startswith(place) for place in places)


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring and decorators."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def functions_are_short(source: _Source) -> Iterator[str]:
    for name, node in _functions(source):
        count = _code_lines(node)
        if count > max(_FUNCTION_LINES_MAX, _STILL_TOO_LONG.get(name, 0)):
            yield _told(source, node.lineno, f"{node.name} has {count} lines, expected at most {_FUNCTION_LINES_MAX}")


def files_are_short(source: _Source) -> Iterator[str]:
    count = len(source.lines)
    if count > max(_FILE_LINES_MAX, _STILL_TOO_LONG.get(source.path, 0)):
        yield _told(source, count, f"the file has {count} lines, expected at most {_FILE_LINES_MAX}")


def _parameter_count(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([item for item in every if item.arg not in {"self", "cls"}])


def parameters_are_few(source: _Source) -> Iterator[str]:
    for name, node in _functions(source):
        count = _parameter_count(node)
        if count > max(_PARAMETERS_MAX, _STILL_MANY_PARAMETERS.get(name, 0)):
            yield _told(source, node.lineno, f"{node.name} has {count} parameters, expected at most {_PARAMETERS_MAX}")


def names_say_what_is_in_a_file(source: _Source) -> Iterator[str]:
    for part in Path(source.path).with_suffix("").parts:
        if part.lower().strip("_") in _BANNED_NAMES:
            yield _told(source, 1, f"{part!r} says nothing; name the file after its idea")


def modules_have_a_docstring(source: _Source) -> Iterator[str]:
    if not source.path.endswith(".py") or not source.text.strip():
        return
    text = ast.get_docstring(source.tree, clean=False)
    if text is None:
        yield _told(source, 1, "the module has no docstring")
    elif len(text.strip().splitlines()) > _DOCSTRING_LINES_MAX:
        yield _told(source, 1, f"the module's docstring has more than {_DOCSTRING_LINES_MAX} lines")


def _lines_with(pattern: re.Pattern[str], what: str) -> Rule:
    def rule(source: _Source) -> Iterator[str]:
        for number, line in enumerate(source.lines, start=1):
            found = pattern.search(line)
            if found:
                yield _told(source, number, f"{found[0].strip()!r} {what}")

    return rule


def _dotted(node: ast.expr) -> str:
    """`a.b.c` of an expression made of names; empty for others."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


_CLOCK_MODULES = {"time", "uuid", "random", "secrets"}
_THREAD_NAMES = {"threading.Thread", "threading.Timer", "ThreadPoolExecutor", "ProcessPoolExecutor"}


def time_chance_and_threads_are_asked_for_in_runtime(source: _Source) -> Iterator[str]:
    if not source.is_package or _is_listed(source, _CLOCKS_AND_THREADS):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                if item.name in _CLOCK_MODULES:
                    yield _told(source, node.lineno, f"imports {item.name}, which only elanus.runtime does")
        elif isinstance(node, ast.ImportFrom) and node.module in _CLOCK_MODULES:
            yield _told(source, node.lineno, f"imports from {node.module}, which only elanus.runtime does")
        elif isinstance(node, ast.Call) and _dotted(node.func) in {*_THREAD_NAMES, "datetime.now", "datetime.utcnow"}:
            yield _told(source, node.lineno, f"calls {_dotted(node.func)}, which only elanus.runtime does")


def chance_has_a_seed(source: _Source) -> Iterator[str]:
    chance_is_a_module = re.search(r"^import random$", source.text, re.MULTILINE) is not None
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        called = _dotted(node.func)
        if called.startswith("random.") and not chance_is_a_module:
            continue  # a generator of that name
        makes_generator = called.endswith(("random.default_rng", "random.Random", "random.RandomState"))
        if makes_generator and not node.args and not node.keywords:
            yield _told(source, node.lineno, f"{called} has no seed")
        if not makes_generator and called.startswith(("random.", "np.random.", "numpy.random.")):
            yield _told(source, node.lineno, f"{called} draws from a generator without an explicit seed")


_FILE_CALLS = {"open", "os.open", "io.open", "os.fdopen"}
_FILE_METHODS = {"read_bytes", "read_text", "write_bytes", "write_text"}


def files_are_touched_in_few_places(source: _Source) -> Iterator[str]:
    if not source.is_package or _is_listed(source, _FILE_ACCESS):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _opens_a_file(node):
            yield _told(source, node.lineno, "opens a file; go through an ObjectStore or a Disk")


def _opens_a_file(node: ast.Call) -> bool:
    if _dotted(node.func) in _FILE_CALLS:
        return True
    if not isinstance(node.func, ast.Attribute):
        return False
    # `Path.open` takes a mode or nothing; other methods of that name take what they open.
    mode = node.args[0] if node.args else ast.Constant("r")
    is_path_open = node.func.attr == "open" and isinstance(mode, ast.Constant) and isinstance(mode.value, str)
    return is_path_open or node.func.attr in _FILE_METHODS


def the_environment_is_read_in_two_places(source: _Source) -> Iterator[str]:
    if not source.is_package or _is_listed(source, _ENVIRONMENT):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and _dotted(node) in {"os.environ", "os.getenv", "os.environb", "os.putenv"}:
            yield _told(source, node.lineno, f"{_dotted(node)} is for settings.py and kernels/loader.py")


def broad_excepts_name_their_boundary(source: _Source) -> Iterator[str]:
    """One that only cleans up and raises again is none."""
    broad = [node for node in ast.walk(source.tree) if isinstance(node, ast.ExceptHandler) and _is_broad(node)]
    unnamed = []
    for node in broad:
        around = source.lines[max(0, node.lineno - 3) : node.lineno + 2]
        raises_again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
        if not raises_again and not any("#" in line and "boundary" in line for line in around):
            unnamed.append(node)
    for node in unnamed[_STILL_BROAD.get(source.path, 0) :]:
        yield _told(source, node.lineno, "a broad except without a comment that names it a boundary")


def _is_broad(node: ast.ExceptHandler) -> bool:
    if node.type is None:
        return True
    return any(isinstance(item, ast.Name) and item.id in {"Exception", "BaseException"} for item in ast.walk(node.type))


_RULES: list[Rule] = [
    functions_are_short,
    files_are_short,
    parameters_are_few,
    names_say_what_is_in_a_file,
    modules_have_a_docstring,
    time_chance_and_threads_are_asked_for_in_runtime,
    chance_has_a_seed,
    files_are_touched_in_few_places,
    the_environment_is_read_in_two_places,
    broad_excepts_name_their_boundary,
]
_TEXT_RULES = {
    "nothing is left unfinished": _lines_with(_UNFINISHED, "marks something unfinished"),
    "no path of a machine": _lines_with(_MACHINE_PATHS, "is a path of one machine"),
    "no package registry": _lines_with(_REGISTRIES, "names a package registry"),
}


def test_there_is_something_to_check() -> None:
    assert len([source for source in _sources() if source.is_package]) > 150
    assert any(source.path.startswith("native/") for source in _sources())


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.__name__)
def test_the_sources_keep_the_rule(rule: Rule) -> None:
    broken = [told for source in _sources() for told in rule(source)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("name", _TEXT_RULES)
def test_the_texts_keep_the_rule(name: str) -> None:
    broken = [told for source in _sources() for told in _TEXT_RULES[name](source)]
    assert not broken, "\n".join(broken)


def _of(text: str, path: str = "src/elanus/engine/x.py") -> _Source:
    return _Source(path, text)


_LONG_FUNCTION = "def f():\n" + "    pass\n" * 70
_BREACHES: list[tuple[Rule, _Source]] = [
    (functions_are_short, _of(_LONG_FUNCTION)),
    (files_are_short, _of("#\n" * 601)),
    (files_are_short, _of("//\n" * 601, "native/src/x.cpp")),
    (parameters_are_few, _of("def f(a, b, c, d, e, f, g, *, h, i): ...")),
    (names_say_what_is_in_a_file, _of("", "src/elanus/core/x.py")),
    (names_say_what_is_in_a_file, _of("", "tests/unit/_helpers.py")),
    (modules_have_a_docstring, _of("import os\n")),
    (modules_have_a_docstring, _of('"""a\n' + "b\n" * 15 + '"""\n')),
    (time_chance_and_threads_are_asked_for_in_runtime, _of("import time\n")),
    (time_chance_and_threads_are_asked_for_in_runtime, _of("from uuid import uuid4\n")),
    (time_chance_and_threads_are_asked_for_in_runtime, _of("threading.Thread(target=f)\n")),
    (chance_has_a_seed, _of("import random\nrandom.shuffle(x)\n", "tests/unit/x.py")),
    (chance_has_a_seed, _of("np.random.default_rng()\n", "tests/unit/x.py")),
    (chance_has_a_seed, _of("np.random.normal(3)\n", "benchmarks/x.py")),
    (files_are_touched_in_few_places, _of("open('x')\n")),
    (files_are_touched_in_few_places, _of("(a / b).open('rb')\n")),
    (files_are_touched_in_few_places, _of("path.read_text()\n")),
    (the_environment_is_read_in_two_places, _of("x = os.environ['A']\n")),
    (the_environment_is_read_in_two_places, _of("x = os.getenv('A')\n")),
    (broad_excepts_name_their_boundary, _of("try:\n    f()\nexcept Exception:\n    pass\n")),
    (broad_excepts_name_their_boundary, _of("try:\n    f()\nexcept:\n    pass\n")),
    (_TEXT_RULES["nothing is left unfinished"], _of("# TO" + "DO: later\n")),
    (_TEXT_RULES["no path of a machine"], _of("root = '/ho" + "me/me/data'\n")),
    (_TEXT_RULES["no path of a machine"], _of("# see /wo" + "rk/x\n")),
    (_TEXT_RULES["no package registry"], _of("# pip --ind" + "ex-url http://x\n")),
]


@pytest.mark.parametrize(("rule", "source"), _BREACHES)
def test_a_rule_finds_its_breach_and_says_where(rule: Rule, source: _Source) -> None:
    (told,) = rule(source)
    assert re.match(rf"{re.escape(source.path)}:\d+: ", told)


_FINE: list[tuple[Rule, _Source]] = [
    (functions_are_short, _of(_LONG_FUNCTION.replace("    pass\n", "", 1))),
    (functions_are_short, _of(_LONG_FUNCTION.replace("    pass\n", '    """Long.\n\n    Told.\n    """\n', 1))),
    (parameters_are_few, _of("def f(self, a, b, c, d, e, f, g, h): ...")),
    (names_say_what_is_in_a_file, _of("", "src/elanus/objectstore/disk.py")),
    (time_chance_and_threads_are_asked_for_in_runtime, _of("import time\n", "src/elanus/runtime/clock.py")),
    (time_chance_and_threads_are_asked_for_in_runtime, _of("import threading\nthreading.Lock()\n")),
    (chance_has_a_seed, _of("import random\nrandom.Random(7).random()\nnp.random.default_rng(1)\n")),
    (chance_has_a_seed, _of("random = np.random.default_rng(1)\nrandom.normal(3)\n")),
    (files_are_touched_in_few_places, _of("open('x')\n", "src/elanus/objectstore/disk.py")),
    (files_are_touched_in_few_places, _of("index.open(artefacts)\n")),
    (broad_excepts_name_their_boundary, _of("try:\n    f()\nexcept BaseException:\n    g()\n    raise\n")),
    (broad_excepts_name_their_boundary, _of("try:\n    f()\n# The boundary.\nexcept Exception:\n    g()\n")),
    (_TEXT_RULES["no path of a machine"], _of("route('/v2/home/x')\nopen('/proc/cpuinfo')\nurl/home/x\n")),
]


@pytest.mark.parametrize(("rule", "source"), _FINE)
def test_a_rule_leaves_what_is_fine_alone(rule: Rule, source: _Source) -> None:
    assert list(rule(source)) == []


def test_the_lists_of_exceptions_only_shrink() -> None:
    """An entry that is not needed any more, or allows more than it must, is to be removed or lowered."""
    functions = {name: node for source in _sources() for name, node in _functions(source)}
    lines = {source.path: len(source.lines) for source in _sources()}
    lengths = {**lines, **{name: _code_lines(node) for name, node in functions.items()}}
    assert {name: lengths.get(name) for name in _STILL_TOO_LONG} == _STILL_TOO_LONG
    assert {name: _parameter_count(functions[name]) for name in _STILL_MANY_PARAMETERS} == _STILL_MANY_PARAMETERS
    for name in _STILL_MANY_PARAMETERS:
        positional = [item for item in functions[name].args.args if item.arg not in {"self", "cls"}]
        assert len(positional) <= 2, f"{name}: more than two parameters that are not keyword-only"
    texts = {source.path: source for source in _sources()}
    for path, count in _STILL_BROAD.items():
        found = [node for node in ast.walk(texts[path].tree) if isinstance(node, ast.ExceptHandler) and _is_broad(node)]
        assert len(found) == count
    for places in (_FILE_ACCESS, _CLOCKS_AND_THREADS, _ENVIRONMENT):
        for place in places:
            assert any(source.path.startswith(place) for source in _sources()), f"nothing is at {place}"
