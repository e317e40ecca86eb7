"""Files are flipped, cut and removed behind the database's back.

Whatever happens to a file, the process must not crash, and every answer must be right or an error that names a file.
Method: a database with every kind of file is made on a simulated disk and closed in order; then one file at a time is
damaged, and the whole is opened and read.
"""

import random
from collections.abc import Callable

import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.errors import DataCorrupt, NotFound
from elanus.runtime.clock import ManualClock
from tests.crash.test_power_loss import NIGHTLY, SETTINGS, Model, found, opened, row, scenario, seen
from tests.simulation.disk import SimulatedDisk

pytestmark = pytest.mark.crash


def closed_database() -> tuple[SimulatedDisk, Model]:
    """Catalog and manifest with commits and checkpoints, segments, deletes, index artefacts, and a log with rows."""
    disk = SimulatedDisk()
    service = service_on_disk(disk, SETTINGS, clock=ManualClock())
    database, model = Database(service, "simulated"), Model()
    scenario(database, model)
    database["a"].create_index("v", "IVF_FLAT", metric="L2", nlist=2)
    database["a"].create_index("n", "BITMAP")
    database["a"].flush()
    database["a"].upsert([row(key, 60) for key in range(200, 220)])
    model.state["a"].update({key: seen(row(key, 60)) for key in range(200, 220)})
    service.close()
    return disk, model


def copy_of(disk: SimulatedDisk) -> SimulatedDisk:
    return disk.after_power_loss(seed=0)


def right_or_named(disk: SimulatedDisk, model: Model, path: str, what: str) -> bool:
    """Opens and reads everything. True when all answers were right, False when an error named the damage."""
    try:
        state = found(opened(disk))
    except DataCorrupt as error:
        message = error.message
    else:
        assert state == model.state, what
        return True
    assert path in message or path.rpartition("/")[0] in message or "manifest" in message, (what, message)
    return False


def flip(position: float, bit: int) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        changed = bytearray(data)
        if not data:
            return data
        changed[int(position * len(data))] ^= 1 << bit
        return bytes(changed)

    return edit


FLIPS = 200 if NIGHTLY else 12


def test_a_flipped_bit_anywhere_is_found_or_harmless() -> None:
    disk, model = closed_database()
    luck = random.Random(7)
    named = 0
    for path in disk.paths():
        for _ in range(FLIPS):
            damaged = copy_of(disk)
            position, bit = luck.random(), luck.randrange(8)
            damaged.corrupted(path, flip(position, bit))
            named += not right_or_named(damaged, model, path, f"{path} at {position:.3f}, bit {bit}")
    assert named > 0


def test_a_file_cut_short_is_found_or_harmless() -> None:
    disk, model = closed_database()
    newest_log = max(path for path in disk.paths() if path.endswith(".wal"))
    for path in disk.paths():
        if path == newest_log:
            continue
        for share in (0.0, 0.3, 0.9, 0.999):
            damaged = copy_of(disk)
            damaged.corrupted(path, lambda data, share=share: data[: int(len(data) * share)])
            right_or_named(damaged, model, path, f"{path} cut to {share}")


def test_a_missing_file_is_found_or_harmless() -> None:
    disk, model = closed_database()
    newest_log = max(path for path in disk.paths() if path.endswith(".wal"))
    for path in disk.paths():
        # Without the newest log file, or the newest commit of a versioned log, nothing tells that it was ever there.
        if path == newest_log or "/manifest/" in path or path.startswith("catalog/"):
            continue
        damaged = copy_of(disk)
        damaged.unlink(path)
        right_or_named(damaged, model, path, f"{path} removed")


def test_a_missing_commit_between_others_is_found() -> None:
    disk, _ = closed_database()
    commits = [path for path in disk.paths() if "/manifest/" in path and not path.endswith("checkpoint.json")]
    for folder in {path.rpartition("/")[0] for path in commits}:
        of_folder = sorted(path for path in commits if path.startswith(folder))
        if len(of_folder) < 2:
            continue
        damaged = copy_of(disk)
        damaged.unlink(of_folder[-2])
        with pytest.raises(DataCorrupt, match="is missing"):
            found(opened(damaged))


def test_a_damaged_index_is_rebuilt() -> None:
    disk, model = closed_database()
    path = next(path for path in disk.paths() if "/index/" in path)
    damaged = copy_of(disk)
    damaged.corrupted(path, flip(0.5, 3))
    database = opened(damaged)
    assert found(database) == model.state
    assert database["a"].wait_for_indexes()
    reopened = opened(damaged)
    assert found(reopened) == model.state
    with pytest.raises(NotFound):
        reopened.collection("nothing")
