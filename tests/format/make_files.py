"""Makes the files that are kept for a released format; run by hand, once a format, and never again for the same one.

    python -m tests.format.make_files v1

Writes a small database (every data type, deletes, upserts, an index of two families, an alias, a partition, and rows
that are only in the log, as a killed process leaves it) and the rows that must be read from it.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import elanus
from tests.format.database import COLLECTIONS, kept_rows, nearest_ids, plain, rows, second_version

_HERE: Final = Path(__file__).parent
# Indexes are built for segments of any size, and everything is where it is put.
SETTINGS: Final[dict[str, Any]] = {
    "index_rows_min": 1,
    "background_maintenance": False,
    "checkpoint_commit_count": 6,
    "search_thread_count": 1,
}


def main(version: str) -> None:
    target = _HERE / version
    if target.exists():
        sys.exit(f"{target} is there already; files of a released format never change")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        database = elanus.connect(root, **SETTINGS)
        for name in COLLECTIONS:
            _fill(database, name)
        database.create_alias("everything", "scalars")
        # Copied while it is open: the log has no end, as after a kill.
        shutil.copytree(root, target / "data", ignore=shutil.ignore_patterns("LOCK", "*.sock"))
        database.close()
    expected = {
        "collections": {name: [plain(row) for row in kept_rows(name)] for name in COLLECTIONS},
        "nearest": {name: nearest_ids(name, 5) for name in ("scalars", "bytes")},
    }
    (target / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def _fill(database: elanus.Database, name: str) -> None:
    """Half of the rows flushed, indexed and compacted, some of the others flushed, the rest in the log only."""
    collection = database.create_collection(name, COLLECTIONS[name])
    every = rows(name)
    gone = [row["id"] for number, row in enumerate(every) if number % 7 == 3]
    collection.insert(every[:24])
    collection.flush()
    if name == "scalars":
        collection.create_index("vector", "HNSW", metric="L2", M=8, efConstruction=40)
        collection.create_partition("side")
    elif name == "bytes":
        collection.create_index("vector", "IVF_FLAT", metric="L2", nlist=4)
    collection.insert(every[24:36], partition="side" if name == "scalars" else "")
    collection.delete(gone[:3])
    collection.flush()
    assert collection.wait_for_indexes()
    collection.insert(every[36:])
    collection.upsert([second_version(row) for row in every[::5]])
    collection.delete(gone)


if __name__ == "__main__":
    main(sys.argv[1])
