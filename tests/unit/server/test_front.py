"""The native relay: what comes out is what went in, whatever either side does."""

import random
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from elanus.errors import Unavailable
from elanus.server.front import Front

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_WAIT_S = 20.0

Answer = Callable[[socket.socket], None]


class Backend:
    """A server behind the relay that treats every connection as it is told."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self.path = path
        self.answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(512)
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(_WAIT_S)
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _run(self, connection: socket.socket) -> None:
        with closing(connection), suppress(OSError):
            self.answer(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(_WAIT_S)
        for thread in self._threads:
            thread.join(_WAIT_S)
            assert not thread.is_alive(), "a connection was not closed"


def _echo_with(tag: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.sendall(tag)
        while data := connection.recv(1 << 16):
            connection.sendall(data)

    return answer


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[tuple[Backend, Backend]]:
    grpc, rest = Backend(tmp_path / "grpc", _echo_with(b"G")), Backend(tmp_path / "rest", _echo_with(b"R"))
    yield grpc, rest
    grpc.close()
    rest.close()


@pytest.fixture
def front(backends: tuple[Backend, Backend]) -> Iterator[Front]:
    front = Front("127.0.0.1", 0, grpc_path=backends[0].path, rest_path=backends[1].path)
    yield front
    front.stop()


def _connect(front: Front) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", front.port), timeout=_WAIT_S)
    connection.settimeout(_WAIT_S)
    return connection


def _read_all(connection: socket.socket) -> bytes:
    chunks = []
    while data := connection.recv(1 << 16):
        chunks.append(data)
    return b"".join(chunks)


def _talk(front: Front, data: bytes) -> bytes:
    """Everything that comes back for `data`, sent and ended while reading."""
    with closing(_connect(front)) as connection:

        def send() -> None:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        answer = _read_all(connection)
        sender.join(_WAIT_S)
        return answer


def _open_descriptor_count() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("data", "tag"),
    [
        (_PREFACE + b"\x00\x00", b"G"),
        (b"GET / HTTP/1.1\r\n\r\n", b"R"),
        (b"PROPFIND / HTTP/1.1\r\n", b"R"),
        (b"PRI * HTTP/2.0\r\n\r\nXM\r\n\r\n", b"R"),
        (b"\x16\x03\x01garbage", b"R"),
        (b"x", b"R"),
    ],
)
def test_the_first_bytes_choose_the_server(front: Front, data: bytes, tag: bytes) -> None:
    assert _talk(front, data) == tag + data


def test_a_preface_that_comes_in_pieces(front: Front) -> None:
    with closing(_connect(front)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in _PREFACE:
            connection.sendall(bytes([byte]))
        assert connection.recv(1) == b"G"


def test_megabytes_in_both_directions_at_once(front: Front) -> None:
    data = random.Random(1).randbytes(9_000_001)
    assert _talk(front, data) == b"R" + data


def test_many_connections_at_once(front: Front) -> None:
    rng = random.Random(2)
    payloads = [(_PREFACE if number % 2 else b"") + rng.randbytes(rng.randrange(1, 40_000)) for number in range(60)]
    payloads = [data if data.startswith(_PREFACE) else b"H" + data for data in payloads]
    answers: dict[int, bytes] = {}

    def one(number: int) -> None:
        answers[number] = _talk(front, payloads[number])

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(payloads))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_WAIT_S)
    expected = {number: (b"G" if data.startswith(_PREFACE) else b"R") + data for number, data in enumerate(payloads)}
    assert answers == expected
    _until(lambda: front.counts().active == 0)
    assert front.counts().accepted == 60


def test_a_slow_reader_holds_back_only_its_own_sender(front: Front, backends: tuple[Backend, Backend]) -> None:
    sent: list[int] = []
    volume = 64 << 20

    def flood(connection: socket.socket) -> None:
        block = b"x" * (1 << 16)
        for _ in range(volume >> 16):
            connection.sendall(block)
            sent.append(len(block))

    backends[0].answer = flood
    with closing(_connect(front)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        slow.sendall(_PREFACE)
        select.select([slow], [], [], _WAIT_S)
        before = -1
        while before != len(sent):
            before = len(sent)
            time.sleep(0.05)
        assert sum(sent) < volume, "nothing was held back"
        assert _talk(front, b"hello") == b"Rhello"
        received = len(_read_all(slow))
    assert received == volume


def test_half_closed_connections_still_answer(front: Front, backends: tuple[Backend, Backend]) -> None:
    def after_the_end(connection: socket.socket) -> None:
        connection.sendall(b"got %d" % len(_read_all(connection)))

    backends[1].answer = after_the_end
    assert _talk(front, b"y" * 100_000) == b"got 100000"


def test_a_client_that_vanishes(front: Front, backends: tuple[Backend, Backend]) -> None:
    ended = threading.Event()

    def until_the_end(connection: socket.socket) -> None:
        try:
            _read_all(connection)
        finally:
            ended.set()

    backends[0].answer = until_the_end
    connection = _connect(front)
    connection.sendall(_PREFACE)
    _until(lambda: front.counts().active == 1)
    # Closing with no time to linger resets the connection.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()
    assert ended.wait(_WAIT_S)
    _until(lambda: front.counts().active == 0)


def test_a_server_that_hangs_up(front: Front, backends: tuple[Backend, Backend]) -> None:
    backends[0].answer = lambda connection: connection.sendall(b"bye")
    with closing(_connect(front)) as connection:
        connection.sendall(_PREFACE)
        with suppress(ConnectionResetError):
            assert _read_all(connection) == b"bye"
    _until(lambda: front.counts().active == 0)


def test_the_last_words_of_a_server_that_stopped_listening(front: Front, backends: tuple[Backend, Backend]) -> None:
    backends[1].answer = lambda connection: connection.sendall(b"too much")
    with closing(_connect(front)) as connection:
        # Nobody reads this; a relay that closed at once would reset the connection, and the answer would be lost.
        connection.sendall(b"POST" + b"x" * 3_000_000)
        assert connection.recv(8) == b"too much"
        assert connection.recv(1) == b""
        connection.sendall(b"y" * 100_000)
    _until(lambda: front.counts().active == 0)


def test_a_server_that_is_gone(tmp_path: Path) -> None:
    front = Front("127.0.0.1", 0, grpc_path=tmp_path / "nobody", rest_path=tmp_path / "nobody")
    with closing(_connect(front)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    _until(lambda: front.counts().active == 0)
    front.stop()


def test_connections_that_say_nothing_and_leave(front: Front) -> None:
    for _ in range(20):
        _connect(front).close()
    _until(lambda: front.counts().accepted == 20 and front.counts().active == 0)


def test_connections_that_stay_silent_are_closed(backends: tuple[Backend, Backend]) -> None:
    front = Front("127.0.0.1", 0, grpc_path=backends[0].path, rest_path=backends[1].path, decision_ms_max=50)
    with closing(_connect(front)) as talking, closing(_connect(front)) as silent, closing(_connect(front)) as half:
        talking.sendall(b"a")
        assert talking.recv(1) == b"R"
        half.sendall(_PREFACE[:5])
        assert silent.recv(1) == b""
        assert half.recv(1) == b""
        _until(lambda: front.counts().active == 1)
        talking.shutdown(socket.SHUT_WR)
        assert _read_all(talking) == b"a"
    front.stop()


def test_a_server_too_busy_to_take_connections_is_asked_again(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "busy"))
    listener.listen(0)
    listener.settimeout(_WAIT_S)
    front = Front("127.0.0.1", 0, grpc_path=tmp_path / "busy", rest_path=tmp_path / "busy")
    clients = [_connect(front) for _ in range(5)]
    for client in clients:
        client.sendall(b"knock")
    _until(lambda: front.counts().accepted == 5)
    time.sleep(0.05)
    for _ in clients:
        served, _ = listener.accept()
        served.settimeout(_WAIT_S)
        assert served.recv(5) == b"knock"
        served.close()
    for client in clients:
        assert client.recv(1) == b""
        client.close()
    _until(lambda: front.counts().active == 0)
    listener.close()
    front.stop()


def test_too_many_connections_are_closed_at_once(backends: tuple[Backend, Backend]) -> None:
    front = Front("127.0.0.1", 0, grpc_path=backends[0].path, rest_path=backends[1].path, connection_count_max=2)
    with closing(_connect(front)) as first, closing(_connect(front)) as second:
        _until(lambda: front.counts().active == 2)
        with closing(_connect(front)) as third, suppress(ConnectionResetError):
            assert third.recv(1) == b""
        assert front.counts().refused == 1
        first.sendall(b"a")
        second.sendall(b"b")
        assert first.recv(1) == b"R"
        assert second.recv(1) == b"R"
    _until(lambda: front.counts().active == 0)
    assert _talk(front, b"again") == b"Ragain"
    front.stop()


def test_a_closed_port_leaves_connections_alone(front: Front) -> None:
    with closing(_connect(front)) as connection:
        connection.sendall(b"one")
        assert connection.recv(8) in {b"R", b"Rone"}
        front.stop_accepting()

        def is_refused() -> bool:
            try:
                _connect(front).close()
            except OSError:
                return True
            return False

        _until(is_refused)
        connection.sendall(b"two")
        connection.shutdown(socket.SHUT_WR)
        assert _read_all(connection).endswith(b"two")


def test_stopping_closes_everything_and_leaks_nothing(backends: tuple[Backend, Backend]) -> None:
    before = _open_descriptor_count()
    front = Front("127.0.0.1", 0, grpc_path=backends[0].path, rest_path=backends[1].path)
    connections = [_connect(front) for _ in range(10)]
    for connection in connections[:5]:
        connection.sendall(b"hello")
        assert connection.recv(1) == b"R"
    front.stop()
    front.stop()
    for connection in connections:
        with suppress(ConnectionResetError):
            _read_all(connection)
        connection.close()
    _until(lambda: _open_descriptor_count() == before)
    assert front.counts().active == 0


def test_a_taken_port_is_named(front: Front, backends: tuple[Backend, Backend]) -> None:
    with pytest.raises(Unavailable, match=rf"127.0.0.1:{front.port} .*setting port.*another program uses it"):
        Front("127.0.0.1", front.port, grpc_path=backends[0].path, rest_path=backends[1].path)


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the path of a unix socket is too long"):
        Front("127.0.0.1", 0, grpc_path=tmp_path / ("x" * 200), rest_path=tmp_path / "r")
