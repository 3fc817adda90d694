import json
import math
import time
from dataclasses import dataclass

import pytest

from darkroom.consuming import Message, consumer
from darkroom.errors import StoreUnavailableError
from darkroom.tasks import MalformedTaskError

CANARY = "CANARY-71aa"


@dataclass(frozen=True, slots=True)
class Task:
    tenant_id: str
    account_id: str


def a_record(number: int = 1, body: str = '{"tenant_id": "acme", "account_id": "acc_1"}', **attributes: str) -> dict:
    return {
        "messageId": f"message-{number}",
        "receiptHandle": CANARY,
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", **attributes},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


def read(message: Message) -> dict:
    return {"account_id": message.task(Task).account_id}


def test_a_batch_that_is_done_says_so_and_leaves_one_line_a_message(lines):
    answer = consumer(read)({"Records": [a_record(1), a_record(2, ApproximateReceiveCount="3")]}, None)
    assert answer == {}
    first, second = lines.named("message done")
    assert (first["message_id"], first["account_id"], first["receives"]) == ("message-1", "acc_1", 1)
    assert (second["message_id"], second["receives"]) == ("message-2", 3)


@pytest.mark.parametrize("error", [StoreUnavailableError(), KeyError(CANARY), RecursionError(CANARY)])
def test_only_the_message_that_fails_comes_again(lines, error):
    done = []

    @consumer
    def handler(message: Message) -> dict:
        if message.id == "message-2":
            raise error
        done.append(message.id)
        return {}

    answer = handler({"Records": [a_record(n) for n in (1, 2, 3)]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-2"}]}
    assert done == ["message-1", "message-3"]
    (line,) = lines.named("message failed")
    assert (line["message_id"], line["error"]) == ("message-2", type(error).__name__)
    assert CANARY not in lines.getvalue()


@pytest.mark.parametrize("event", [{}, {"Records": []}, {"Records": None}])
def test_a_batch_of_nothing_is_done(event):
    assert consumer(read)(event, None) == {}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "null",
        '"text"',
        "[" * 10_000,
        "{}",
        '{"tenant_id": 1, "account_id": "acc_1"}',
        json.dumps({"tenant_id": "acme", "account_id": "acc_1", "more": CANARY}),
        "\ud800",
    ],
)
def test_a_malformed_message_fails_alone_and_quietly(lines, body):
    answer = consumer(read)({"Records": [a_record(1, body), a_record(2)]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    assert CANARY not in lines.getvalue()


def test_what_a_malformed_task_says_holds_no_value():
    with pytest.raises(MalformedTaskError) as caught:
        Message("1", json.dumps({"tenant_id": CANARY, "account_id": 7})).task(Task)
    assert CANARY not in str(caught.value)


def test_a_record_without_its_parts_fails_the_batch_rather_than_being_lost():
    answer = consumer(read)({"Records": [{"body": "{}"}, a_record(2)]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": ""}]}
    without_a_body = {"messageId": "message-3"}
    assert consumer(read)({"Records": [without_a_body]}, None) == {
        "batchItemFailures": [{"itemIdentifier": "message-3"}]
    }


def test_a_message_that_was_redriven_is_read_like_any_other(lines):
    record = a_record(DeadLetterQueueSourceArn="arn:aws:sqs:eu-central-1:123456789012:dead")
    assert consumer(read)({"Records": [record]}, None) == {}
    (line,) = lines.named("message done")
    assert line["redriven"] is True


@pytest.mark.parametrize(("sent_ago", "expected"), [(2.5, 2500), (-60, 0)])
def test_a_line_says_how_long_ago_the_message_was_sent_and_never_less_than_nothing(lines, sent_ago, expected):
    """SQS's clock may be ahead of ours."""
    sent = round((time.time() - sent_ago) * 1000)
    consumer(read)({"Records": [a_record(SentTimestamp=str(sent)), a_record(2)]}, None)
    told, untold = lines.named("message done")
    assert expected <= told["age_ms"] < expected + 1000
    assert "age_ms" not in untold


def test_a_killed_worker_is_not_taken_for_a_message_that_failed():
    @consumer
    def handler(message: Message) -> dict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        handler({"Records": [a_record()]}, None)


def test_a_message_does_not_show_its_body():
    assert CANARY not in repr(Message("1", CANARY))


class Hurried:
    """The context of a function whose time runs out after so many messages; it is asked twice for each."""

    def __init__(self, messages: int) -> None:
        self.left = [60_000] * messages * 2

    def get_remaining_time_in_millis(self) -> int:
        return self.left.pop() if self.left else 900


def test_what_there_is_no_time_for_is_given_back_untouched(lines):
    answer = consumer(read)({"Records": [a_record(n) for n in (1, 2, 3)]}, Hurried(2))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-3"}]}
    assert [line["message_id"] for line in lines.named("message done")] == ["message-1", "message-2"]


def test_work_that_must_not_be_cut_off_begins_only_where_its_time_is_left():
    answer = consumer(read, needed_ms=60_000)({"Records": [a_record(n) for n in (1, 2)]}, Hurried(2))
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["message-1", "message-2"]
    assert consumer(read, needed_ms=59_999)({"Records": [a_record(1)]}, Hurried(1)) == {}


def test_a_message_brings_the_attributes_that_its_sender_gave_it():
    seen = []
    record = a_record() | {"messageAttributes": {"schema": {"stringValue": "1", "dataType": "String"}}}

    @consumer
    def handler(message: Message) -> dict:
        seen.append(message.attributes)
        return {}

    handler({"Records": [record, a_record()]}, None)
    assert seen == [{"schema": "1"}, {}]


def test_a_message_says_when_its_function_is_cut_off():
    seen = []

    @consumer
    def handler(message: Message) -> dict:
        seen.append(message.ends_at - time.monotonic())
        return {}

    handler({"Records": [a_record()]}, Hurried(1))
    handler({"Records": [a_record()]}, None)
    assert 59 < seen[0] <= 60
    assert seen[1] == math.inf
