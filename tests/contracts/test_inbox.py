"""The queue between receiving and processing: in memory and on moto, what comes out is what went in."""

import json
from itertools import count

import pytest

from darkroom.aws.inbox import SqsInbox, opened
from darkroom.deliveries import Delivery
from darkroom.errors import MalformedDeliveryError, StoreUnavailableError
from tests.builders import NOW
from tests.fakes import FakeDeliveries
from tests.queues import MemoryQueues, polled

MOST = 2000
_names = count(1)


class Queues:
    """A queue with its dead letters, whoever plays SQS."""

    def __init__(self, client, url, dead_letters, become_visible):
        self.client, self.url, self.dead_letters, self.become_visible = client, url, dead_letters, become_visible

    def received(self, url=None):
        records = []
        polled(self.client, url or self.url, lambda event, _: records.extend(event["Records"]) or {})
        return records


@pytest.fixture(params=["memory", "sqs"])
def queues(request, cloud):
    if request.param == "memory":
        memory = MemoryQueues()
        dead = memory.create("dead")
        return Queues(memory, memory.create("queue", dead), dead, lambda: memory.become_visible("queue"))
    return real_queues(cloud)


def real_queues(cloud):
    client, number = cloud.client("sqs"), next(_names)
    dead = client.create_queue(QueueName=f"dead-{number}")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    url = client.create_queue(QueueName=f"queue-{number}", Attributes=attributes)["QueueUrl"]
    return Queues(client, url, dead, lambda: None)


@pytest.fixture
def objects():
    return FakeDeliveries()


@pytest.fixture
def inbox(queues, objects):
    return SqsInbox(queues.client, queues.url, MOST, lambda: objects)


def a_delivery(raw):
    return Delivery(raw, "instagram", NOW)


def opened_record(record, objects):
    attributes = {name: each["stringValue"] for name, each in record["messageAttributes"].items()}
    return opened(record["body"], attributes, lambda: objects)


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (b'{"object": "instagram"}', "text"),
        ("Grüße 😀\u2028".encode(), "text"),
        (b"\x00", "base64"),
        (b"\xff\xfe", "base64"),
        ("\ufffe \uffff".encode(), "base64"),
        ("\ud800".encode("utf-8", "surrogatepass"), "base64"),
        (b"\x1b[31m", "base64"),
        (b"x" * MOST, "text"),
        (b"\x00" * (MOST // 2), "base64"),
        (b"x" * (MOST + 1), "s3"),
        (b"\x00" * MOST, "s3"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_comes_out_is_what_went_in_byte_for_byte(inbox, queues, objects, raw, encoding):
    inbox.put(a_delivery(raw))
    (record,) = queues.received()
    assert record["messageAttributes"]["encoding"]["stringValue"] == encoding
    assert opened_record(record, objects) == a_delivery(raw)


def test_a_message_that_fails_five_times_is_in_the_dead_letter_queue_as_it_was(inbox, queues):
    inbox.put(a_delivery(b"{}"))
    seen = []

    def fail(event, _):
        seen.extend(event["Records"])
        return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in event["Records"]]}

    for _ in range(7):
        polled(queues.client, queues.url, fail)
        queues.become_visible()
    assert [each["attributes"]["ApproximateReceiveCount"] for each in seen] == ["1", "2", "3", "4", "5"]
    (dead,) = queues.received(queues.dead_letters)
    assert dead["body"] == "{}"
    assert dead["messageAttributes"] == seen[0]["messageAttributes"]


def test_only_the_message_that_failed_comes_again(inbox, queues):
    for number in range(3):
        inbox.put(a_delivery(b"%d" % number))

    def fail(event, _):
        return {
            "batchItemFailures": [
                {"itemIdentifier": each["messageId"]} for each in event["Records"] if each["body"] == "1"
            ]
        }

    while polled(queues.client, queues.url, fail) > 1:
        queues.become_visible()
    queues.become_visible()
    assert [each["body"] for each in queues.received()] == ["1"]


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "2"},
        {"schema": None},
        {"encoding": "gzip"},
        {"encoding": None},
        {"encoding": "base64"},
        {"encoding": "s3"},
        {"received_at": "yesterday"},
        {"key_slot": None},
    ],
    ids=str,
)
def test_a_message_that_nobody_of_ours_has_sent_is_refused(change, objects):
    good = {"schema": "1", "encoding": "text", "key_slot": "instagram", "received_at": NOW.isoformat()}
    attributes = {name: value for name, value in (good | change).items() if value is not None}
    with pytest.raises(MalformedDeliveryError):
        opened("not base64, and no key", attributes, lambda: objects)


def test_a_queue_that_is_throttled_or_silent_means_that_it_is_not_kept(cloud, wire, objects):
    queues = real_queues(cloud)
    inbox = SqsInbox(queues.client, queues.url, MOST, lambda: objects)
    for break_it in (
        lambda: wire.answers(queues.client, "SendMessage", "RequestThrottled", 400),
        lambda: wire.answers(queues.client, "SendMessage", "InternalFailure", 500),
        lambda: wire.loses_the_answer(queues.client, "SendMessage"),
        lambda: wire.answers(queues.client, "SendMessage", "KmsThrottled"),
    ):
        break_it()
        with pytest.raises(StoreUnavailableError):
            inbox.put(a_delivery(b"{}"))
        wire.mended()
