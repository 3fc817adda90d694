"""Shared by the tests of devstack: a small translated template, and a gateway over functions in this process."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.gateway import Gateway
from devstack.http_events import Surroundings
from devstack.routes import HttpApi, Route

TOY = Path(__file__).parent / "toy"
AROUND = Surroundings(api_id="api1", account="000000000000", region="eu-central-1", port=8000)


@pytest.fixture(scope="session")
def toy() -> Path:
    return TOY


class Browser:
    """Sends requests to a gateway and remembers the events that its functions got."""

    def __init__(self, api: HttpApi, functions: dict[str, Callable[[dict[str, Any]], Any]], seconds: float) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.lines: list[str] = []
        log = logging.Logger("requests")  # noqa: LOG001 (one per browser, outside the tree)
        log.addHandler(self._handler())

        def invoke(function: str, payload: bytes) -> Any:
            event = json.loads(payload)
            self.events.append((function, event))
            return functions[function](event)

        self.gateway = Gateway(api, invoke, AROUND, log, seconds)

    def _handler(self) -> logging.Handler:
        lines = self.lines

        class Keep(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                lines.append(record.getMessage())

        return Keep()

    async def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.gateway, client=("192.0.2.7", 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test:8000") as client:
            return await client.request(method, url, **options)

    def event_of(self, function: str) -> dict[str, Any]:
        return next(event for name, event in reversed(self.events) if name == function)


@pytest.fixture
def browse():
    def make(routes: list[Route], functions, *, cors: dict[str, Any] | None = None, seconds: float = 5.0) -> Browser:
        ordered = tuple(sorted(routes, key=lambda route: route.specificity))
        return Browser(HttpApi("Api", ordered, cors), functions, seconds)

    return make
