"""What only real sockets show: whom we connect to, and how long and how much a receiver can make us listen."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from darkroom.webhook_sender import WebhookSender, resolve
from tests.builders import NOW

NAME = "hooks.example.com"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ON_A_BUSY_MACHINE = 4.0  # seconds; below the five after which a receiver here gives up by itself
HEADERS = {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}


class Receiver:
    """Accepts connections, reads a request each, and lets `play` answer it."""

    def __init__(self, play: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self._play, self._context = play, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    self._one(connection)

    def _one(self, connection: socket.socket) -> None:
        stream = self._context.wrap_socket(connection, server_side=True) if self._context else connection
        received = b""
        while b"\r\n\r\n" not in received:
            received += stream.recv(65_536)
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while len(body) < length:
            body += stream.recv(65_536)
        self.requests.append(head + b"\r\n\r\n" + body)
        self._play(stream)
        if stream is not connection:
            stream.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=10)


@pytest.fixture
def receiving() -> Iterator[Callable[..., Receiver]]:
    opened: list[Receiver] = []

    def build(play: Callable[[socket.socket], None] | bytes = OK, context: ssl.SSLContext | None = None) -> Receiver:
        answer = play if callable(play) else lambda connection: connection.sendall(play)
        opened.append(Receiver(answer, context))
        return opened[-1]

    yield build
    for each in opened:
        each.close()


def sent(receiver, seconds=5.0, body=b'{"type": "x"}'):
    """By http to a test host, which is exempt from the address check."""
    sender = WebhookSender(frozenset({receiver.host}), seconds=seconds)
    return sender(f"http://{receiver.host}/hook?x=1", HEADERS, body, NOW)


def test_a_webhook_arrives_as_it_was_signed(receiving):
    receiver = receiving()
    attempt = sent(receiver)
    assert (attempt.status, attempt.failure, attempt.at) == (200, None, NOW)
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "post /hook?x=1 http/1.1"
    for line in (f"host: {receiver.host}", "content-type: application/json", "webhook-id: evt_1", "connection: close"):
        assert line in lines
    assert body == b'{"type": "x"}'


def test_a_body_that_is_large_arrives_whole(receiving):
    receiver = receiving()
    sent(receiver, body=b"x" * 500_000)
    assert receiver.requests[0].endswith(b"x" * 500_000)


@pytest.mark.parametrize("status", [204, 302, 404, 410, 500])
def test_any_answer_is_its_status(receiving, status):
    assert sent(receiving(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())).status == status


def test_a_redirect_is_not_followed(receiving):
    target = receiving()
    away = f"HTTP/1.1 307 X\r\nLocation: http://{target.host}/\r\nContent-Length: 0\r\n\r\n".encode()
    assert sent(receiving(away)).status == 307
    assert target.requests == []


def test_a_body_without_end_is_not_listened_to(receiving):
    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(b"5\r\nhello\r\n" * 1000)

    attempt = sent(receiving(endless))
    assert attempt.status == 200
    assert attempt.duration_ms < ON_A_BUSY_MACHINE * 1000


def drip(first, piece):
    """A piece now and then, each well within any time-out of its own."""

    def play(connection):
        connection.sendall(first)
        with suppress(OSError):
            while True:
                connection.sendall(piece)
                time.sleep(0.05)

    return play


@pytest.mark.parametrize(
    "play",
    [
        drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda connection: connection.recv(1),  # until the sender hangs up
    ],
    ids=["letters", "informational answers", "silence"],
)
def test_a_slow_receiver_gets_its_time_and_no_more(receiving, play):
    began = time.monotonic()
    attempt = sent(receiving(play), seconds=0.4)
    assert (attempt.status, attempt.failure) == (None, "timeout")
    assert time.monotonic() - began < ON_A_BUSY_MACHINE


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 999999 X\r\n\r\n", b"HTTP/1.1 200 OK\r\nX" * 9000]
)
def test_what_does_not_speak_http_is_an_invalid_answer(receiving, answer):
    assert sent(receiving(answer)).failure == "invalid_answer"


def test_nobody_there_is_a_failed_connection(receiving):
    receiver = receiving()
    receiver.close()
    with suppress(OSError):
        receiver._listener = socket.create_server(("127.0.0.1", 0))
    attempt = sent(receiver)
    assert (attempt.status, attempt.failure) == (None, "connection_failed")


# Whom we connect to


@pytest.fixture
def dialled(monkeypatch) -> list[tuple[str, int]]:
    """Addresses and ports that were dialled; nobody answers."""
    found: list[tuple[str, int]] = []

    def connect_tcp(_self, host, port, *_rest):
        found.append((host, port))
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_tcp)
    return found


def pointing_to(*answers):
    """A resolver whose name answers something else each time it is asked, as a rebinding one does."""
    asked = iter(answers)
    return WebhookSender(resolve=lambda _host, _port, _seconds: next(asked))


def send(sender, url=f"https://{NAME}/"):
    return sender(url, HEADERS, b"{}", NOW)


def test_the_address_that_was_judged_is_the_one_that_is_dialled(dialled):
    attempt = send(pointing_to(["8.8.8.8"], ["127.0.0.1"]))
    assert attempt.failure == "connection_failed"
    assert dialled == [("8.8.8.8", 443)], "the name was resolved once"


def test_when_one_address_does_not_answer_the_next_one_is_tried(dialled):
    send(pointing_to(["2606:4700:4700::1111", "8.8.8.8"]))
    assert [address for address, _ in dialled] == ["2606:4700:4700::1111", "8.8.8.8"]


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"], ["192.168.1.1"], ["100.64.0.1"], ["0.0.0.0"], ["224.0.0.1"],
        ["::1"], ["fd00:ec2::254"], ["fe80::1"], ["::ffff:127.0.0.1"], ["64:ff9b::a9fe:a9fe"], ["2002:7f00:1::"],
        ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"],
    ],
)  # fmt: skip
def test_a_name_that_points_anywhere_inside_is_not_dialled_at_all(dialled, answer):
    attempt = send(pointing_to(answer))
    assert (attempt.status, attempt.failure) == (None, "address_refused")
    assert dialled == []


@pytest.mark.parametrize("url", ["http://hooks.example.com/", "https://127.0.0.1/", "https://u@hooks.example.com/"])
def test_a_url_that_was_stored_under_other_rules_is_refused_without_asking(dialled, url):
    assert send(pointing_to(), url).failure == "address_refused"
    assert dialled == []


def test_a_name_without_an_address_is_a_failed_connection(dialled):
    def unknown(_host, _port, _seconds):
        raise socket.gaierror

    assert send(WebhookSender(resolve=unknown)).failure == "connection_failed"


def test_a_name_server_that_does_not_answer_is_a_time_out(monkeypatch):
    is_over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_rest: is_over.wait(10) and [])
    began = time.monotonic()
    assert send(WebhookSender(seconds=0.2)).failure == "timeout"
    assert time.monotonic() - began < ON_A_BUSY_MACHINE
    is_over.set()


def test_the_real_resolver_knows_this_machine():
    assert "127.0.0.1" in resolve("127.0.0.1", 443, 5.0)
    with pytest.raises(OSError, match=r".*"):
        resolve("x" * 70 + ".example.com", 443, 5.0)


def test_nothing_of_a_test_host_holds_without_its_parameter(receiving):
    receiver = receiving()
    attempt = WebhookSender()(f"http://{receiver.host}/", HEADERS, b"{}", NOW)
    assert attempt.failure == "address_refused"
    assert receiver.requests == []


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """For NAME, signed by itself; key and certificate in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=3650))
        .not_valid_after(NOW + timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "hook.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture
def secure(receiving, certificate) -> Receiver:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return receiving(OK, context)


def over_tls(receiver, *, name=NAME, trusted: Path | None = None):
    host = f"{name}:{receiver.port}"
    sender = WebhookSender(frozenset({host}), resolve=lambda *_: ["127.0.0.1"], seconds=5)
    if trusted is not None:
        sender._context = ssl.create_default_context(cafile=trusted)
    return send(sender, f"https://{host}/")


def test_a_certificate_is_checked_against_the_name_and_not_the_address(secure, certificate):
    assert over_tls(secure, trusted=certificate).status == 200
    assert over_tls(secure, name="other.example.com", trusted=certificate).failure == "tls_failed"


def test_a_certificate_that_nobody_knows_is_refused_before_anything_is_sent(secure):
    assert over_tls(secure).failure == "tls_failed"
    assert secure.requests == []


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/a;v=1?x=1", b"/a;v=1?x=1"),
        ("/a;v=1/b;w", b"/a;v=1/b;w"),
        ("", b"/"),
        ("?x=1;y", b"/?x=1;y"),
        ("/%3b", b"/%3b"),
    ],
)
def test_a_url_is_asked_for_as_its_tenant_wrote_it(receiving, path, target):
    at = receiving()
    sent = WebhookSender(frozenset({at.host}))(f"http://{at.host}{path}", HEADERS, b"{}", NOW)
    assert sent.status == 200
    assert at.requests[0].split(b" ")[1] == target
