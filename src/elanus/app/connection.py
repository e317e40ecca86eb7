"""`elanus.connect`."""

from pathlib import Path
from typing import Any

from elanus.app.opening import open_service
from elanus.embedded.database import Database
from elanus.errors import ElanusError
from elanus.service.requests.base import DEFAULT_DATABASE
from elanus.service.requests.databases import DescribeDatabase
from elanus.settings import Settings

__all__ = ["connect"]


def connect(place: str | Path, *, database: str = DEFAULT_DATABASE, **settings: Any) -> Database:
    """Opens a database in this process.

    Args:
        place: a folder (made if need be), which any number of processes may open at once, or `:memory:` for one that is
            gone when it is closed.
        database: which of its databases.
        **settings: any of `elanus.Settings`, such as `durability="none"`; they win over `ELANUS_...` variables.

    Raises:
        InvalidInput: the place or a setting is wrong.
        NotFound: there is no such database.
        Unavailable: another process holds the folder and does not answer.
        DataCorrupt: the catalog is damaged.
    """
    service = open_service(place, Settings.load(**settings))
    if database != DEFAULT_DATABASE:
        try:
            service.execute(DescribeDatabase(database))
        except ElanusError:
            service.close()
            raise
    return Database(service, str(place), database)
