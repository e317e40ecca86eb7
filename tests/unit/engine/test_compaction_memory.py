"""How much memory compaction takes: a process of its own, which may have no more of it than it is given."""

import subprocess
import sys
from pathlib import Path

import pytest

_CHILD = """
import resource, sys
from pathlib import Path
import numpy as np
import elanus
from elanus import DataType, Field, Schema

def data_bytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))

place, row_count, more_bytes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
settings = dict(background_maintenance=False, compaction_enabled=False, search_thread_count=1)
fields = [
    Field("id", DataType.INT64, is_primary=True),
    Field("v", DataType.FLOAT_VECTOR, dim=1024),
    Field("s", DataType.VARCHAR, max_length=2000),
]
with elanus.connect(place, **settings) as database:
    rows = database.create_collection("c", Schema(fields))
    for first in range(0, 4 * row_count, row_count):
        keys = np.arange(first, first + row_count)
        vectors = np.repeat(keys.astype(np.float32)[:, None], 1024, axis=1)
        rows.insert({"id": keys, "v": vectors, "s": [str(key) * 100 for key in keys]})
        rows.flush()
    rows.delete(list(range(0, 4 * row_count, 3)))
with elanus.connect(place, **settings) as database:
    rows = database.collection("c")
    rows.compact(segment_bytes=1)  # whatever is loaded only once
    before = data_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (before + more_bytes, -1))
    rows.compact(segment_bytes=1 << 40)
    resource.setrlimit(resource.RLIMIT_DATA, (-1, -1))
    segments = [path for path in Path(place).glob("collections/*/segments/*") if (path / "segment.json").exists()]
    newest = max(segments, key=lambda path: int(path.name))
    print(sum(file.stat().st_size for file in newest.rglob("*") if file.is_file()))
    print(rows.count())
    last = 4 * row_count - 2
    print(rows.query(f"id == {last}", output_fields=["v", "s"])[0] == {
        "id": last, "v": [float(last)] * 1024, "s": str(last) * 100})
"""

_ROW_COUNT = 10_000
_MORE_BYTES = 64 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds private memory and leaves mapped files out")
def test_merging_takes_less_memory_than_there_are_rows(tmp_path: Path) -> None:
    arguments = [str(tmp_path / "data"), str(_ROW_COUNT), str(_MORE_BYTES)]
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *arguments],
        env={"ARROW_DEFAULT_MEMORY_POOL": "system"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    size, count, same = done.stdout.split()
    assert int(size) > 1.8 * _MORE_BYTES
    assert int(count) == 4 * _ROW_COUNT - len(range(0, 4 * _ROW_COUNT, 3))
    assert same == "True"
