"""
What an event costs the processor with the real adapters: botocore and all, over answers that come at once.

    python -m bench.telling [--changes N]

One delivery of N changes, processed twice: new, and known. Only the time of AWS is missing, which is why this is CPU,
and says how long the function computes; bench.webhooks says how much of it is ours.
"""

import argparse
import json
import os
import time
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from darkroom import announcing, processing
from darkroom.aws.bus import EventBridgeBus
from darkroom.aws.events import DynamoDBEvents
from darkroom.deliveries import Delivery
from tests.builders import an_account
from tests.fakes import FakeAccounts, FakeDeliveries

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SHARE = 1024 / 1769  # of a core that Lambda gives to the processor's memory: 1,769 MB are one, by its documentation


class _Raw:
    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, **_: Any) -> list[bytes]:
        return [self.body]

    def read(self, *_: Any) -> bytes:
        return self.body


class Cloud:
    """Answers every request at once. `is_known`: every event that is asked about was told."""

    is_known = False
    calls = 0

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        self.calls += 1
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        headers = HTTPHeaders()
        headers["Content-Type"] = "application/x-amz-json-1.0"
        return AWSResponse(request.url, 200, headers, _Raw(json.dumps(self._said(operation, request.body)).encode()))

    def _said(self, operation: str, body: bytes) -> dict[str, Any]:
        if operation == "PutEvents":
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
        if operation != "BatchGetItem" or not self.is_known:
            return {"Responses": {}} if operation == "BatchGetItem" else {}
        ((table, asked),) = json.loads(body)["RequestItems"].items()
        ids = [key["sk"]["S"].removeprefix("EVENT#") for key in asked["Keys"]]
        return {"Responses": {table: [{"id": {"S": each}, "announced_at": {"S": "2026"}} for each in ids]}}


def ports(cloud: Cloud) -> processing.Ports:
    session = botocore.session.get_session()
    clients: list[Any] = [session.create_client(name, region_name="eu-central-1") for name in ("dynamodb", "events")]
    for client in clients:
        client.meta.events.register("before-send", cloud.answer)
    events, bus = DynamoDBEvents(clients[0], "events", lambda: NOW), EventBridgeBus(clients[1], "bus")
    telling = announcing.Ports(events, lambda name, detail: bus.announce(name, detail, NOW), lambda: NOW)
    return processing.Ports(FakeAccounts(an_account()), FakeDeliveries(), telling)


def comments(count: int, *, media: int) -> Delivery:
    """So many comments, of so many media."""
    values = [
        {"id": f"179{number}", "text": "x" * 100, "media": {"id": f"18{number % media}"}, "from": {"id": "684"}}
        for number in range(count)
    ]
    changes = [{"field": "comments", "value": value} for value in values]
    entry = {"id": an_account().ig_user_id, "time": int(NOW.timestamp()), "changes": changes}
    return Delivery(json.dumps({"object": "instagram", "entry": [entry]}).encode(), "instagram", NOW)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.telling", description=__doc__.strip().splitlines()[0])
    parser.add_argument("--changes", type=int, default=1000)
    count = parser.parse_args(arguments).changes
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    cloud = Cloud()
    built = ports(cloud)
    processing.process(comments(50, media=50), built)  # warm
    print(f"telling: one delivery of {count:,} comments, real adapters, answers at once; CPU of one core, and calls")
    for name, media, cloud.is_known in (
        ("new, of as many media", count, False),
        ("new, of one", 1, False),
        ("known", 1, True),
    ):
        delivery, cloud.calls = comments(count, media=media), 0
        began = time.process_time()
        processing.process(delivery, built)
        cpu = time.process_time() - began
        print(
            f"  {name:22} {cpu / count * 1000:6.2f} ms an event   {cloud.calls / count:5.2f} calls"
            f"   {cpu / SHARE:5.1f} s for the delivery at 1,024 MB (arithmetic: {SHARE:.2f} of a core)"
        )


if __name__ == "__main__":
    main()
