"""
SQS in memory, as far as we use it, in the shape of its boto3 client, and Lambda's poller in front of a consumer. The
queues pass the same suite as moto's (tests/contracts/test_inbox.py); moto is too slow for many.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

type Json = dict[str, Any]

_numbers = count(1)


@dataclass(frozen=True)
class _Message:
    id: str
    body: str
    attributes: Json
    receives: int = 0
    source: str | None = None


@dataclass
class _Queue:
    url: str
    dead_letters: str | None
    most_receives: int
    visible: deque[_Message] = field(default_factory=deque)
    in_flight: dict[str, _Message] = field(default_factory=dict)


class MemoryQueues:
    """What is received stays invisible until `become_visible`: there is no clock. `shuffled` receives in any order."""

    def __init__(self, *, shuffled: random.Random | None = None) -> None:
        self.queues: dict[str, _Queue] = {}
        self._random = shuffled

    def create(self, url: str, dead_letters: str | None = None, most_receives: int = 5) -> str:
        self.queues[url] = _Queue(url, dead_letters, most_receives)
        return url

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Json | None = None) -> Json:  # noqa: N803 — boto3's names
        message = _Message(f"message-{next(_numbers)}", MessageBody, MessageAttributes or {})
        self.queues[QueueUrl].visible.append(message)
        return {"MessageId": message.id}

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int = 1, **_: Any) -> Json:  # noqa: N803 — as above
        queue = self.queues[QueueUrl]
        received: list[_Message] = []
        while queue.visible and len(received) < MaxNumberOfMessages:
            message = self._next(queue)
            if queue.dead_letters and message.receives >= queue.most_receives:
                self.queues[queue.dead_letters].visible.append(replace(message, source=queue.url))
                continue
            message = replace(message, receives=message.receives + 1)
            queue.in_flight[message.id] = message
            received.append(message)
        return {"Messages": [_shown(message) for message in received]} if received else {}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803 — as above
        self.queues[QueueUrl].in_flight.pop(ReceiptHandle, None)

    def become_visible(self, url: str) -> None:
        """The visibility time-out of all that is in flight passes."""
        queue = self.queues[url]
        queue.visible.extend(queue.in_flight.values())
        queue.in_flight.clear()

    def _next(self, queue: _Queue) -> _Message:
        if self._random is not None:
            queue.visible.rotate(self._random.randrange(len(queue.visible)) if len(queue.visible) < 1000 else 1)
        return queue.visible.popleft()


def _shown(message: _Message) -> Json:
    system = {"ApproximateReceiveCount": str(message.receives)}
    if message.source:
        system["DeadLetterQueueSourceArn"] = message.source
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.id,
        "Body": message.body,
        "Attributes": system,
        "MessageAttributes": message.attributes,
    }


def polled(client: Any, url: str, handler: Callable[[Json, None], Json], batch: int = 10) -> int:
    """
    One batch, as Lambda's event source mapping hands it over: what the consumer does not name as failed is deleted; an
    exception fails all of it. How many there were.
    """
    messages = taken(client, url, batch)
    if messages:
        failed = _failed(handler({"Records": [record(message, url) for message in messages]}, None))
        for message in messages:
            if message["MessageId"] not in failed:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return len(messages)


def taken(client: Any, url: str, batch: int) -> list[Json]:
    """What a poller holds before it hands it over."""
    answer = client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=batch, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"]
    )
    found: list[Json] = answer.get("Messages", [])
    return found


def record(message: Json, source: str) -> Json:
    """A received message as a function sees it."""
    attributes = {
        name: {name_of[0].lower() + name_of[1:]: value for name_of, value in each.items()}
        for name, each in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": source,
    }


def _failed(answer: Json) -> set[str]:
    return {each["itemIdentifier"] for each in answer.get("batchItemFailures", [])}
