"""
Sends one webhook to an address that a tenant named: the one place where somebody else decides where we connect.

So the name is resolved here, once, and each address judged before the connection goes to that very address; a name
that points to anything private is refused whatever else it points to. Redirects are not followed, nothing of an
answer but its status is read, and name, connection and answer together have ten seconds.

Built on httpcore, below httpx, because it lets us bring the connection.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

import httpcore

from darkroom import __version__
from darkroom.addresses import is_public
from darkroom.endpoints import refusal
from darkroom.outgoing_deliveries import Attempt, Failure

SECONDS = 10.0  # for all of an attempt
_CONNECT_SECONDS = 3.0  # to one address
_MOST_ADDRESSES = 4  # of one name are tried

type Resolve = Callable[[str, int, float], list[str]]
"""A name's addresses; OSError when there are none in so many seconds."""


class _RefusedAddressError(Exception):
    """The name points to where we do not send."""


def resolve(host: str, port: int, seconds: float) -> list[str]:
    """`getaddrinfo` knows no time-out; a thread that is still asking is left behind."""
    answers: SimpleQueue[list[str] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except OSError as error:
            answers.put(error)
        except UnicodeError:  # no name, for the codec that getaddrinfo uses
            answers.put(OSError())

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    return answer


@dataclass(slots=True)
class WebhookSender:
    """`test_hosts` are `host:port` pairs that may be http and private. Making the TLS context is the expensive part."""

    test_hosts: frozenset[str] = frozenset()
    resolve: Resolve = resolve
    seconds: float = SECONDS
    _context: ssl.SSLContext = field(default_factory=httpcore.default_ssl_context, repr=False)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Attempt:
        """Implements the `Send` port of delivering.py."""
        began = time.monotonic()
        status: int | None = None
        failure: Failure | None = None
        try:
            status = self._status(url, headers, body, began + self.seconds)
        except _RefusedAddressError:
            failure = "address_refused"
        except httpcore.TimeoutException:
            failure = "timeout"
        except httpcore.ProtocolError:
            failure = "invalid_answer"
        except httpcore.NetworkError as error:
            failure = "tls_failed" if isinstance(error.__cause__, ssl.SSLError) else "connection_failed"
        return Attempt(at=now, status=status, failure=failure, duration_ms=round((time.monotonic() - began) * 1000))

    def _status(self, url: str, headers: Mapping[str, str], body: bytes, deadline: float) -> int:
        if refusal(url, self.test_hosts):  # it was asked when the URL was stored; the rules may have changed since
            raise _RefusedAddressError
        whole = _url(url)
        own = {"content-type": "application/json", "user-agent": f"Darkroom/{__version__}", "connection": "close"}
        backend = _GuardedBackend(deadline, self.resolve, is_exempt=urlsplit(url).netloc in self.test_hosts)
        with (
            httpcore.HTTPConnection(whole.origin, ssl_context=self._context, network_backend=backend) as connection,
            connection.stream("POST", whole, headers=list((own | dict(headers)).items()), content=body) as answer,
        ):
            return int(answer.status)


def _url(url: str) -> httpcore.URL:
    """As it was written; httpcore's own parser drops what follows a `;` in the path."""
    parts, parsed = urlsplit(url), httpcore.URL(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return httpcore.URL(scheme=parsed.scheme, host=parsed.host, port=parsed.port, target=target)


@dataclass(slots=True)
class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to public addresses only, and lends every step what is left of the time."""

    deadline: float
    resolve: Resolve
    is_exempt: bool

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 — of the deadline is counted
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError()
        for address in self._addresses(host, port):
            try:
                seconds = min(_CONNECT_SECONDS, _left(self.deadline, httpcore.ConnectTimeout))
                stream = httpcore.SyncBackend().connect_tcp(address, port, seconds, local_address, socket_options)
                return _TimedStream(stream, self.deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = self.resolve(host, port, _left(self.deadline, httpcore.ConnectTimeout))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            raise httpcore.ConnectError from error
        if not self.is_exempt and not all(is_public(address) for address in found):
            raise _RefusedAddressError
        return found[:_MOST_ADDRESSES]


@dataclass(slots=True)
class _TimedStream(httpcore.NetworkStream):
    """A receiver that sends a byte now and then gets no more time than one that is silent."""

    stream: httpcore.NetworkStream
    deadline: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 — as above
        return self.stream.read(max_bytes, _left(self.deadline, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 — as above
        self.stream.write(buffer, _left(self.deadline, httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 — as above
    ) -> httpcore.NetworkStream:
        left = _left(self.deadline, httpcore.ConnectTimeout)
        return _TimedStream(self.stream.start_tls(ssl_context, server_hostname, left), self.deadline)

    def close(self) -> None:
        self.stream.close()

    def get_extra_info(self, info: str) -> object:
        return self.stream.get_extra_info(info)


def _left(deadline: float, error: type[httpcore.TimeoutException]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise error
    return left
