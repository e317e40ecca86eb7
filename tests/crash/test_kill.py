"""A process that writes is killed with SIGKILL at random moments; every acknowledged row must be there, exactly.

Method: one folder lives through all kills. The writer reports each operation before it begins and after it is
acknowledged; the expected rows are the acknowledged operations in order, and the one under way may be there as a whole
or not at all. CI kills 100 times; `python3 dev.py kill` 10,000 times.
"""

import json
import multiprocessing
import os
import random
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

import elanus
from tests.crash.writer import KEY_COUNT, SETTINGS, row, write_until_killed

pytestmark = pytest.mark.crash

KILLS = 10_000 if os.environ.get("ELANUS_TEST_PROFILE") == "nightly" else 100
KILLS_PER_TEST = 25
EARLY_SHARE = 0.4
WRITERS = 2

State = dict[int, int]


def applied(state: State, operation: dict[str, Any]) -> State:
    after = dict(state)
    for key in operation["keys"]:
        if operation["kind"] == "upsert":
            after[key] = operation["version"]
        elif operation["kind"] == "delete":
            after.pop(key, None)
    return after


def outcomes(lines: list[dict[str, Any]], before: State) -> list[State]:
    """The states allowed after the reports of one life."""
    state, pending = before, None
    for line in lines:
        if "begin" in line:
            pending = line["begin"]
        else:
            assert pending is not None
            assert pending["version"] == line["ack"]
            state, pending = applied(state, pending), None
    return [state] if pending is None else [state, applied(state, pending)]


def receive(end: Connection, messages: list[dict[str, Any]]) -> None:
    """Every whole message on a pipe, until the other end is gone."""
    while True:
        try:
            messages.append(json.loads(end.recv_bytes()))
        except (EOFError, OSError):
            return


def wait_for_the_moment(messages: list[list[dict[str, Any]]], luck: random.Random) -> None:
    """Some while after the start, whatever goes on; or a little after so many reports, however slow the machine is."""
    if luck.random() < EARLY_SHARE:
        time.sleep(luck.uniform(0.03, 0.5))
        return
    wanted, deadline = luck.randrange(1, 60), time.monotonic() + 20
    while sum(map(len, messages)) < wanted and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(luck.uniform(0, 0.05))


def one_life(context: Any, root: Path, seed: int, luck: random.Random) -> list[list[dict[str, Any]]]:
    """Starts a writer, kills it after a while, and returns what each of its threads reported."""
    pipes = [context.Pipe(duplex=False) for _ in range(WRITERS)]
    child = context.Process(target=write_until_killed, args=(str(root), seed, [end for _, end in pipes]))
    child.start()
    for _, write_end in pipes:
        write_end.close()
    messages: list[list[dict[str, Any]]] = [[] for _ in pipes]
    readers = [
        threading.Thread(target=receive, args=(end, into)) for (end, _), into in zip(pipes, messages, strict=True)
    ]
    for reader in readers:
        reader.start()
    wait_for_the_moment(messages, luck)
    child.kill()
    child.join()
    for reader, (end, _) in zip(readers, pipes, strict=True):
        reader.join()
        end.close()
    return messages


def found(root: Path) -> list[State]:
    """The rows of each collection as the next process sees them, after checking that they are whole."""
    states: list[State] = []
    with elanus.connect(root, **SETTINGS) as database:
        for number in range(WRITERS):
            if f"c{number}" not in database:
                states.append({})
                continue
            collection = database[f"c{number}"]
            rows = collection.query("id >= 0", output_fields=["*"]).to_list()
            assert collection.count() == len(rows), "a row is there twice"
            for values in rows:
                assert values == row(values["id"], values["version"])
            hits = collection.search([0.0] * 8, limit=KEY_COUNT * 2).ids
            assert sorted(hits) == [values["id"] for values in rows], "search and query disagree"
            states.append({values["id"]: values["version"] for values in rows})
    return states


@pytest.mark.parametrize("part", range(max(1, KILLS // KILLS_PER_TEST)))
def test_every_acknowledged_write_survives_kill_9(part: int, tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.writer", "elanus.app.connection", "elanus.index.registry", "faiss"])
    luck = random.Random(part)
    states: list[State] = [{} for _ in range(WRITERS)]
    acknowledged = 0
    for life in range(KILLS_PER_TEST):
        reports = one_life(context, tmp_path, seed=part * 1000 + life + 1, luck=luck)
        now = found(tmp_path)
        for number, lines in enumerate(reports):
            allowed = outcomes(lines, states[number])
            assert now[number] in allowed, f"collection c{number} after kill {life}"
            acknowledged += sum(1 for line in lines if "ack" in line)
        states = now
    assert acknowledged > KILLS_PER_TEST, "the writers hardly wrote before they were killed"
