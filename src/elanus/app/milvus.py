"""`elanus.MilvusClient`: the genuine pymilvus client, over a folder of this machine or over the network."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from elanus.app.opening import open_service
from elanus.errors import Unavailable
from elanus.settings import Settings

if TYPE_CHECKING:
    from pymilvus import MilvusClient as PymilvusClient

__all__ = ["MilvusClient"]


def MilvusClient(uri: str | Path = "./elanus_data", *args: Any, **options: Any) -> "PymilvusClient":  # noqa: N802 (stands in for the class)
    """A `pymilvus.MilvusClient`.

    Args:
        uri: a folder, opened in this process (`:memory:` for one that is gone with the client), or the address of a
            server (`http://localhost:19530`).
        *args: as `pymilvus.MilvusClient` takes them after `uri`.
        **options: likewise.

    Raises:
        Unavailable: pymilvus is not installed, or another process holds the folder and does not answer.
    """
    try:
        from pymilvus import MilvusClient as Genuine
    except ModuleNotFoundError as error:
        raise Unavailable(
            "not_installed", "elanus.MilvusClient needs pymilvus; install it with: pip install 'elanus[milvus]'"
        ) from error
    if "://" in str(uri):
        return Genuine(str(uri), *args, **options)
    from elanus.server.grpc.inprocess import milvus_client

    service = open_service(uri, Settings.load())
    try:
        return milvus_client(service, on_close=service.close, **options)
    except BaseException:
        service.close()
        raise
