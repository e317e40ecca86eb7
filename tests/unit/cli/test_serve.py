"""`elanus serve` as a process: what it says, what answers, how it ends, and what it refuses."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pymilvus import MilvusClient

import elanus
from elanus.kernels import info as kernel_info
from elanus.version import VERSION

COMMAND = [sys.executable, "-c", "from elanus.cli.main import main; main()"]
LINE = re.compile(
    r"elanus (?P<version>\S+) serves (?P<folder>.+) on (?P<address>\S+:\d+) "
    r"\(health and metrics on (?P<management>\S+:\d+)\), kernels (?P<level>\S+)$"
)
WAIT_S = 60


@dataclass(frozen=True)
class Server:
    """A running server, and what its first line says."""

    process: subprocess.Popen[str]
    told: dict[str, str]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ELANUS_")}


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """A server on free ports, killed at the end if it is still there."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--data", str(folder), "--port", "0", "--management-port", "0", *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stderr is not None
    try:
        line = process.stderr.readline().rstrip()
        matched = LINE.search(line)
        assert matched is not None, line + process.stderr.read()
        yield Server(process, matched.groupdict())
    finally:
        process.kill()
        process.communicate(timeout=WAIT_S)


def ended(server: Server, number: signal.Signals) -> tuple[int, str]:
    """Status and last words after a signal."""
    server.process.send_signal(number)
    _, text = server.process.communicate(timeout=WAIT_S)
    return server.process.returncode, text


def refused(folder: Path, *options: str) -> str:
    """The one line of a server that does not start."""
    run = subprocess.run(
        [*COMMAND, "serve", "--data", str(folder), "--port", "0", "--management-port", "0", *options],
        capture_output=True, text=True, timeout=WAIT_S, check=False, env=environment(),
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stdout == ""
    lines = run.stderr.splitlines()
    assert len(lines) == 1, run.stderr
    return lines[0]


def test_it_says_what_it_serves_answers_and_ends_in_order(tmp_path: Path) -> None:
    """gRPC, REST and health; rows written through one are read through the other and after it has ended."""
    folder = tmp_path / "data"
    with serving(folder) as server:
        told = server.told
        assert told["version"] == VERSION
        assert told["folder"] == str(folder.resolve())
        assert told["level"] == kernel_info().level
        client = MilvusClient(uri=f"http://{told['address']}")
        client.create_collection("docs", dimension=2)
        client.insert("docs", [{"id": 1, "vector": [1.0, 0.0], "title": "first"}])
        request = urllib.request.Request(
            f"http://{told['address']}/v2/vectordb/entities/query",
            json.dumps({"collectionName": "docs", "filter": "id == 1", "outputFields": ["title"]}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=WAIT_S) as reply:
            answered = json.load(reply)
        assert answered["code"] == 0
        assert [row["title"] for row in answered["data"]] == ["first"]
        with urllib.request.urlopen(f"http://{told['management']}/healthz", timeout=WAIT_S) as reply:
            assert reply.read() == b"OK"
        client.close()
        status, text = ended(server, signal.SIGTERM)
        assert status == 0
        assert text.splitlines()[-1].endswith("stopped")
        assert "Traceback" not in text
    with elanus.connect(folder) as database:
        assert database["docs"].get(1)[0]["title"] == "first"


def test_an_interrupt_ends_it_and_neighbours_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--log-level", "INFO") as server:
        port = server.told["address"].rpartition(":")[2]
        management_port = server.told["management"].rpartition(":")[2]
        line = refused(tmp_path / "data")
        assert str(tmp_path / "data") in line
        assert "open in another process" in line
        for option, taken in (("--port", port), ("--management-port", management_port)):
            line = refused(tmp_path / "other", option, taken)
            assert f"cannot listen on 127.0.0.1:{taken}" in line
            assert "another program uses it" in line
        status, text = ended(server, signal.SIGINT)
        assert (status, "Traceback" in text) == (0, False)
    with serving(tmp_path / "other") as again:
        assert ended(again, signal.SIGINT)[0] == 0


def test_a_host_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    assert "256.256.256.256" in refused(tmp_path / "data", "--host", "256.256.256.256")


def test_settings_come_from_a_file(tmp_path: Path) -> None:
    config = tmp_path / "elanus.toml"
    config.write_text('log_format = "json"\ntopk_max = 5\n')
    process = subprocess.Popen(
        [*COMMAND, "serve", "--data", str(tmp_path / "data"), "--config", str(config), "--port", "0",
         "--management-port", "0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stderr is not None
    try:
        assert " serves " in json.loads(process.stderr.readline())["message"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WAIT_S)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
