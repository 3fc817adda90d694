"""
An HTTP API in front of Lambda functions, with API Gateway's own limits and words.

Runs in a thread of this process: it is glue around `invoke`, so a process of its own would only add one more thing
to start, watch and stop. Where AWS documents a behaviour this follows it, inconvenient ones included: a preflight
request that matches a route (`$default` too) goes to the function and is not answered by the CORS settings.
"""

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from devstack.http_events import (
    Answer,
    Event,
    InvalidResultError,
    Request,
    Surroundings,
    answer,
    authorizer_event,
    function_event,
    identity,
)
from devstack.processes import LOOPBACK, LocalCloudError, port_of
from devstack.routes import HttpApi, Route

BODY_LIMIT = 10 * 1024 * 1024
HEADERS_LIMIT = 10_240
TIMEOUT_SECONDS = 30.0
CONCURRENCY = 64

type Invoke = Callable[[str, bytes], Any]
"""Logical id and payload to the parsed result. Raises `FunctionError` or `UnavailableError`; called in a thread."""


class FunctionError(Exception):
    """The function raised, timed out or crashed. Callers learn nothing of it."""


class UnavailableError(Exception):
    """The function could not be run at all, for example because it is throttled."""


class Gateway:
    """The ASGI application."""

    def __init__(
        self,
        api: HttpApi,
        invoke: Invoke,
        around: Surroundings,
        log: logging.Logger,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._api, self._invoke, self._around, self._log = api, invoke, around, log
        self._timeout = timeout_seconds
        self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="invoke")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        start = time.monotonic()
        request = _request(scope)
        reply = await self._answer(request, receive)
        self._log.info("%s %s %d %d", request.method, request.path, reply.status, (time.monotonic() - start) * 1000)
        headers = [*self._with_cors(request, reply.headers), ("apigw-requestid", request.request_id)]
        if reply.status not in {204, 304}:
            headers.append(("content-length", str(len(reply.body))))
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else reply.body})

    async def _answer(self, request: Request, receive: Receive) -> Answer:
        if sum(len(name) + len(value) for name, value in request.headers) > HEADERS_LIMIT:
            return Answer.message(431, "Request Header Fields Too Large")
        body = await _read(receive)
        if body is None:
            return Answer.message(413, "Request Entity Too Large")
        match = self._api.match(request.method, request.path)
        if match is None:
            is_preflight = request.method == "OPTIONS" and request.header("access-control-request-method")
            return Answer(204, [], b"") if self._api.cors and is_preflight else Answer.message(404, "Not Found")
        try:
            return await asyncio.wait_for(self._serve(replace(request, body=body), *match), self._timeout)
        except (TimeoutError, UnavailableError) as error:
            self._log.warning("%s is unavailable: %s", match[0].key, error or "no answer in time")
            return Answer.message(503, "Service Unavailable")
        except (FunctionError, InvalidResultError) as error:
            self._log.warning("%s failed: %s", match[0].key, error)
            return Answer.message(500, "Internal Server Error")

    async def _serve(self, request: Request, route: Route, parameters: dict[str, str]) -> Answer:
        context = None
        if route.authorizer:
            values = identity(request, route.authorizer)
            if values is None:
                return Answer.message(401, "Unauthorized")
            event = authorizer_event(request, route, parameters, self._around, values)
            verdict = _verdict(await self._call(route.authorizer.function, event))
            if not verdict["isAuthorized"]:
                return Answer.message(403, "Forbidden")
            context = verdict.get("context") or {}
        return answer(
            await self._call(route.function, function_event(request, route, parameters, self._around, context))
        )

    def _call(self, function: str, event: Event) -> Awaitable[Any]:
        payload = json.dumps(event).encode()
        return asyncio.get_running_loop().run_in_executor(self._threads, self._invoke, function, payload)

    def _with_cors(self, request: Request, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """With CORS settings, theirs replace whatever the function said."""
        if self._api.cors is None:
            return headers
        kept = [(name, value) for name, value in headers if not name.startswith("access-control-")]
        return [*kept, *_cors_headers(self._api.cors, request)]


def _verdict(result: Any) -> dict[str, Any]:
    if not isinstance(result, dict) or not isinstance(result.get("isAuthorized"), bool):
        raise FunctionError("an authorizer answers isAuthorized")
    return result


def _cors_headers(cors: dict[str, Any], request: Request) -> list[tuple[str, str]]:
    origin, allowed = request.header("origin"), cors.get("allowOrigins", [])
    if not origin or not ({"*", origin} & set(allowed)):
        return []
    headers = [("access-control-allow-origin", "*" if "*" in allowed else origin)]
    if cors.get("allowCredentials"):
        headers.append(("access-control-allow-credentials", "true"))
    if request.method == "OPTIONS":
        lists = {"allow-methods": "allowMethods", "allow-headers": "allowHeaders"}
        headers += [(f"access-control-{name}", ",".join(cors[key])) for name, key in lists.items() if key in cors]
        headers.append(("access-control-max-age", str(cors.get("maxAge", 0))))
    elif exposed := cors.get("exposeHeaders"):
        headers.append(("access-control-expose-headers", ",".join(exposed)))
    return headers


def _request(scope: Scope) -> Request:
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        client=(scope.get("client") or (LOOPBACK,))[0],
    )


async def _read(receive: Receive) -> bytes | None:
    """The body, or None when it is over the limit."""
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body"):
            return body


class GatewayServer:
    """The gateway on a socket that was bound before the deploy, because the template must know its URL."""

    def __init__(self, gateway: Gateway, listener: socket.socket) -> None:
        config = uvicorn.Config(
            gateway,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._gateway, self._server, self._listener = gateway, uvicorn.Server(config), listener
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="gateway", daemon=True
        )
        self.port = port_of(listener)

    def start(self) -> None:
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise LocalCloudError("the gateway did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._listener.close()
        self._gateway.close()
