"""Listening sockets, and what is said when there can be none."""

import socket

import pytest

from elanus.errors import InvalidInput, Unavailable
from elanus.server.listening import listen_tcp


def test_a_free_port() -> None:
    with listen_tcp("127.0.0.1", 0, purpose="test") as listener:
        address = listener.getsockname()
        assert address[1] > 0
        with socket.create_connection(address, timeout=5):
            pass


def test_a_taken_port_is_named() -> None:
    with listen_tcp("127.0.0.1", 0, purpose="test") as listener:
        port = listener.getsockname()[1]
        with pytest.raises(Unavailable, match=rf"127.0.0.1:{port} \(test\): another program uses it") as raised:
            listen_tcp("127.0.0.1", port, purpose="test")
    assert raised.value.kind == "busy"


@pytest.mark.parametrize("port", [-1, 65_536])
def test_ports_that_do_not_exist(port: int) -> None:
    with pytest.raises(InvalidInput, match="expected 0 to 65535"):
        listen_tcp("127.0.0.1", port, purpose="test")


def test_an_address_of_another_machine() -> None:
    with pytest.raises(Unavailable, match="no such address"):
        listen_tcp("192.0.2.1", 0, purpose="test")


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(InvalidInput, match="is no address of this machine"):
        listen_tcp("not a host", 0, purpose="test")
