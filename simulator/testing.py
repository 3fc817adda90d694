"""The simulator inside a test: over real HTTP in a thread, or as an httpx transport without a socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import httpx

from simulator import samples
from simulator.app import SimulatorServer, bound_socket, server
from simulator.clock import Clock
from simulator.instagram import Instagram
from simulator.wire import Delivery, Request, Response, crumbs


@dataclass(frozen=True)
class RunningInstagram:
    url: str
    instagram: Instagram
    _server: SimulatorServer
    _thread: Thread

    @property
    def clock(self) -> Clock:
        return self.instagram.clock

    def close(self) -> None:
        """Twice is harmless. Callers that are kept waiting are cut off."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self.instagram.world.fetcher.close()


@contextmanager
def running(instagram: Instagram | None = None, port: int = 0) -> Iterator[RunningInstagram]:
    """Serves on loopback; port 0 takes a free one."""
    handle = start(instagram or Instagram(), port)
    try:
        yield handle
    finally:
        handle.close()


def start(instagram: Instagram, port: int = 0) -> RunningInstagram:
    """Like `running`, for callers that close it themselves."""
    listener = bound_socket(port=port)
    simulator = server(instagram)
    thread = Thread(target=simulator.run, kwargs={"sockets": [listener]}, daemon=True, name="simulator")
    thread.start()
    return RunningInstagram(f"http://127.0.0.1:{listener.getsockname()[1]}", instagram, simulator, thread)


def transport(instagram: Instagram) -> httpx.BaseTransport:
    """
    `httpx.Client(transport=transport(instagram))`: any host is Instagram, no socket is opened, nothing waits.

    timeout, and a slow answer beyond the client's read time-out, raise httpx.ReadTimeout at once; reset raises
    httpx.ReadError; a drip comes in pieces but without the waiting. The clock never moves by itself.
    """
    return _CoreTransport(instagram)


def sample_media() -> httpx.BaseTransport:
    """
    For `Instagram(media_transport=sample_media())`: whatever the host, a URL's last segment names the sample.

    `https://media.example/any/photo.jpg` is then a 4:5 photo. No socket is opened.
    """
    return httpx.MockTransport(lambda request: _as_httpx(samples.sample(_last_segment(request)), request))


class _CoreTransport(httpx.BaseTransport):
    def __init__(self, instagram: Instagram) -> None:
        self._instagram = instagram

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers["x-forwarded-proto"] = request.url.scheme
        answer = self._instagram.handle(Request(request.method, path, query, headers, request.read()))
        return _as_httpx(answer, request)


def _as_httpx(answer: Response, request: httpx.Request) -> httpx.Response:
    patience = request.extensions.get("timeout", {}).get("read")
    is_late = patience is not None and answer.delay > patience and answer.delivery is Delivery.WHOLE
    if answer.delivery is Delivery.NEVER or is_late:
        raise httpx.ReadTimeout("the pretend Instagram does not answer", request=request)
    if answer.delivery is Delivery.HANG_UP:
        raise httpx.ReadError("the pretend Instagram reset the connection", request=request)
    headers = dict(answer.headers) | {"content-length": str(len(answer.body))}
    return httpx.Response(answer.status, headers=headers, stream=_Body(answer.body), request=request)


class _Body(httpx.SyncByteStream):
    """In crumbs, so that a reader with a limit can stop half-way."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return crumbs(self._body)


def _last_segment(request: httpx.Request) -> str:
    return request.url.path.rpartition("/")[2]
