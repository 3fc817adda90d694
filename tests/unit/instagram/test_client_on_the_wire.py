"""What only a real socket shows: time, size, and connections that end in the middle."""

import gzip
import logging
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from darkroom.instagram import client as client_module
from darkroom.instagram import endpoints
from darkroom.instagram.client import InstagramClient
from darkroom.instagram.errors import InstagramUnavailableError, OutcomeUnknownError
from darkroom.instagram.protocol import Patience

CONTAINER = "17889455560051444"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def read_request(connection: socket.socket) -> bool:
    """Reads one request to its last byte, which may come in several pieces; False when the caller hung up."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65_536)
        if not piece:
            return False
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    missing = int(length[1]) - len(body) if length else 0
    return not missing or bool(connection.recv(missing, socket.MSG_WAITALL))


class Peer:
    """Accepts connections, reads a request, and lets `play` answer it on the bare socket."""

    def __init__(self, play: Callable[[socket.socket], None]) -> None:
        self.requests = 0
        self._play = play
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, suppress(OSError):
                    while read_request(connection):
                        self.requests += 1
                        self._play(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)


@pytest.fixture
def playing() -> Iterator[Callable[[Callable[[socket.socket], None]], tuple[InstagramClient, Peer]]]:
    opened = []

    def build(play):
        peer = Peer(play)
        client = InstagramClient(graph_url=peer.url, api_url=peer.url)
        opened.append((client, peer))
        return client, peer

    yield build
    for client, peer in opened:
        client.close()
        peer.close()


@pytest.fixture
def impatient(monkeypatch):
    """Half a second instead of half a minute."""
    for name in ("READING", "CREATING", "PUBLISHING", "COMMENTING"):
        monkeypatch.setattr(endpoints, name, Patience(silence=0.3, total=0.5))


def failures(client, access):
    """The same trouble for a call that may be repeated and for those that may not."""
    with pytest.raises(InstagramUnavailableError):
        client.create_container(access, {"image_url": "https://media.example/a.jpg"})
    with pytest.raises(OutcomeUnknownError):
        client.publish_container(access, CONTAINER)
    with pytest.raises(OutcomeUnknownError):
        client.add_comment(access, "17", "#dawn")


def test_keeps_its_connection(playing, access):
    connections = set()

    def play(connection):
        connections.add(connection.getpeername())
        connection.sendall(HEAD + b'Content-Length: 11\r\n\r\n{"id":"17"}')

    client, peer = playing(play)
    assert client.media(access, "17").id == client.publish_container(access, CONTAINER) == "17"
    assert (peer.requests, len(connections)) == (2, 1)


def test_leaves_no_secret_in_the_logs_of_the_libraries_below(playing, access, caplog):
    caplog.set_level(logging.DEBUG)
    client, _ = playing(lambda connection: connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}"))
    with pytest.raises(InstagramUnavailableError):
        client.refresh(access.token)
    assert caplog.records
    assert access.token not in caplog.text


def test_gives_up_on_an_answer_that_never_comes(playing, impatient, access):
    client, _ = playing(lambda _connection: time.sleep(0.5))
    failures(client, access)


def test_gives_up_on_an_answer_that_drips(playing, impatient, access):
    def play(connection):
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.05)

    client, _ = playing(play)
    started = time.monotonic()
    failures(client, access)
    assert time.monotonic() - started < 2


def test_stops_reading_an_answer_that_is_too_large(playing, access):
    sent = []

    def play(connection):
        connection.sendall(HEAD + b"Content-Length: 60000000\r\n\r\n")
        for _ in range(60):
            connection.sendall(b" " * 1_000_000)
            sent.append(1)

    client, _ = playing(play)
    failures(client, access)
    assert len(sent) < 60


def test_stops_inflating_a_bomb(playing, access, monkeypatch):
    bomb = gzip.compress(b" " * 50_000_000)
    grown = []

    class Watched(bytearray):
        def __iadd__(self, piece):
            grown.append(len(piece))
            return super().__iadd__(piece)

    monkeypatch.setattr(client_module, "bytearray", Watched, raising=False)

    def play(connection):
        connection.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)

    client, _ = playing(play)
    failures(client, access)
    assert sum(grown) <= 3 * (1024 * 1024 + 1)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200", id="half a status line"),
        pytest.param(HEAD + b'Content-Length: 100\r\n\r\n{"id":"17"}', id="less than announced"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", id="half a chunk"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="another protocol"),
        pytest.param(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip", id="not really packed"),
        pytest.param(HEAD + b"X: " + b"x" * 200_000 + b"\r\n\r\n", id="endless header"),
    ],
)
def test_takes_a_broken_answer_for_a_lost_one(playing, access, answer):
    def play(connection):
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    client, _ = playing(play)
    failures(client, access)


def test_takes_a_reset_for_a_lost_answer(playing, access):
    def play(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    client, _ = playing(play)
    failures(client, access)


def test_knows_that_nothing_was_sent_when_nobody_listens(access):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client = InstagramClient(graph_url=address)
    with pytest.raises(InstagramUnavailableError, match="nothing was sent"):
        client.publish_container(access, CONTAINER)
    client.close()
