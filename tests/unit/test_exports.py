"""What the package and its modules say they export is what they have, and importing the package costs nothing."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import elanus

_SOURCE = Path(elanus.__file__).parent
_MODULES = sorted(
    "elanus." + ".".join(path.relative_to(_SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in _SOURCE.rglob("*.py")
    if path != _SOURCE / "__init__.py"
)


def _module(name: str) -> ModuleType:
    return importlib.import_module(name)


def test_the_packages_names_are_those_with_a_home() -> None:
    assert sorted(elanus.__all__) == sorted([*elanus._HOMES, "__version__"])
    assert elanus.__all__ == sorted(elanus.__all__)
    assert len(set(elanus.__all__)) == len(elanus.__all__)
    assert dir(elanus) == sorted(elanus.__all__)


@pytest.mark.parametrize("name", [name for name in elanus.__all__ if name != "__version__"])
def test_every_public_name_is_found_at_its_home_and_documented(name: str) -> None:
    value = getattr(elanus, name)
    home = _module(elanus._HOMES[name])
    assert value is getattr(home, name)
    assert name in home.__all__
    assert value.__module__ == home.__name__
    assert (value.__doc__ or "").strip()


def test_the_type_checkers_list_is_the_lazy_one() -> None:
    """Names under TYPE_CHECKING come from the same homes as at run time."""
    homes = {}
    for node in ast.walk(ast.parse((_SOURCE / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module not in {"importlib", "typing", "elanus.version"}:
            homes.update({item.name: node.module for item in node.names})
    assert homes == elanus._HOMES


def test_every_error_class_is_public() -> None:
    assert set(_module("elanus.errors").__all__) - {"KINDS"} <= set(elanus.__all__)


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="module 'elanus' has no attribute 'nothing'"):
        _ = elanus.nothing
    assert elanus.__version__ == _module("elanus.version").VERSION


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ["pyarrow", "numpy", "msgspec", "faiss", "grpc", "pymilvus", "pandas", "elanus.errors"]
    program = f"import sys, elanus; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(_SOURCE.parent)},
    )
    assert done.stdout.strip() == "[]"


def _exported(name: str) -> list[str] | None:
    """`__all__` as the source says it, without importing; None if there is none."""
    for node in _tree(name).body:
        if isinstance(node, ast.Assign) and any(_is_all(target) for target in node.targets):
            return list(ast.literal_eval(node.value))
    return None


def _is_all(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "__all__"


def _tree(name: str) -> ast.Module:
    parts = name.split(".")[1:]
    path = _SOURCE.joinpath(*parts).with_suffix(".py")
    return ast.parse((path if path.exists() else _SOURCE.joinpath(*parts, "__init__.py")).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in _MODULES if _exported(name) is not None])
def test_a_modules_exports_exist(name: str) -> None:
    exported = _exported(name)
    assert exported is not None
    assert len(set(exported)) == len(exported)
    defined = {*_defined(_tree(name)), *_imported(_tree(name))}
    assert set(exported) - defined == set()


# Public names that their modules do not export; the list only shrinks.
_NOT_EXPORTED_YET: dict[str, set[str]] = {}


@pytest.mark.parametrize("name", [name for name in _MODULES if _exported(name) is not None])
def test_public_functions_and_classes_are_exported(name: str) -> None:
    """What is not for others starts with an underscore."""
    assert _missing(name) == _NOT_EXPORTED_YET.get(name, set())


def _missing(name: str) -> set[str]:
    exported = set(_exported(name) or ())
    return {
        node.name
        for node in _functions_and_classes(_tree(name))
        if not node.name.startswith("_") and node.name not in exported and not _is_registered(node, exported)
    }


def _is_registered(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, exported: set[str]) -> bool:
    """Whether a decorator hands it to something exported, as `@application.command()` does."""
    return any(
        isinstance(item, ast.Name) and item.id in exported for call in node.decorator_list for item in ast.walk(call)
    )


def _functions_and_classes(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]


def _defined(tree: ast.Module) -> set[str]:
    """Names that the module binds itself, also under a condition."""
    names = {node.name for node in _functions_and_classes(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            targets = [item for target in node.targets for item in ast.walk(target)]
            names.update(item.id for item in targets if isinstance(item, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def _imported(tree: ast.Module) -> set[str]:
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {item.asname or item.name for node in imports for item in node.names}
