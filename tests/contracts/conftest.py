"""
Real stores on moto. Tables are made as template.yaml describes them, anew for each test; AWS itself is set up once a
module, because making clients is what takes time. What moto lets pass and DynamoDB refuses is refused here.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import RLock
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber

from devstack import template
from tests.contracts.indexes import refusal

REGION = "eu-central-1"
RESOURCES: dict[str, Any] = template.load(Path(__file__).parents[2] / "template.yaml")["Resources"]
_TABLE_PROPERTIES = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


@dataclass
class Cloud:
    """Clients without retries: a fault is seen at once. `attempts` 2 makes them as aws/clients.py does."""

    _clients: dict[tuple[str, int], Any] = field(default_factory=dict)

    def client(self, service: str, attempts: int = 1) -> Any:
        if (service, attempts) not in self._clients:
            config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
            self._clients[service, attempts] = boto3.client(service, region_name=REGION, config=config)
        return self._clients[service, attempts]

    def table(self, logical_id: str) -> str:
        """The name of a fresh, empty table."""
        dynamodb = self.client("dynamodb")
        if logical_id in dynamodb.list_tables()["TableNames"]:
            dynamodb.delete_table(TableName=logical_id)
        properties = RESOURCES[logical_id]["Properties"]
        dynamodb.create_table(
            TableName=logical_id, **{name: properties[name] for name in _TABLE_PROPERTIES if name in properties}
        )
        return logical_id


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        _answer_as_dynamodb(patch)
        yield Cloud()


def _answer_as_dynamodb(patch: pytest.MonkeyPatch) -> None:
    """
    DynamoDB judges a condition and writes in one; moto does it in two, and reads what another thread is changing. And
    whoever asks an index for what it does not project is refused, whatever client it is.
    """
    answer, alone = BotocoreStubber.process_request, RLock()

    def answer_alone(stubber: BotocoreStubber, request: Any) -> Any:
        if refused := _refusal(request):
            return 400, {}, json.dumps({"__type": "com.amazon.coral.validate#ValidationException", "message": refused})
        with alone:
            return answer(stubber, request)

    patch.setattr(BotocoreStubber, "process_request", answer_alone)


def _refusal(request: Any) -> str | None:
    target = request.headers.get("X-Amz-Target", b"")
    name = target.decode() if isinstance(target, bytes) else target
    if name not in {"DynamoDB_20120810.Query", "DynamoDB_20120810.Scan"}:
        return None
    asked = json.loads(request.body)
    return refusal(asked, RESOURCES[asked["TableName"]]["Properties"])


@dataclass
class Wire:
    """
    Between a client and AWS. moto lets a disabled key decrypt and is never busy, so what AWS would answer is put in its
    place; `sent` counts what was asked for.
    """

    _registered: list[tuple[Any, str, Callable[..., Any]]] = field(default_factory=list)

    def answers(self, client: Any, operation: str, code: str, status: int = 400, body: str | None = None) -> None:
        """The request never reaches AWS; this error comes back."""
        text = body if body is not None else json.dumps({"__type": code, "message": "as told by the test"})

        def answer(request: Any, **_: Any) -> AWSResponse:
            request.url = "https://nowhere.test"  # or moto, which hears of it next, would do as it was asked
            return AWSResponse(request.url, status, HTTPHeaders(), _Raw(text.encode()))

        self._register(client, "before-send", operation, answer)

    def breaks(self, client: Any, operation: str, error: Exception) -> None:
        """The connection fails before anything was sent."""

        def fail(**_: Any) -> None:
            raise error

        self._register(client, "before-send", operation, fail)

    def loses_the_answer(self, client: Any, operation: str) -> None:
        """AWS did as it was asked, and nobody hears of it."""

        def lose(**_: Any) -> None:
            raise ReadTimeoutError(endpoint_url="https://aws.test")

        self._register(client, "after-call", operation, lose)

    def loses_the_first_answer(self, client: Any, operation: str) -> list[str]:
        """
        AWS did as it was asked, nobody hears of it, and the SDK sends again: what then comes back is the answer to the
        second request. moto knows no idempotency tokens, so it judges a transaction anew as well. Counts the requests.
        """
        sent: list[str] = []

        def lose(request: Any, event_name: str, **_: Any) -> None:
            sent.append(operation)
            if len(sent) == 1:
                botocore_stubber(event_name, request)  # moto, which would hear of it next
                raise ReadTimeoutError(endpoint_url="https://aws.test")

        self._register(client, "before-send", operation, lose)
        return sent

    def before(self, client: Any, operation: str, action: Callable[[], object]) -> None:
        """Something else happens first, once."""

        def act(**_: Any) -> None:
            client.meta.events.unregister(f"before-call.{_event(client, operation)}", act)
            action()

        self._register(client, "before-call", operation, act)

    def counts(self, client: Any, operation: str) -> list[str]:
        sent: list[str] = []

        def count(**_: Any) -> None:
            sent.append(operation)

        self._register(client, "before-send", operation, count)
        return sent

    def asks(self, client: Any, operation: str, **more: Any) -> None:
        """With these parameters as well: a small `Limit` is a page of DynamoDB's megabyte."""

        def ask(params: dict[str, Any], **_: Any) -> None:
            params |= more

        self._register(client, "provide-client-params", operation, ask)

    def hears(self, client: Any, operation: str) -> list[dict[str, Any]]:
        """The bodies of what is asked for, in order."""
        heard: list[dict[str, Any]] = []

        def hear(params: dict[str, Any], **_: Any) -> None:
            heard.append(json.loads(params["body"]))

        self._register(client, "before-call", operation, hear)
        return heard

    def _register(self, client: Any, stage: str, operation: str, handler: Callable[..., Any]) -> None:
        event = f"{stage}.{_event(client, operation)}"
        client.meta.events.register_first(event, handler)
        self._registered.append((client, event, handler))

    def mended(self) -> None:
        for client, event, handler in self._registered:
            client.meta.events.unregister(event, handler)
        self._registered.clear()


class _Raw(BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _event(client: Any, operation: str) -> str:
    return f"{client.meta.service_model.service_id.hyphenize()}.{operation}"


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.mended()
