"""Who is at the other end of a connection: the kernel's word, also where that end has gone."""

import os
import socket

import pytest
from waiting import eventually

from lambdify.cli.local import peers


@pytest.fixture
def pair():
    """Both ends of a connection over the loopback: the server's and the client's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        server, _ = listening.accept()
    with client, server:
        yield server, client


def test_a_client_that_is_there_is_known(pair):
    server, _ = pair
    assert peers.user_of_tcp(server) == os.geteuid()
    assert peers.is_one_of(server, {os.geteuid()})
    assert not peers.is_one_of(server, {os.geteuid() + 1})


def test_a_client_that_has_gone_is_nobody_root_neither(pair):
    server, client = pair
    client.sendall(b"POST /answer")
    client.close()
    assert eventually(lambda: peers.user_of_tcp(server) == -1)
    assert not peers.is_one_of(server, {0})
