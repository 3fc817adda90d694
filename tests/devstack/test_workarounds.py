"""Each test shows a defect of the pinned MiniStack. One that fails says that its workaround can go."""

import json
import time
import zipfile
from io import BytesIO

import pytest

from devstack import ministack
from devstack.cloud import ANY_PORTS, STACK, LocalCloud
from devstack.deploy import physical_ids
from devstack.workarounds import stack
from devstack.workarounds.server import MOST_PROCESSES
from tests.devstack import clouds

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def bare(toy, tmp_path_factory):
    """The toy cloud without any workaround."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ministack, "LAUNCHER", "tests.devstack.bare_ministack")
        patch.setattr(stack, "secrets_by_arn", lambda template: template)
        patch.setattr(stack, "enable_table_ttl", lambda *_: None)
        with LocalCloud(toy, state_dir=tmp_path_factory.mktemp("bare"), ports=ANY_PORTS) as running:
            yield running


def test_ref_of_a_secret_is_its_name(bare):
    assert not bare.outputs["CredentialsArn"].startswith("arn:")


def test_tables_come_without_time_to_live(bare):
    ttl = bare.client("dynamodb").describe_time_to_live(TableName=bare.outputs["NotesTableName"])
    assert ttl["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"


def test_leading_keys_are_not_looked_at(bare):
    assert clouds.put_note(bare, "OTHER#1") == "ok"


def test_a_demand_for_an_encryption_context_is_never_met(bare):
    assert clouds.encrypt(bare, {"account_id": "1"}) == "AccessDeniedException"


def test_every_schedule_is_judged_as_one_of_the_default_group(bare):
    assert clouds.remind(bare, "create_schedule", bare.outputs["RemindersName"]) == "AccessDeniedException"


def test_every_invocation_waits_for_a_line_or_an_acknowledgement(bare):
    clouds.call(bare, "/hello/Ada")
    assert _fastest(lambda: clouds.call(bare, "/hello/Ada")) > 0.045


def test_a_burst_starts_a_process_for_nearly_every_call(bare):
    assert clouds.busy_processes(bare, "HelloFunction") > MOST_PROCESSES


def test_its_own_python_executor_loses_error_names(bare):
    client = bare.client("lambda")
    role = client.get_function_configuration(FunctionName=_id(bare, "FailsFunction"))["Role"]
    client.create_function(
        FunctionName="own-executor",
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": _zip("def handler(event, context):\n    raise KeyError('x')\n")},
    )
    answer = client.invoke(FunctionName="own-executor")
    assert json.load(answer["Payload"])["errorType"] == "Runtime.HandlerError"


def test_the_http_apis_body_is_not_imported(bare):
    assert bare.client("apigatewayv2").get_routes(ApiId=_id(bare, "Api"))["Items"] == []


def _id(cloud: LocalCloud, logical_id: str) -> str:
    return physical_ids(cloud.client("cloudformation"), STACK)[logical_id]


def _fastest(work, times=5) -> float:
    taken = []
    for _ in range(times):
        start = time.monotonic()
        work()
        taken.append(time.monotonic() - start)
    return min(taken)


def _zip(source: str) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


def test_a_batch_of_messages_wants_a_permission_that_iam_does_not_have():
    """Its own table, as it is without the launcher."""
    from ministack.core.iam_actions import extract_iam_action  # noqa: PLC0415 — beside its one use

    headers = {"x-amz-target": "AmazonSQS.SendMessageBatch"}
    assert extract_iam_action("sqs", "POST", "/", headers, b"{}", {}) == "sqs:SendMessageBatch"
