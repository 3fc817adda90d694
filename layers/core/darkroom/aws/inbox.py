"""
The queue between receiving and processing: one message a delivery, whatever it holds, because splitting costs ten times
as much before the queue as behind it (docs/decisions/0015-webhooks.md).

The message's body is Meta's, byte for byte, where SQS takes it; else base64 of it, or the key of an object in S3.
Attribute `encoding` says which, and `schema` that it is ours to read.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from darkroom.aws.dynamodb import translated
from darkroom.deliveries import Delivery
from darkroom.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

SCHEMA = "1"
# "SendMessage", Amazon SQS API reference: what a message body may not hold; U+FFFE and U+FFFF are three bytes each. Of
# bytes, because compiling the same of characters takes longer than the rest of a cold start's imports of ours.
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")


class Objects(Protocol):
    def put_aside(self, delivery: Delivery) -> str: ...

    def read(self, key: str) -> bytes: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SqsInbox:
    """Implements the `Inbox` port of receiving.py. Bodies of more than `most` bytes go by way of `objects()`."""

    client: "SQSClient"
    queue_url: str
    most: int
    objects: Callable[[], Objects]

    def put(self, delivery: Delivery) -> None:
        encoding, body = self._encoded(delivery)
        attributes = {
            "schema": SCHEMA,
            "encoding": encoding,
            "key_slot": delivery.key_slot,
            "received_at": delivery.received_at.isoformat(),
        }
        with translated():
            self.client.send_message(
                QueueUrl=self.queue_url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )

    def _encoded(self, delivery: Delivery) -> tuple[str, str]:
        if len(delivery.raw) <= self.most and (text := _legal(delivery.raw)) is not None:
            return "text", text
        if len(delivery.raw) * 4 // 3 + 4 <= self.most:
            return "base64", b64encode(delivery.raw).decode()
        return "s3", self.objects().put_aside(delivery)


def opened(body: str, attributes: Mapping[str, str], objects: Callable[[], Objects]) -> Delivery:
    """The delivery of a message. Raises MalformedDeliveryError for one that nobody of ours has sent."""
    if attributes.get("schema") != SCHEMA:
        raise MalformedDeliveryError(detail="This message is of another schema.")
    try:
        received_at = datetime.fromisoformat(attributes["received_at"])
        raw = _decoded(body, attributes["encoding"], objects)
        return Delivery(raw, attributes["key_slot"], received_at)
    except (KeyError, ValueError):
        raise MalformedDeliveryError(detail="This message has no readable envelope.") from None


def _decoded(body: str, encoding: str, objects: Callable[[], Objects]) -> bytes:
    if encoding == "text":
        return body.encode()
    if encoding == "base64":
        return b64decode(body, validate=True)
    if encoding == "s3":
        return objects().read(body)
    raise ValueError(encoding)


def _legal(raw: bytes) -> str | None:
    try:
        return None if _FORBIDDEN.search(raw) else raw.decode()
    except UnicodeDecodeError:
        return None
