"""The protocol's generated messages, taken from pymilvus without importing it.

`import pymilvus` costs seconds (it pulls in pandas), its folder of generated code alone a tenth of one. The folder is
loaded here as a package of another name. Message classes are the same objects as pymilvus's own, whichever is
loaded first, because protobuf keeps one class a descriptor in a process.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from elanus.errors import Unavailable

__all__ = ["SERVICE_NAME", "common_pb2", "milvus_pb2", "schema_pb2"]

SERVICE_NAME: Final = "milvus.proto.milvus.MilvusService"

_PACKAGE: Final = "_elanus_milvus_protocol"


def _load_package() -> ModuleType:
    loaded = sys.modules.get(_PACKAGE)
    if loaded is not None:
        return loaded
    found = importlib.util.find_spec("pymilvus")
    folders = [] if found is None else list(found.submodule_search_locations or [])
    if not folders or importlib.util.find_spec("grpc") is None:
        raise Unavailable(
            "not_installed",
            "the Milvus protocol needs pymilvus and grpcio, which are not installed; run: pip install 'elanus[server]'",
        )
    folder = Path(folders[0]) / "grpc_gen"
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None or not (folder / "milvus_pb2.py").is_file():
        raise Unavailable(
            "not_installed",
            f"the installed pymilvus has no generated protocol in {folder}; run: pip install 'elanus[server]'",
        )
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = package
    try:
        spec.loader.exec_module(package)
    except BaseException:
        del sys.modules[_PACKAGE]
        raise
    return package


if TYPE_CHECKING:
    from pymilvus.grpc_gen import common_pb2, milvus_pb2, schema_pb2
else:
    _package = _load_package()
    common_pb2 = _package.common_pb2
    milvus_pb2 = _package.milvus_pb2
    schema_pb2 = _package.schema_pb2
