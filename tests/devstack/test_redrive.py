"""`darkroom redrive` against SQS as AWS answers, word for word, and against the local one, which cannot move."""

import json

import boto3
import pytest
from botocore.stub import Stubber

from devstack.commands import redrive
from devstack.processes import LocalCloudError
from devstack.terminal import ProgressLines
from tests.queues import MemoryQueues

ARN = "arn:aws:sqs:eu-central-1:123456789012:"
QUIET = ProgressLines(is_silent=True)


def dead_letters(waiting=3, name="WebhookDeadLetterQueue"):
    return redrive.DeadLetters(name, "dead", ARN + "dead", "WebhookQueue", "queue", waiting)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(redrive, "POLL_SECONDS", 0)


@pytest.fixture
def client():
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    made = boto3.client("sqs", region_name="eu-central-1", **keys)
    yield made
    made.close()


@pytest.fixture
def aws(client):
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def moving(stubber, *results):
    stubber.add_response("start_message_move_task", {"TaskHandle": "task"}, {"SourceArn": ARN + "dead"})
    for result in results:
        stubber.add_response(
            "list_message_move_tasks", {"Results": [result]}, {"SourceArn": ARN + "dead", "MaxResults": 10}
        )


def test_aws_moves_them_and_is_followed_to_the_end(aws, client):
    moving(
        aws,
        {"Status": "RUNNING", "TaskHandle": "task", "ApproximateNumberOfMessagesMoved": 1},
        {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 3},
    )
    assert redrive.redriven(client, dead_letters(), QUIET).moved == 3


def test_a_move_that_fails_says_why(aws, client):
    moving(aws, {"Status": "FAILED", "FailureReason": "AccessDenied"})
    with pytest.raises(LocalCloudError, match="AccessDenied"):
        redrive.redriven(client, dead_letters(), QUIET)


def test_a_refusal_is_not_taken_for_a_missing_action(aws, client):
    aws.add_client_error("start_message_move_task", "AccessDenied")
    with pytest.raises(client.exceptions.ClientError):
        redrive.redriven(client, dead_letters(), QUIET)


def test_where_sqs_cannot_move_each_goes_back_with_its_attributes(client):
    queues = MemoryQueues()
    queues.create("dead")
    queues.create("queue")
    attributes = {"schema": {"DataType": "String", "StringValue": "1"}}
    for body in ("one", "two"):
        queues.send_message(QueueUrl="dead", MessageBody=body, MessageAttributes=attributes)

    class LocalSqs(MemoryQueues):
        def start_message_move_task(self, **_):
            error = {"Error": {"Code": "InvalidAction", "Message": "not valid for this endpoint"}}
            raise client.exceptions.ClientError(error, "StartMessageMoveTask")

    local = LocalSqs()
    local.queues = queues.queues
    moved = redrive.redriven(local, dead_letters(2), QUIET)
    assert (moved.moved, moved.one_by_one) == (2, True)
    assert [(each.body, each.attributes) for each in queues.queues["queue"].visible] == [
        ("one", attributes),
        ("two", attributes),
    ]
    assert not queues.queues["dead"].visible
    assert not queues.queues["dead"].in_flight


def test_an_empty_queue_is_left_alone(client):
    assert redrive.redriven(client, dead_letters(0), QUIET).moved == 0


def test_a_queue_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(LocalCloudError, match="WebhookDeadLetterQueue"):
        redrive.chosen([dead_letters()], "StartPostDeadLetterQueue")
    assert redrive.chosen([dead_letters()], None) == [dead_letters()]


def test_only_queues_that_something_goes_back_to_are_dead_letter_queues(client):
    class Pages:
        def get_paginator(self, _):
            return self

        def paginate(self, **_):
            names = ("WebhookQueue", "WebhookDeadLetterQueue", "StartPostDeadLetterQueue")
            found = [
                {"LogicalResourceId": name, "PhysicalResourceId": name, "ResourceType": "AWS::SQS::Queue"}
                for name in names
            ]
            return [{"StackResourceSummaries": found}]

    class Sqs:
        def get_queue_attributes(self, QueueUrl, AttributeNames):  # noqa: N803 — boto3's names
            policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": ARN + "WebhookDeadLetterQueue"})}
            told = {"QueueArn": ARN + QueueUrl, "ApproximateNumberOfMessages": "4"}
            return {"Attributes": told | (policy if QueueUrl == "WebhookQueue" else {})}

    (found,) = redrive.dead_letters(Pages(), Sqs(), "darkroom")
    assert (found.name, found.source, found.waiting) == ("WebhookDeadLetterQueue", "WebhookQueue", 4)
