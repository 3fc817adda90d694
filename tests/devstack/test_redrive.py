"""`darkroom redrive` against SQS as AWS answers, word for word, and against the local one, which cannot move."""

import argparse
import io
import json
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from devstack import translated
from devstack.commands import redrive
from devstack.dead_letters import DeadLetters, dead_letters, payload_of, sent_by_rule
from devstack.processes import LocalCloudError
from devstack.template import load, of_type
from devstack.terminal import ProgressLines
from tests.queues import MemoryQueues

ROOT = Path(__file__).parent.parent.parent
ARN = "arn:aws:sqs:eu-central-1:123456789012:"
QUIET = ProgressLines(is_silent=True)
IDS = {"WebhookDeadLetterQueue": "dead", "WebhookQueue": "queue", "StartPostFunction": "start-post"}
BACK = DeadLetters("WebhookDeadLetterQueue", queue="WebhookQueue")
CALLS = DeadLetters("WebhookDeadLetterQueue", function="StartPostFunction")
RUNS = DeadLetters("WebhookDeadLetterQueue", function="StartPostFunction", is_recurring=True)
STREAM = DeadLetters("WebhookDeadLetterQueue", stream="PostsTable")
TRANSFORMER = {
    "InputPathsMap": {"tenant_id": "$.detail.tenant_id", "event_id": "$.detail.event_id"},
    "InputTemplate": '{"tenant_id": <tenant_id>, "event_id": <event_id>}',
}
FROM_RULE = DeadLetters("WebhookDeadLetterQueue", queue="WebhookQueue", has_rule=True, transformer=TRANSFORMER)


def letters(kind=BACK, waiting=3):
    return redrive.Letters(kind, IDS, ARN + "dead", waiting)


class LocalSqs(MemoryQueues):
    """As MiniStack's: without the move task."""

    def __init__(self, *bodies, **attributes):
        super().__init__()
        self.create("dead")
        self.create("queue")
        self.given_back = []
        for body in bodies:
            self.send_message(QueueUrl="dead", MessageBody=body, MessageAttributes=attributes)

    def start_message_move_task(self, **_):
        error = {"Error": {"Code": "InvalidAction", "Message": "not valid for this endpoint"}}
        raise ClientError(error, "StartMessageMoveTask")

    def change_message_visibility(self, *, QueueUrl, ReceiptHandle, VisibilityTimeout):  # noqa: N803 — boto3's names
        self.given_back.append(ReceiptHandle)
        self.queues[QueueUrl].visible.append(self.queues[QueueUrl].in_flight.pop(ReceiptHandle))

    def sent(self):
        return [(each.body, each.attributes) for each in self.queues["queue"].visible]

    @property
    def is_empty(self):
        return not self.queues["dead"].visible and not self.queues["dead"].in_flight


class Functions:
    """`fails`: payloads at which the function raises."""

    def __init__(self, *fails):
        self.fails, self.payloads = fails, []

    def invoke(self, FunctionName, Payload):  # noqa: N803 — as above
        assert FunctionName == "start-post"
        self.payloads.append(json.loads(Payload))
        failed = self.payloads[-1] in self.fails
        answer = {"errorType": "StoreUnavailableError"} if failed else {}
        error = {"FunctionError": "Unhandled"} if failed else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **error}


def redriven(sqs, kind, waiting=3, functions=None):
    return redrive.redriven(redrive.Clients(sqs, functions), letters(kind, waiting), QUIET)


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


# ── a queue ─────────────────────────────────────────────────────────────────────────────────────────────────────────


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
    assert redriven(client, BACK) == redrive.Redriven("WebhookDeadLetterQueue", "WebhookQueue", 3, 0, "moved")


def test_a_move_that_fails_says_why(aws, client):
    moving(aws, {"Status": "FAILED", "FailureReason": "AccessDenied"})
    with pytest.raises(LocalCloudError, match="AccessDenied"):
        redriven(client, BACK)


def test_a_refusal_is_not_taken_for_a_missing_action(aws, client):
    aws.add_client_error("start_message_move_task", "AccessDenied")
    with pytest.raises(client.exceptions.ClientError):
        redriven(client, BACK)


def test_where_sqs_cannot_move_each_goes_back_with_its_attributes():
    attributes = {"schema": {"DataType": "String", "StringValue": "1"}}
    sqs = LocalSqs("one", "two", **attributes)
    done = redriven(sqs, BACK, waiting=2)
    assert (done.redriven, done.how) == (2, "one by one")
    assert sqs.sent() == [("one", attributes), ("two", attributes)]
    assert sqs.is_empty


def test_an_empty_queue_is_left_alone(client):
    assert redriven(client, BACK, waiting=0).redriven == 0


# ── a rule ──────────────────────────────────────────────────────────────────────────────────────────────────────────


EVENT = {"detail-type": "PostPublished", "source": "darkroom", "detail": {"tenant_id": 'ac"me', "event_id": "evt_1"}}


def test_an_event_that_the_bus_could_not_hand_over_becomes_what_the_rule_would_have_sent():
    """SQS's own task would stop at it, so none is started: `LocalSqs` would tell."""
    sqs = LocalSqs(json.dumps(EVENT), RULE_ARN={"DataType": "String", "StringValue": "arn:aws:events:…"})
    sqs.start_message_move_task = None
    assert redriven(sqs, FROM_RULE, waiting=1).redriven == 1
    ((body, attributes),) = sqs.sent()
    assert (json.loads(body), attributes) == (EVENT["detail"], {})


def test_a_message_of_the_queue_beside_it_goes_back_as_it_is():
    sqs = LocalSqs('{"tenant_id": "acme", "event_id": "evt_1"}')
    redriven(sqs, FROM_RULE, waiting=1)
    assert sqs.sent() == [('{"tenant_id": "acme", "event_id": "evt_1"}', {})]


@pytest.mark.parametrize("body", ["no JSON", json.dumps(EVENT | {"detail": {}}), json.dumps(EVENT | {"detail": None})])
def test_an_event_that_is_none_is_left_and_named(body):
    sqs = LocalSqs(body, RULE_ARN={"DataType": "String", "StringValue": "arn:aws:events:…"})
    done = redriven(sqs, FROM_RULE, waiting=1)
    assert (done.redriven, done.left) == (0, 1)
    assert "rule" in done.why
    assert sqs.given_back
    assert not sqs.sent()


def test_a_body_that_has_been_through_the_transformer_is_not_put_through_it_again():
    assert sent_by_rule('{"tenant_id": "acme"}', TRANSFORMER) == '{"tenant_id": "acme"}'
    assert sent_by_rule(json.dumps(EVENT), None) == json.dumps(EVENT)


# ── a function ──────────────────────────────────────────────────────────────────────────────────────────────────────


PAYLOAD = {"tenant_id": "acme", "post_id": "post_1"}
FAILED_CALL = {"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": PAYLOAD}
REQUEST = {"FunctionName": "arn:aws:lambda:…", "InvocationType": "Event", "Payload": json.dumps(PAYLOAD)}


@pytest.mark.parametrize("letter", [FAILED_CALL, REQUEST, PAYLOAD], ids=["Lambda", "Scheduler", "plain"])
def test_a_function_is_run_again_with_the_payload_of_each_call(letter):
    sqs, functions = LocalSqs(json.dumps(letter)), Functions()
    done = redriven(sqs, CALLS, waiting=1, functions=functions)
    assert (done.redriven, done.left, done.how, done.to) == (1, 0, "run", "StartPostFunction")
    assert functions.payloads == [PAYLOAD]
    assert sqs.is_empty


def test_a_payload_at_which_the_function_fails_again_stays_and_the_others_go_on():
    bad = PAYLOAD | {"post_id": "post_2"}
    sqs = LocalSqs(*map(json.dumps, (bad, PAYLOAD)))
    done = redriven(sqs, CALLS, waiting=2, functions=Functions(bad))
    assert (done.redriven, done.left, done.why) == (1, 1, "the function failed: StoreUnavailableError")
    (left,) = sqs.queues["dead"].visible
    assert (json.loads(left.body), sqs.given_back) == (bad, [left.id])


@pytest.mark.parametrize("body", ["no JSON", "[]", '"text"'])
def test_what_is_no_payload_is_never_run(body):
    sqs, functions = LocalSqs(body), Functions()
    assert redriven(sqs, CALLS, waiting=1, functions=functions).left == 1
    assert not functions.payloads


def test_a_payload_that_was_cut_off_is_never_run():
    with pytest.raises(ValueError, match="cut off"):
        payload_of("{}", {"IS_PAYLOAD_TRUNCATED": {"StringValue": "true"}})


def test_one_run_stands_for_all_the_runs_of_a_schedule_that_failed():
    sqs, functions = LocalSqs("{}", "no JSON", json.dumps(FAILED_CALL)), Functions()
    done = redriven(sqs, RUNS, functions=functions)
    assert (done.redriven, done.left, done.how) == (3, 0, "run once")
    assert functions.payloads == [{}]
    assert sqs.is_empty


def test_a_run_that_fails_again_stands_for_none():
    sqs = LocalSqs("{}", "{}")
    done = redriven(sqs, RUNS, functions=Functions({}))
    assert (done.redriven, done.left) == (0, 2)
    assert len(sqs.given_back) == 2


def test_without_a_message_there_is_no_run():
    functions = Functions()
    assert redriven(LocalSqs(), RUNS, functions=functions).redriven == 0  # the number SQS tells is about right
    assert not functions.payloads


# ── a stream ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_a_stream_it_says_from_when_the_changes_are_and_leaves_them():
    batches = [
        {"approximateArrivalOfFirstRecord": f"2026-11-2{day}T10:00:00Z", "approximateArrivalOfLastRecord": "2026-11-23"}
        for day in (1, 2)
    ]
    sqs = LocalSqs(*(json.dumps({"DDBStreamBatchInfo": batch}) for batch in batches))
    done = redriven(sqs, STREAM, waiting=2)
    assert (done.redriven, done.left) == (0, 2)
    assert "PostsTable, not its changes from 2026-11-21T10:00:00Z to 2026-11-23;" in done.why
    assert len(sqs.given_back) == 2


# ── which there are ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """As AWS has it."""
    output = tmp_path_factory.mktemp("translated") / "template.json"
    translated.main(ROOT / "template.yaml", output)
    return load(output)


def test_every_dead_letter_queue_of_the_template_is_found_with_who_fills_it(template):
    found = {each.name: each for each in dead_letters(template)}
    assert found.keys() == {name for name in of_type(template, "AWS::SQS::Queue") if "DeadLetter" in name}
    assert found["WebhookDeadLetterQueue"].queue == "WebhookQueue"
    assert found["AnnouncePostsDeadLetterQueue"].stream == "PostsTable"
    start, watch = found["StartPostDeadLetterQueue"], found["WatchPostsDeadLetterQueue"]
    assert (start.function, start.is_recurring) == ("StartPostFunction", False)
    assert (watch.function, watch.is_recurring) == ("WatchPostsFunction", True)
    mixed = found["OutgoingEventsDeadLetterQueue"]
    assert (mixed.queue, mixed.has_rule) == ("OutgoingEventsQueue", True)
    assert json.loads(sent_by_rule(json.dumps(EVENT), mixed.transformer)) == EVENT["detail"]


def test_each_is_redriven_in_some_way_but_the_streams(template):
    without = {each.name for each in dead_letters(template) if each.queue is None and each.function is None}
    assert without == {"AnnouncePostsDeadLetterQueue"}


class CloudFormation:
    def __init__(self, body):
        self.body = body

    def get_template(self, *, StackName, TemplateStage):  # noqa: N803 — as above
        assert TemplateStage == "Processed"
        return {"TemplateBody": self.body}

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        return [{"StackResourceSummaries": [{"LogicalResourceId": "D", "PhysicalResourceId": "d"}]}]


QUEUES = {
    "Resources": {
        "D": {"Type": "AWS::SQS::Queue"},
        "Q": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["D", "Arn"]}}},
        },
        "Other": {"Type": "AWS::SQS::Queue"},
    }
}


@pytest.mark.parametrize("body", [QUEUES, json.dumps(QUEUES)], ids=["JSON", "text"])
def test_the_deployed_template_tells(body):
    class Sqs:
        def get_queue_attributes(self, QueueUrl, AttributeNames):  # noqa: N803 — as above
            return {"Attributes": {"QueueArn": ARN + QueueUrl, "ApproximateNumberOfMessages": "4"}}

    (found,) = redrive.letters(CloudFormation(body), Sqs(), "darkroom")
    assert (found.kind.name, found.kind.queue, found.url, found.waiting) == ("D", "Q", "d", 4)


def test_a_queue_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(LocalCloudError, match="WebhookDeadLetterQueue"):
        redrive.chosen([letters()], "WebhookQueue")
    assert redrive.chosen([letters()], None) == [letters()]


# ── what it says ────────────────────────────────────────────────────────────────────────────────────────────────────


def ran(monkeypatch, capsys, *found, dry_run=False, as_json=True, sqs=None, functions=None):
    class Session:
        def client(self, service, **_):
            return {"sqs": sqs, "lambda": functions}.get(service)

    monkeypatch.setattr(redrive.boto3, "Session", Session)
    monkeypatch.setattr(redrive, "letters", lambda *_: list(found))
    options = argparse.Namespace(queue=None, stack="darkroom", dry_run=dry_run, json=as_json)
    code = redrive.run(options)
    out = capsys.readouterr().out
    return code, json.loads(out) if as_json else out


def test_a_dry_run_says_what_it_would_do_and_touches_nothing(monkeypatch, capsys):
    code, out = ran(monkeypatch, capsys, letters(), letters(RUNS), letters(STREAM), dry_run=True, as_json=False)
    assert code == 0
    assert out.splitlines() == [
        "WebhookDeadLetterQueue: about 3 to WebhookQueue",
        "WebhookDeadLetterQueue: about 3 by one run of StartPostFunction",
        "WebhookDeadLetterQueue: about 3 that cannot be redriven",
    ]


def test_what_is_left_makes_the_exit_code_one_and_does_not_keep_the_others_waiting(monkeypatch, capsys):
    class Refusing(LocalSqs):
        def receive_message(self, **asked):
            if asked["QueueUrl"] == "gone":
                raise ClientError({"Error": {"Code": "QueueDoesNotExist", "Message": "gone"}}, "ReceiveMessage")
            return super().receive_message(**asked)

    gone = redrive.Letters(BACK, IDS | {"WebhookDeadLetterQueue": "gone"}, ARN + "gone", 1)
    code, (first, second) = ran(monkeypatch, capsys, gone, letters(waiting=1), sqs=Refusing("one"))
    assert code == 1
    assert (first["redriven"], first["left"]) == (0, 1)
    assert "gone" in first["why"]
    assert (second["redriven"], second["left"]) == (1, 0)


def test_when_nothing_is_left_the_exit_code_is_zero(monkeypatch, capsys):
    code, out = ran(monkeypatch, capsys, letters(waiting=1), letters(waiting=0), sqs=LocalSqs("one"), as_json=False)
    assert code == 0
    assert out.splitlines() == [
        "WebhookDeadLetterQueue: 1 back to WebhookQueue",
        "WebhookDeadLetterQueue: nothing to redrive",
    ]
