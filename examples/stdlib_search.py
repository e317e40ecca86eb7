"""Searches the functions and classes of your own Python's standard library, embedded, without a server or a model.

    python examples/stdlib_search.py [--data FOLDER] [--model NAME] [--only PACKAGE]

Reads the sources, makes a vector of every name and docstring, stores all of it, answers a few questions with filters,
and ends by killing a process in the middle of writing to show that what was acknowledged is there.
"""

import argparse
import ast
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from lexical_vectors import LexicalVectors
from rich.console import Console
from rich.progress import track
from rich.table import Table

import elanus
from elanus import DataType, Field, Schema

Encoder = Callable[[Sequence[str]], npt.NDArray[np.float32]]

QUESTIONS = [
    ("parse command line arguments", 'kind == "class"'),
    ("create a temporary file that is deleted when closed", "line_count > 10 and is_public"),
    ("compress a string of bytes", 'module in ["zlib", "gzip", "bz2", "lzma"] or module like "z%"'),
    ("wait for a child process to end", 'not (module like "test%") and argument_count <= 3'),
    ("shuffle a list in random order", ""),
]
BATCH_ROWS = 500
console = Console()


def main() -> None:
    options = parse_options()
    if options.write_until_killed:
        write_until_killed(Path(options.data))
        return
    with tempfile.TemporaryDirectory(prefix="elanus-demo-") as temporary:
        folder = Path(options.data or temporary) / "stdlib"
        console.rule("[bold]The standard library in a vector database")
        entries = collect(options.only)
        encode, dimension, name = encoder(options.model, entries)
        console.print(f"{len(entries):,} functions and classes, vectors of {dimension} dimensions from {name}")
        with elanus.connect(folder) as database:
            library = fill(database, entries, encode, dimension)
            ask(library, encode)
        console.rule("[bold]Kill -9 while writing")
        survive_a_kill(Path(options.data or temporary) / "killed")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="", help="where to keep the databases; a temporary folder if left out")
    parser.add_argument(
        "--model", default="all-MiniLM-L6-v2", help="used if sentence-transformers and the model are here"
    )
    parser.add_argument("--only", default="", help="a package of the library, such as email; all of it if left out")
    parser.add_argument("--write-until-killed", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def collect(package: str) -> list[dict[str, Any]]:
    """One entry a function or class that has a docstring."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [
        path
        for path in sorted((root / package).rglob("*.py"))
        if "site-packages" not in path.parts and "test" not in path.parts
    ]
    entries: list[dict[str, Any]] = []
    for path in track(files, description="reading sources", console=console):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        entries.extend(definitions(tree, module))
    return entries


def definitions(tree: ast.AST, module: str, inside: str = "") -> Iterator[dict[str, Any]]:
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        name = f"{inside}{node.name}"
        documentation = ast.get_docstring(node)
        if documentation:
            is_class = isinstance(node, ast.ClassDef)
            yield {
                "name": name,
                "module": module,
                "kind": "class" if is_class else "function",
                "doc": documentation[:4000],
                "line": node.lineno,
                "line_count": (node.end_lineno or node.lineno) - node.lineno + 1,
                "argument_count": 0 if is_class else len(node.args.args),  # type: ignore[union-attr]
                "is_public": not any(part.startswith("_") for part in name.split(".")),
            }
        if isinstance(node, ast.ClassDef):
            yield from definitions(node, module, f"{name}.")


def encoder(model: str, entries: list[dict[str, Any]]) -> tuple[Encoder, int, str]:
    """A sentence-transformers model if one is on this machine, else words."""
    try:
        from sentence_transformers import SentenceTransformer

        loaded = SentenceTransformer(model, local_files_only=True)
        size = int(loaded.get_sentence_embedding_dimension())
        return lambda texts: np.asarray(loaded.encode(list(texts), normalize_embeddings=True), np.float32), size, model
    except (ImportError, OSError, ValueError):
        lexical = LexicalVectors(
            text_of(entry) for entry in track(entries, description="weighing words", console=console)
        )
        return lexical.encode, lexical.dimension, "hashed words (no embedding model is installed)"


def text_of(entry: dict[str, Any]) -> str:
    return f"{entry['module']} {entry['name']} {entry['name']} {entry['doc']}"


def fill(
    database: elanus.Database, entries: list[dict[str, Any]], encode: Encoder, dimension: int
) -> elanus.Collection:
    """Stores all entries, durably batch by batch, and builds an index."""
    schema = Schema(
        (
            Field("id", DataType.INT64, is_primary=True, auto_id=True),
            Field("vector", DataType.FLOAT_VECTOR, dim=dimension),
            Field("name", DataType.VARCHAR, max_length=512),
            Field("module", DataType.VARCHAR, max_length=256),
            Field("kind", DataType.VARCHAR, max_length=16),
            Field("doc", DataType.VARCHAR, max_length=16_384),
            Field("line", DataType.INT32),
            Field("line_count", DataType.INT32),
            Field("argument_count", DataType.INT8),
            Field("is_public", DataType.BOOL),
        )
    )
    if "library" in database:
        database.drop_collection("library")
    library = database.create_collection("library", schema)
    writing = 0.0
    starts = range(0, len(entries), BATCH_ROWS)
    for start in track(starts, description="storing", console=console):
        batch = entries[start : start + BATCH_ROWS]
        vectors = encode([text_of(entry) for entry in batch])
        rows = [{**entry, "vector": vector} for entry, vector in zip(batch, vectors, strict=True)]
        began = time.perf_counter()
        library.insert(rows)
        writing += time.perf_counter() - began
    console.print(
        f"{len(library):,} rows stored, synced to disk {len(starts)} times, {len(entries) / writing:,.0f} rows/s"
    )
    began = time.perf_counter()
    library.flush()
    library.create_index("vector", "HNSW", metric="COSINE", M=16, efConstruction=100)
    console.print(f"HNSW index built in {time.perf_counter() - began:.2f} s")
    return library


def ask(library: elanus.Collection, encode: Encoder) -> None:
    for question, condition in QUESTIONS:
        vector = encode([question])[0]
        library.search(vector, limit=5, filter=condition)
        began = time.perf_counter()
        hits = library.search(vector, limit=5, filter=condition, output_fields=["name", "module", "kind", "doc"])
        milliseconds = (time.perf_counter() - began) * 1000
        told = f"[bold]{question}[/bold]" + (f"   where [cyan]{condition}[/cyan]" if condition else "")
        table = Table(
            "score", "name", "kind", "docstring", title=f"{told}   {milliseconds:.2f} ms", title_justify="left"
        )
        for hit in hits:
            first_line = hit["doc"].strip().splitlines()[0]
            table.add_row(f"{hit['distance']:.3f}", f"{hit['module']}.{hit['name']}", hit["kind"], first_line[:70])
        console.print(table)


def write_until_killed(folder: Path) -> None:
    """Inserts batch after batch and prints the number of each once it is acknowledged."""
    with elanus.connect(folder) as database:
        collection = database.create_collection("rows", dimension=64)
        luck = np.random.default_rng(1)
        batch = 0
        while True:
            keys = np.arange(batch * 100, batch * 100 + 100)
            collection.insert({"id": keys, "vector": luck.random((100, 64), np.float32), "batch": [batch] * 100})
            batch += 1
            print(batch, flush=True)


def survive_a_kill(folder: Path) -> None:
    command = [sys.executable, os.fspath(Path(__file__)), "--data", str(folder), "--write-until-killed"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    acknowledged = 0
    began = time.monotonic()
    for line in child.stdout:
        acknowledged = int(line)
        if time.monotonic() - began > 3 and acknowledged >= 20:
            child.send_signal(signal.SIGKILL)
            break
    for line in child.stdout:
        acknowledged = int(line)
    child.wait()
    console.print(
        f"process {child.pid} killed by signal {-child.returncode} after {acknowledged * 100:,} acknowledged rows"
    )
    began = time.perf_counter()
    with elanus.connect(folder) as database:
        rows = database["rows"]
        present = rows.count(f"id < {acknowledged * 100}")
        milliseconds = (time.perf_counter() - began) * 1000
        more = len(rows) - present
    verdict = "[green]all there[/green]" if present == acknowledged * 100 else "[red]rows are missing[/red]"
    console.print(
        f"opened again in {milliseconds:.0f} ms: {present:,} of {acknowledged * 100:,} acknowledged rows, {verdict}"
        f" (and {more} of the batch that was under way)"
    )
    if present != acknowledged * 100:
        sys.exit(1)


if __name__ == "__main__":
    main()
