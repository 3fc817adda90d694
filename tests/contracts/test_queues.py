"""A queue that takes ten at a time: the fake and SQS answer alike."""

import json

import pytest
from botocore.exceptions import EndpointConnectionError

from darkroom.aws.queues import SqsQueue
from darkroom.errors import StoreUnavailableError
from tests.fakes import FakeQueue


@pytest.fixture
def sqs(cloud):
    client = cloud.client("sqs")
    return SqsQueue(client, client.create_queue(QueueName="refreshes")["QueueUrl"])


@pytest.fixture(params=["fake", "sqs"])
def queue(request):
    return FakeQueue() if request.param == "fake" else request.getfixturevalue("sqs")


def bodies_in(queue):
    if isinstance(queue, FakeQueue):
        return sorted(queue.sent)
    found = []
    while messages := queue.client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
        for message in messages:
            queue.client.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
    return sorted(found)


@pytest.mark.parametrize("count", [1, 3, 10])
def test_takes_a_batch(queue, count):
    bodies = [f'{{"n": {n}}}' for n in range(count)]
    assert queue.send(bodies) == (True,) * count
    assert bodies_in(queue) == sorted(bodies)


def test_says_which_were_not_taken(sqs, cloud, wire):
    answer = {
        "Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "d41d8cd98f00b204e9800998ecf8427e"}],
        "Failed": [{"Id": "1", "SenderFault": False, "Code": "InternalError"}],
    }
    wire.answers(cloud.client("sqs"), "SendMessageBatch", "", status=200, body=json.dumps(answer))
    assert sqs.send(["", "b"]) == (True, False)


@pytest.mark.parametrize("code", ["RequestThrottled", "ThrottlingException", "KmsThrottled"])
def test_a_busy_queue_is_something_to_wait_for(sqs, cloud, wire, code):
    wire.answers(cloud.client("sqs"), "SendMessageBatch", code)
    with pytest.raises(StoreUnavailableError):
        sqs.send(["a"])


def test_a_queue_that_cannot_be_reached_is_something_to_wait_for(sqs, cloud, wire):
    wire.breaks(cloud.client("sqs"), "SendMessageBatch", EndpointConnectionError(endpoint_url="https://aws.test"))
    with pytest.raises(StoreUnavailableError):
        sqs.send(["a"])
