"""The queue of deliveries, on moto's SQS."""

import json

import pytest

from darkroom.aws.delivery_queue import SqsDeliveryQueue
from darkroom.errors import StoreUnavailableError
from darkroom.outgoing_deliveries import DeliveryTask


@pytest.fixture
def queue(cloud):
    client = cloud.client("sqs")
    return SqsDeliveryQueue(client, client.create_queue(QueueName="deliveries")["QueueUrl"])


def received(queue):
    found = []
    while batch := queue.client.receive_message(
        QueueUrl=queue.url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]
    ).get("Messages"):
        found += batch
    return found


def tasks(count):
    return [DeliveryTask("acme", f"wh_{number % 2}", f"dlv_{number}") for number in range(count)]


def test_every_task_is_a_message_in_the_group_of_its_endpoint(queue):
    queue.send(tasks(23))
    found = received(queue)
    assert sorted(json.loads(each["Body"])["delivery_id"] for each in found) == sorted(t.delivery_id for t in tasks(23))
    assert all(each["Attributes"]["MessageGroupId"] == json.loads(each["Body"])["endpoint_id"] for each in found)


def test_nothing_to_send_is_nothing_sent(queue, wire):
    sent = wire.counts(queue.client, "SendMessageBatch")
    queue.send([])
    assert sent == []


def test_a_message_that_was_not_taken_is_an_error(queue):
    def refuse(parsed, **_):
        parsed["Failed"] = [{"Id": "0", "Code": "InternalError", "SenderFault": False}]

    queue.client.meta.events.register("after-call.sqs.SendMessageBatch", refuse)
    try:
        with pytest.raises(StoreUnavailableError):
            queue.send(tasks(1))
    finally:
        queue.client.meta.events.unregister("after-call.sqs.SendMessageBatch", refuse)


@pytest.mark.parametrize("code", ["RequestThrottled", "ServiceUnavailable"])
def test_a_busy_queue_is_a_busy_store(queue, wire, code):
    wire.answers(queue.client, "SendMessageBatch", code)
    with pytest.raises(StoreUnavailableError):
        queue.send(tasks(1))
