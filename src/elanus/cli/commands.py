"""What each command does."""

import faulthandler
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from elanus.app.connection import connect
from elanus.app.serving import serve as start_serving
from elanus.app.verification import verify as verify_folder
from elanus.errors import InvalidInput, NotFound
from elanus.runtime.log import configure_logging
from elanus.runtime.memory import keep_freed_memory
from elanus.settings import Settings
from elanus.version import VERSION

__all__ = ["application"]

application = typer.Typer(add_completion=False, no_args_is_help=True, help="Elanus, a vector database.")

DataFolder = Annotated[Path, typer.Option("--data", help="Folder of the database; made if it is not there.")]
PresentFolder = Annotated[Path, typer.Option("--data", help="Folder of the database.")]


@application.command()
def serve(
    data: DataFolder = Path("./data"),
    *,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of gRPC and REST.")] = None,
    management_port: Annotated[int | None, typer.Option(help="Port of /healthz and /metrics.")] = None,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = None,
) -> None:
    """Serves a folder over the Milvus protocol until it is interrupted."""
    settings = Settings.load(file=config, host=host, port=port, management_port=management_port, log_level=log_level)
    configure_logging(level=settings.log_level, log_format=settings.log_format)
    # A page of a mapped file that the disk cannot read back ends the process; then at least it says where.
    faulthandler.enable()
    keep_freed_memory()
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    running = start_serving(data, settings)
    stopping.wait()
    running.stop()


@application.command()
def info(data: PresentFolder = Path("./data")) -> None:
    """Lists the collections of a folder."""
    _check_present(data)
    table = Table("database", "collection", "rows", "fields", "indexes")
    with connect(data) as root:
        for name in root.list_databases():
            database = root.database(name)
            for collection in map(database.collection, database.list_collections()):
                fields = ", ".join(f"{field.name} {field.type_label()}" for field in collection.schema.user_fields)
                indexes = ", ".join(f"{index.definition.index_type}({index.definition.field_name})"
                                    for index in collection.indexes())  # fmt: skip
                table.add_row(name, collection.name, f"{len(collection):,}", fields, indexes)
    Console().print(table)


@application.command()
def explain(
    collection: Annotated[str, typer.Argument(help="Name of the collection.")],
    data: PresentFolder = Path("./data"),
    *,
    database: Annotated[str, typer.Option(help="Database of the collection.")] = "default",
    filter: Annotated[str, typer.Option(help="Filter of the query or search.")] = "",  # noqa: A002 (the user's word)
    vector: Annotated[str, typer.Option(help="Vector to search for, as JSON; a query without.")] = "",
    field: Annotated[str, typer.Option(help="Vector field, if there are several.")] = "",
    limit: Annotated[int, typer.Option(help="Hits of the search.")] = 10,
) -> None:
    """Tells what a filter or a search means and what it does in each segment. Does it to find out."""
    _check_present(data)
    with connect(data) as root:
        target = root.database(database).collection(collection)
        if vector:
            explanation = target.explain_search(_vector(vector), field=field, filter=filter, limit=limit)
        else:
            explanation = target.explain(filter)
    typer.echo(str(explanation))


@application.command()
def verify(data: PresentFolder = Path("./data")) -> None:
    """Reads every file of a folder and checks it against its checksum. Changes nothing."""
    _check_present(data)
    report = verify_folder(data, Settings.load())
    console = Console()
    for problem in report.problems:
        console.print(f"[red]damaged[/red] {problem}")
    console.print(f"{report.file_count:,} files, {report.size_bytes:,} bytes read, {len(report.problems)} damaged")
    raise typer.Exit(1 if report.problems else 0)


@application.command()
def version() -> None:
    """Prints the version."""
    Console().print(VERSION)


def _vector(text: str) -> list[float] | dict[int, float]:
    """A vector as JSON: a list of numbers, or an object of indices and numbers.

    Raises:
        InvalidInput: something else.
    """
    try:
        return msgspec.json.decode(text, type=list[float] | dict[int, float])
    except msgspec.DecodeError as error:
        raise InvalidInput("type_mismatch", f"--vector is no vector: {error}; write [0.1, 0.2]") from None


def _check_present(data: Path) -> None:
    """Refuses a folder without a database, which looking at it would make.

    Raises:
        NotFound: there is none.
    """
    if not (data / "catalog").is_dir():
        raise NotFound("object_not_found", f"there is no database in {data}")
