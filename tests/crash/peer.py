"""A process that does what it is told over a pipe, with a database of its own handle."""

import os
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import elanus
from elanus.app.opening import _Handle


def obey(root: str, orders: Connection) -> None:
    """Answers ("open" | "upsert" | "keys" | "owner" | "close", argument) until told to end."""
    database = elanus.connect(Path(root))
    while True:
        verb, argument = orders.recv()
        try:
            orders.send(("done", _do(database, verb, argument)))
        except elanus.ElanusError as error:
            orders.send(("error", error.kind))
        if verb == "close":
            return


def _do(database: elanus.Database, verb: str, argument: Any) -> Any:
    match verb:
        case "create":
            database.create_collection("c", dimension=2)
        case "insert":
            return database["c"].insert([{"id": key, "vector": [key, 1], "by": os.getpid()} for key in argument])
        case "keys":
            return [row["id"] for row in database["c"].query("id >= 0", output_fields=["id"]).to_list()]
        case "search":
            return database["c"].search([1.0, 1.0], limit=argument, output_fields=["by"]).to_list()
        case "owner":
            handle = database.service
            assert isinstance(handle, _Handle)
            return handle.shared.is_owner
        case "bad":
            return database["c"].insert([{"id": 1, "vector": [1, 2, 3]}])
        case "close":
            database.close()
    return None
