"""`darkroom redrive [QUEUE]`: what failed is tried again, whoever it was that filled the dead-letter queue."""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from devstack.cloud import STACK
from devstack.dead_letters import DeadLetters, dead_letters, payload_of, positions_of, sent_by_rule
from devstack.gateway import FunctionError, UnavailableError
from devstack.invoking import lambda_invoke
from devstack.processes import LocalCloudError
from devstack.template import Template, parse_yaml
from devstack.terminal import ProgressLines

DESCRIPTION = """\
Tries again what ended in the dead-letter queues of the stack. What that means depends on who filled the queue:

  a queue      the messages go back to it
  a rule       the events go, as the rule would have sent them, to the queue that it feeds
  a call       the function is run again with the payload of each call
  a schedule   the function is run once, in place of all the runs that failed
  a stream     nothing: the messages hold positions, not changes. It says from when, and docs/operations.md what to do

Look at the alarm and at the logs first, and mend the cause: what fails again comes back. Doing it twice is harmless,
because every consumer bears what comes again; a message is deleted only after that worked.

Which AWS is meant is up to the environment, as for the AWS CLI: your profile and region for an account, or
`. .local/env` for a running `darkroom up`. The caller needs cloudformation:GetTemplate and ListStackResources;
sqs:GetQueueAttributes, StartMessageMoveTask, ListMessageMoveTasks, ReceiveMessage, DeleteMessage,
ChangeMessageVisibility and SendMessage, and of the queues what these ask for; lambda:InvokeFunction."""

EPILOG = """\
Without QUEUE, all dead-letter queues of the stack. QUEUE is one of them by its name in template.yaml, such as
WebhookDeadLetterQueue.

Exit codes: 0 all of it was tried again, or there is nothing; 1 something is left (a line says what and why), or AWS
refused; 2 wrong usage."""

MINUTES = 15.0
POLL_SECONDS = 1.0
_WORKING_SECONDS = 900  # while we work on a message nobody else sees it; no function runs longer
# How an SQS says that it has no such action; the local one has not.
_NO_SUCH_ACTION = {"InvalidAction", "UnknownOperationException", "UnsupportedOperation"}


@dataclass(frozen=True)
class Clients:
    sqs: Any
    lambda_: Any


@dataclass(frozen=True)
class Letters:
    """Dead letters as they lie in the stack: how many there are is about right. `ids` are physical, by logical id."""

    kind: DeadLetters
    ids: dict[str, str]
    arn: str
    waiting: int

    @property
    def url(self) -> str:
        return self.ids[self.kind.name]

    @property
    def to(self) -> str | None:
        return self.kind.queue or self.kind.function


@dataclass(frozen=True)
class Redriven:
    """`how`: moved (by SQS), one by one, run, run once, nothing, or would. `left` of them are still in the queue."""

    queue: str
    to: str | None
    redriven: int = 0
    left: int = 0
    how: str = "nothing"
    why: str = ""


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
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and touch nothing")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON, and no progress")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    progress = ProgressLines(is_silent=options.json)
    try:
        session = boto3.Session()
        once = Config(read_timeout=_WORKING_SECONDS, retries={"max_attempts": 0})
        clients = Clients(session.client("sqs"), session.client("lambda", config=once))
        found = letters(session.client("cloudformation"), clients.sqs, options.stack)
        wanted = chosen(found, options.queue)
    except (ClientError, BotoCoreError) as error:
        raise LocalCloudError(f"AWS refused: {error}") from error
    done = [_planned(each) if options.dry_run else _tried(clients, each, progress) for each in wanted]
    print(json.dumps([asdict(each) for each in done]) if options.json else "\n".join(map(_said, done)))
    return 1 if any(each.left for each in done) and not options.dry_run else 0


def letters(cloudformation: Any, sqs: Any, stack: str) -> list[Letters]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    ids = {
        each["LogicalResourceId"]: each.get("PhysicalResourceId", "")
        for page in pages
        for each in page["StackResourceSummaries"]
    }
    found = []
    for kind in dead_letters(_template(cloudformation, stack)):
        wanted = ["QueueArn", "ApproximateNumberOfMessages"]
        told = sqs.get_queue_attributes(QueueUrl=ids[kind.name], AttributeNames=wanted)["Attributes"]
        found.append(Letters(kind, ids, told["QueueArn"], int(told["ApproximateNumberOfMessages"])))
    return found


def _template(cloudformation: Any, stack: str) -> Template:
    """As it is deployed, SAM translated. boto3 has read it already if it is JSON."""
    body = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    template: Template = parse_yaml(body) if isinstance(body, str) else body
    return template


def chosen(found: list[Letters], name: str | None) -> list[Letters]:
    if name is None:
        return found
    wanted = [each for each in found if each.kind.name == name]
    if not wanted:
        there_are = ", ".join(each.kind.name for each in found) or "none"
        raise LocalCloudError(f"There is no dead-letter queue {name} in the stack. There are: {there_are}.")
    return wanted


def _tried(clients: Clients, each: Letters, progress: ProgressLines) -> Redriven:
    """One queue that cannot be redriven does not keep the others waiting."""
    try:
        return redriven(clients, each, progress)
    except (ClientError, BotoCoreError, LocalCloudError) as error:
        return Redriven(each.kind.name, each.to, left=each.waiting, why=str(error))


def redriven(clients: Clients, each: Letters, progress: ProgressLines) -> Redriven:
    if not each.waiting:
        return Redriven(each.kind.name, each.to)
    progress(f"{each.kind.name}: about {each.waiting} {_deed(each.kind)}")
    if each.kind.queue:
        return _moved_back(clients.sqs, each, progress)
    if each.kind.function:
        return _run_once(clients, each) if each.kind.is_recurring else _run_each(clients, each, progress)
    return _positions(clients.sqs, each)


# ── back to a queue ─────────────────────────────────────────────────────────────────────────────────────────────────


def _moved_back(sqs: Any, each: Letters, progress: ProgressLines) -> Redriven:
    """SQS's own task would stop at a rule's event: it does not know where that came from."""
    if each.kind.has_rule:
        return _one_by_one(sqs, each)
    try:
        handle = sqs.start_message_move_task(SourceArn=each.arn)["TaskHandle"]
    except ClientError as error:
        if error.response["Error"]["Code"].rpartition(".")[2] not in _NO_SUCH_ACTION:
            raise
        progress(f"{each.kind.name}: this SQS has no StartMessageMoveTask, so one by one")
        return _one_by_one(sqs, each)
    return Redriven(each.kind.name, each.to, _followed(sqs, each, handle, progress), how="moved")


def _followed(sqs: Any, each: Letters, handle: str, progress: ProgressLines) -> int:
    """How many were moved. Raises LocalCloudError when the task fails, or takes longer than anybody would wait."""
    deadline = time.monotonic() + 60 * MINUTES
    while time.monotonic() < deadline:
        tasks = sqs.list_message_move_tasks(SourceArn=each.arn, MaxResults=10)["Results"]
        # Newest first; only a running one still has its handle.
        task = next((found for found in tasks if found.get("TaskHandle") == handle), tasks[0])
        count = int(task.get("ApproximateNumberOfMessagesMoved", 0))
        if task["Status"] == "COMPLETED":
            return count
        if task["Status"] != "RUNNING":
            raise LocalCloudError(f"{task['Status']} after {count}. {task.get('FailureReason', '')}")
        progress(f"{each.kind.name}: {count} moved")
        time.sleep(POLL_SECONDS)
    raise LocalCloudError(f"still moving after {MINUTES:.0f} minutes; AWS goes on without us.")


def _one_by_one(sqs: Any, each: Letters) -> Redriven:
    """Sent before it is deleted: what is cut off between is there twice, which is harmless, and never lost."""
    assert each.kind.queue is not None
    moved, left = 0, []
    for message in _received(sqs, each):
        attributes = message.get("MessageAttributes", {})
        try:
            # A rule's event has EventBridge's attributes, which are about the failure and nobody's business here.
            is_event = "RULE_ARN" in attributes
            body = sent_by_rule(message["Body"], each.kind.transformer) if is_event else message["Body"]
        except (ValueError, LookupError, TypeError):
            left.append(message)
            continue
        kept = {} if is_event else attributes
        sqs.send_message(QueueUrl=each.ids[each.kind.queue], MessageBody=body, MessageAttributes=kept)
        sqs.delete_message(QueueUrl=each.url, ReceiptHandle=message["ReceiptHandle"])
        moved += 1
    _give_back(sqs, each, left)
    return _outcome(each, moved, ["an event is not what the rule expects"] * len(left), "one by one")


# ── run again ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _run_each(clients: Clients, each: Letters, progress: ProgressLines) -> Redriven:
    done, left, failures = 0, [], []
    for message in _received(clients.sqs, each):
        try:
            _run(clients, each, payload_of(message["Body"], message.get("MessageAttributes", {})))
        except (FunctionError, UnavailableError, ValueError) as error:
            left.append(message)
            failures.append(_reason(error))
            continue
        clients.sqs.delete_message(QueueUrl=each.url, ReceiptHandle=message["ReceiptHandle"])
        done += 1
        progress(f"{each.kind.name}: {done} run again")
    _give_back(clients.sqs, each, left)
    return _outcome(each, done, failures, "run")


def _run_once(clients: Clients, each: Letters) -> Redriven:
    """Taken first and run then: a run that began before a message came does not stand for it."""
    taken = list(_received(clients.sqs, each))
    if not taken:
        return _outcome(each, 0, [], "run once")
    try:
        _run(clients, each, b"{}")
    except (FunctionError, UnavailableError) as error:
        _give_back(clients.sqs, each, taken)
        return _outcome(each, 0, [_reason(error)] * len(taken), "run once")
    for message in taken:
        clients.sqs.delete_message(QueueUrl=each.url, ReceiptHandle=message["ReceiptHandle"])
    return _outcome(each, len(taken), [], "run once")


def _run(clients: Clients, each: Letters, payload: bytes) -> None:
    assert each.kind.function is not None
    lambda_invoke(clients.lambda_, each.ids[each.kind.function], payload)


def _reason(error: Exception) -> str:
    return f"the function failed: {error}" if isinstance(error, FunctionError) else str(error)


# ── a stream ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _positions(sqs: Any, each: Letters) -> Redriven:
    """Looked at and left where they are."""
    taken = list(_received(sqs, each))
    _give_back(sqs, each, taken)
    times = [when for message in taken for when in positions_of(message["Body"]) if when]
    span = f" from {min(times)} to {max(times)}" if times else ""
    why = f"they hold positions in the stream of {each.kind.stream}, not its changes{span}"
    return Redriven(each.kind.name, None, left=each.waiting, why=f"{why}; docs/operations.md, Dead letters")


# ── both ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _received(sqs: Any, each: Letters) -> Iterator[dict[str, Any]]:
    """Each once, and not those that come meanwhile: what fails at once would go round and round."""
    for _ in range(each.waiting):
        answer = sqs.receive_message(
            QueueUrl=each.url,
            MaxNumberOfMessages=1,
            MessageAttributeNames=["All"],
            VisibilityTimeout=_WORKING_SECONDS,
            WaitTimeSeconds=1,  # asks every server of the queue
        )
        if not answer.get("Messages"):
            return
        yield answer["Messages"][0]


def _give_back(sqs: Any, each: Letters, messages: list[dict[str, Any]]) -> None:
    """At the end, or the same run would receive them once more."""
    for message in messages:
        sqs.change_message_visibility(QueueUrl=each.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


def _outcome(each: Letters, done: int, failures: list[str], how: str) -> Redriven:
    why = ", ".join(sorted(set(failures)))
    return Redriven(each.kind.name, each.to, done, len(failures), how, why)


def _planned(each: Letters) -> Redriven:
    return Redriven(each.kind.name, each.to, left=each.waiting, how="would", why=_deed(each.kind))


def _deed(kind: DeadLetters) -> str:
    if kind.queue:
        return f"to {kind.queue}"
    if kind.function and kind.is_recurring:
        return f"by one run of {kind.function}"
    if kind.function:
        return f"by a run of {kind.function} for each"
    return "that cannot be redriven"


def _said(done: Redriven) -> str:
    if done.how == "would":
        return f"{done.queue}: about {done.left} {done.why}"
    told = [f"{done.redriven} {_TOLD[done.how].format(to=done.to)}"] if done.redriven else []
    if done.left:
        told.append(f"{done.left} left: {done.why}")
    return f"{done.queue}: {'; '.join(told) or 'nothing to redrive'}"


_TOLD = {
    "moved": "back to {to}",
    "one by one": "back to {to}",
    "run": "run again by {to}",
    "run once": "made good by one run of {to}",
}
