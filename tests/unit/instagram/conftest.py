from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from darkroom.instagram.client import Call, InstagramClient
from darkroom.instagram.models import Access

SAMPLES = Path(__file__).parents[2] / "samples" / "instagram"

type Answer = tuple[int, dict[str, str], bytes]
type Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def sample() -> Callable[[str], Answer]:
    """An answer of Instagram's, kept as it looks on the wire."""

    def read(name: str) -> Answer:
        head, _, body = (SAMPLES / f"{name}.http").read_bytes().partition(b"\n\n")
        status, *headers = head.decode().splitlines()
        fields = dict(line.split(": ", 1) for line in headers)
        return int(status.split()[1]), fields, body

    return read


@pytest.fixture
def token() -> str:
    return "IGAA-CANARY-token-7f3b"


@pytest.fixture
def access(token: str) -> Access:
    return Access("17841405309211844", token)


@pytest.fixture
def calls() -> list[Call]:
    return []


@pytest.fixture
def client_of(calls: list[Call]) -> Iterator[Callable[..., InstagramClient]]:
    """A client whose network is the given function."""
    clients: list[InstagramClient] = []

    def build(handler: Handler, **settings) -> InstagramClient:
        settings = {"app_id": "990", "app_secret": "CANARY-app-secret", **settings}
        client = InstagramClient(transport=httpx.MockTransport(handler), on_call=calls.append, **settings)
        clients.append(client)
        return client

    yield build
    for client in clients:
        client.close()


@pytest.fixture
def answering(
    client_of: Callable[..., InstagramClient], sample: Callable[[str], Answer]
) -> Callable[..., InstagramClient]:
    """A client that gets the named samples, in this order."""

    def build(*names: str, **settings) -> InstagramClient:
        answers = iter(names)

        def handler(_request: httpx.Request) -> httpx.Response:
            status, headers, body = sample(next(answers))
            return httpx.Response(status, headers=headers, content=body)

        return client_of(handler, **settings)

    return build


@pytest.fixture
def losing(client_of: Callable[..., InstagramClient]) -> Callable[[type[httpx.TransportError]], InstagramClient]:
    """A client whose every call ends in this failure of the transport, which quotes the URL as httpx does."""

    def build(error: type[httpx.TransportError]) -> InstagramClient:
        def handler(request: httpx.Request) -> httpx.Response:
            raise error(f"lost {request.url}", request=request)

        return client_of(handler)

    return build
