"""Starting workflows on moto's Step Functions: one post, one execution."""

import json

import pytest
from botocore.exceptions import ConnectTimeoutError

from darkroom.aws.workflows import StepFunctionsWorkflows
from darkroom.errors import StoreUnavailableError
from tests.builders import TENANT, a_post

ROLE = "arn:aws:iam::123456789012:role/publish-post"
DEFINITION = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})


@pytest.fixture(scope="module")
def client(cloud):
    return cloud.client("stepfunctions")


@pytest.fixture
def workflows(client):
    machine = client.create_state_machine(name="PublishPost", definition=DEFINITION, roleArn=ROLE)
    yield StepFunctionsWorkflows(client, machine["stateMachineArn"])
    client.delete_state_machine(stateMachineArn=machine["stateMachineArn"])


def executions(workflows):
    return workflows.client.list_executions(stateMachineArn=workflows.state_machine_arn)["executions"]


def test_names_the_execution_by_the_post_and_hands_it_ids_only(workflows):
    post = a_post(request_id="req_1")
    workflows.start(post)
    (execution,) = executions(workflows)
    described = workflows.client.describe_execution(executionArn=execution["executionArn"])
    assert execution["name"] == post.id
    assert json.loads(described["input"]) == {"tenant_id": TENANT, "post_id": post.id, "request_id": post.request_id}


def test_starting_twice_is_one_execution(workflows):
    post = a_post()
    workflows.start(post)
    workflows.start(post)
    assert len(executions(workflows)) == 1


def test_an_execution_that_has_ended_is_not_started_again(workflows, wire):
    post = a_post()
    workflows.start(post)
    wire.answers(workflows.client, "StartExecution", "ExecutionAlreadyExists")
    workflows.start(post)


def test_starting_again_after_a_lost_answer_is_one_execution(workflows, wire):
    post = a_post()
    wire.loses_the_answer(workflows.client, "StartExecution")
    with pytest.raises(StoreUnavailableError):
        workflows.start(post)
    wire.mended()
    workflows.start(post)
    assert len(executions(workflows)) == 1


@pytest.mark.parametrize("code", ["ThrottlingException", "ExecutionLimitExceeded", "KmsThrottlingException"])
def test_a_busy_step_functions_means_wait(workflows, wire, code):
    wire.answers(workflows.client, "StartExecution", code)
    with pytest.raises(StoreUnavailableError):
        workflows.start(a_post())


def test_a_step_functions_that_cannot_be_reached_means_wait(workflows, wire):
    wire.breaks(workflows.client, "StartExecution", ConnectTimeoutError(endpoint_url="https://states.test"))
    with pytest.raises(StoreUnavailableError):
        workflows.start(a_post())


def test_a_run_that_was_never_started_is_none_and_one_that_was_is_running_or_ended(workflows):
    post = a_post()
    assert workflows.state(post, 1) == "none"
    workflows.start(post)
    workflows.start(post, 2)
    assert {workflows.state(post, run) for run in (1, 2)} <= {"running", "ended"}
    assert workflows.state(post, 3) == "none"
    assert {each["name"] for each in executions(workflows)} == {post.id, f"{post.id}-2"}
