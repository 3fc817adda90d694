"""The core behind real HTTP: Starlette reads and answers, uvicorn serves, and faults reach the socket."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import uvicorn
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator import samples
from simulator.instagram import Instagram
from simulator.wire import CRUMBS, Delivery, Request, Response, crumbs

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
MAX_THREADS = 200  # a creation occupies one while it fetches the caller's image
MAX_HOLD = 600.0  # seconds a caller without a time-out is kept waiting by the timeout fault


class AbortableProtocol(H11Protocol):
    """uvicorn's own, with a way for the application to hang up without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as its parent
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def application(instagram: Instagram) -> ASGIApp:
    limiter = CapacityLimiter(MAX_THREADS)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        http = HttpRequest(scope, receive)
        request = await _read(http)
        if request.path.startswith(samples.PREFIX):  # never queues behind a download that waits for a sample
            answer = instagram.handle(request)
        else:
            answer = await to_thread.run_sync(instagram.handle, request, limiter=limiter, abandon_on_cancel=True)
        await _deliver(answer, http, send)

    return app


class SimulatorServer(uvicorn.Server):
    """Ends at once: whoever is kept waiting is cut off."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in self.server_state.connections:
            connection.transport.abort()
        await super().shutdown(sockets)


def server(instagram: Instagram) -> SimulatorServer:
    """Not started. Give `run` the bound sockets."""
    return SimulatorServer(
        uvicorn.Config(
            application(instagram),
            http=AbortableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


def bound_socket(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Listening already: whoever connects before the server runs is served once it does."""
    listener = socket.create_server((host, port), backlog=256)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio forgets it on sockets made this way
    return listener


async def _read(http: HttpRequest) -> Request:
    return Request(
        method=http.method,
        path=http.scope["raw_path"].decode("latin-1").partition("?")[0],
        query=http.scope["query_string"].decode("latin-1"),
        headers={name.lower(): value for name, value in http.headers.items()},
        body=await http.body(),
    )


async def _deliver(answer: Response, http: HttpRequest, send: Send) -> None:
    if answer.delivery is Delivery.NEVER:
        await _wait_until_gone(http, MAX_HOLD)
        _hang_up(http)
    elif answer.delivery is Delivery.HANG_UP:
        _hang_up(http)
        await _wait_until_gone(http, 1)
    elif answer.delivery is Delivery.DRIP:
        headers = dict(answer.headers) | {"content-length": str(len(answer.body))}
        await StreamingResponse(_drips(answer), answer.status, headers)(http.scope, http.receive, send)
    elif not answer.delay or not await _wait_until_gone(http, answer.delay):
        await HttpResponse(answer.body, answer.status, dict(answer.headers))(http.scope, http.receive, send)


async def _drips(answer: Response) -> AsyncIterator[bytes]:
    for crumb in crumbs(answer.body):
        await asyncio.sleep(answer.delay / CRUMBS)
        yield crumb


async def _wait_until_gone(http: HttpRequest, seconds: float) -> bool:
    """Whether the caller hung up within that time."""
    try:
        async with asyncio.timeout(seconds):
            while (await http.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


def _hang_up(http: HttpRequest) -> None:
    """A reset rather than an orderly end."""
    transport: asyncio.Transport = http.state.transport
    raw: socket.socket = transport.get_extra_info("socket")
    if raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()
