"""`darkroom redrive [QUEUE]`: what failed is tried again, from the dead-letter queues back to where it came from."""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from devstack.cloud import STACK
from devstack.processes import LocalCloudError
from devstack.terminal import ProgressLines

DESCRIPTION = """\
Moves the messages of dead-letter queues back to the queues that they came from, so that what failed is tried again.
Look at the alarm and at the logs first, and mend the cause: what fails again comes back after five more attempts.
Doing it twice is harmless, because every consumer bears a message that comes again.

Which AWS is meant is up to the environment, as for the AWS CLI: your profile and region for an account, or
`. .local/env` for a running `darkroom up`. The caller needs cloudformation:ListStackResources,
sqs:GetQueueAttributes, StartMessageMoveTask and ListMessageMoveTasks, and of the queues what these ask for."""

EPILOG = """\
Without QUEUE, all dead-letter queues of the stack that have a queue to go back to. QUEUE is one of them by its name in
template.yaml, such as WebhookDeadLetterQueue.

Exit codes: 0 moved, or nothing to move; 1 it failed (the message says why); 2 wrong usage."""

QUEUE = "AWS::SQS::Queue"
MINUTES = 15.0
POLL_SECONDS = 1.0
# How an SQS says that it has no such action; the local one has not.
_NO_SUCH_ACTION = {"InvalidAction", "UnknownOperationException", "UnsupportedOperation"}


@dataclass(frozen=True)
class DeadLetters:
    """A dead-letter queue and where its messages came from."""

    name: str
    url: str
    arn: str
    source: str
    source_url: str
    waiting: int


@dataclass(frozen=True)
class Moved:
    queue: str
    source: str
    moved: int
    one_by_one: bool


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "redrive",
        help="try again what ended in a dead-letter queue (on AWS, or of `darkroom up`)",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("queue", metavar="QUEUE", nargs="?", help="one dead-letter queue, by its name in template.yaml")
    parser.add_argument("--stack", default=STACK, help="CloudFormation stack (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print what was moved as JSON, and no progress")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    progress = ProgressLines(is_silent=options.json)
    try:
        session = boto3.Session()
        sqs = session.client("sqs")
        found = dead_letters(session.client("cloudformation"), sqs, options.stack)
        moved = [redriven(sqs, each, progress) for each in chosen(found, options.queue)]
    except (ClientError, BotoCoreError) as error:
        raise LocalCloudError(f"AWS refused: {error}") from error
    if options.json:
        print(json.dumps([asdict(each) for each in moved]))
    else:
        print("\n".join(_said(each) for each in moved))
    return 0


def dead_letters(cloudformation: Any, sqs: Any, stack: str) -> list[DeadLetters]:
    """Those that a queue of the stack sends its messages to."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    urls = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == QUEUE
    }
    wanted = ["QueueArn", "RedrivePolicy", "ApproximateNumberOfMessages"]
    known = {
        name: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"] for name, url in urls.items()
    }
    names = {attributes["QueueArn"]: name for name, attributes in known.items()}
    return [
        DeadLetters(
            name=(name := names[target]),
            url=urls[name],
            arn=target,
            source=source,
            source_url=urls[source],
            waiting=int(known[name]["ApproximateNumberOfMessages"]),
        )
        for source, attributes in known.items()
        if (target := json.loads(attributes.get("RedrivePolicy", "{}")).get("deadLetterTargetArn")) in names
    ]


def chosen(found: list[DeadLetters], name: str | None) -> list[DeadLetters]:
    if name is None:
        return found
    wanted = [each for each in found if each.name == name]
    if not wanted:
        there_are = ", ".join(sorted({each.name for each in found})) or "none"
        raise LocalCloudError(
            f"There is no dead-letter queue {name} with a queue to go back to. There are: {there_are}."
        )
    return wanted


def redriven(sqs: Any, queue: DeadLetters, progress: ProgressLines) -> Moved:
    if not queue.waiting:
        return Moved(queue.name, queue.source, 0, one_by_one=False)
    progress(f"{queue.name}: about {queue.waiting} to {queue.source}")
    try:
        handle = sqs.start_message_move_task(SourceArn=queue.arn)["TaskHandle"]
    except ClientError as error:
        if error.response["Error"]["Code"].rpartition(".")[2] not in _NO_SUCH_ACTION:
            raise
        progress(f"{queue.name}: this SQS has no StartMessageMoveTask, so one by one")
        return Moved(queue.name, queue.source, sum(1 for _ in _one_by_one(sqs, queue)), one_by_one=True)
    return Moved(queue.name, queue.source, _followed(sqs, queue, handle, progress), one_by_one=False)


def _followed(sqs: Any, queue: DeadLetters, handle: str, progress: ProgressLines) -> int:
    """How many were moved. Raises LocalCloudError when the task fails, or takes longer than anybody would wait."""
    deadline = time.monotonic() + 60 * MINUTES
    while time.monotonic() < deadline:
        tasks = sqs.list_message_move_tasks(SourceArn=queue.arn, MaxResults=10)["Results"]
        # Newest first; only a running one still has its handle.
        task = next((each for each in tasks if each.get("TaskHandle") == handle), tasks[0])
        count = int(task.get("ApproximateNumberOfMessagesMoved", 0))
        if task["Status"] == "COMPLETED":
            return count
        if task["Status"] != "RUNNING":
            raise LocalCloudError(f"{queue.name}: {task['Status']} after {count}. {task.get('FailureReason', '')}")
        progress(f"{queue.name}: {count} moved")
        time.sleep(POLL_SECONDS)
    raise LocalCloudError(f"{queue.name}: still moving after {MINUTES:.0f} minutes; AWS goes on without us.")


def _one_by_one(sqs: Any, queue: DeadLetters) -> Iterator[str]:
    """Sent before it is deleted: what is cut off between is there twice, which is harmless, and never lost."""
    for _ in range(queue.waiting):  # no more: what fails at once would go round and round
        answer = sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=1, MessageAttributeNames=["All"])
        for message in answer.get("Messages", []):
            attributes = message.get("MessageAttributes", {})
            sqs.send_message(QueueUrl=queue.source_url, MessageBody=message["Body"], MessageAttributes=attributes)
            sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
            yield message["MessageId"]
        if not answer.get("Messages"):
            return


def _said(moved: Moved) -> str:
    if not moved.moved:
        return f"{moved.queue}: nothing to move"
    return f"{moved.queue}: {moved.moved} back to {moved.source}"
