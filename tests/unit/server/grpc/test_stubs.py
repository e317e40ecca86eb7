"""Loading the protocol's messages beside pymilvus. Each case needs an interpreter that has loaded neither yet."""

import subprocess
import sys
from pathlib import Path

import pytest

_SOURCE = Path(__file__).parents[4] / "src"
_SAME_CLASSES = """
from pymilvus.grpc_gen import common_pb2, milvus_pb2, schema_pb2
assert stubs.common_pb2.Status is common_pb2.Status
assert stubs.milvus_pb2.SearchRequest is milvus_pb2.SearchRequest
assert stubs.schema_pb2.FieldData is schema_pb2.FieldData
"""


def _run(code: str) -> None:
    path = f"import sys; sys.path.insert(0, {str(_SOURCE)!r})\n"
    done = subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", path + code], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_pymilvus_is_not_imported() -> None:
    _run(
        "from elanus.server.grpc import stubs\n"
        "assert 'pymilvus' not in sys.modules and 'pandas' not in sys.modules\n"
        "assert stubs.milvus_pb2.SearchRequest(nq=3).nq == 3\n"
    )


def test_the_classes_are_pymilvuss_own_when_it_comes_later() -> None:
    _run("from elanus.server.grpc import stubs\n" + _SAME_CLASSES)


def test_the_classes_are_pymilvuss_own_when_it_came_earlier() -> None:
    _run("import pymilvus\nfrom elanus.server.grpc import stubs\n" + _SAME_CLASSES)


@pytest.mark.parametrize("missing", ["pymilvus", "grpc"])
def test_what_is_missing_is_said(missing: str) -> None:
    _run(
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda name, *rest: None if name == {missing!r} else found(name, *rest)\n"
        "from elanus.errors import Unavailable\n"
        "try:\n    import elanus.server.grpc.stubs\n"
        "except Unavailable as error:\n"
        "    assert error.kind == 'not_installed' and \"pip install 'elanus[server]'\" in error.message\n"
        "else:\n    raise AssertionError('nothing was said')\n"
    )


def test_a_pymilvus_without_generated_code_is_said(tmp_path: Path) -> None:
    (tmp_path / "pymilvus" / "grpc_gen").mkdir(parents=True)
    (tmp_path / "pymilvus" / "__init__.py").touch()
    _run(
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from elanus.errors import Unavailable\n"
        "try:\n    import elanus.server.grpc.stubs\n"
        "except Unavailable as error:\n    assert 'no generated protocol' in error.message\n"
        "else:\n    raise AssertionError('nothing was said')\n"
    )
