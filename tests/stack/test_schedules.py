"""A post's schedule, with its real group, roles and function: it fires once, in time, and is gone."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from darkroom.aws.posts import DynamoDBPosts
from darkroom.aws.schedules import EventBridgeSchedules
from darkroom.posts import PostState
from tests.builders import a_post, content, image_item
from tests.stack import aws

SECONDS = 60.0  # what is promised between a post's time and its start
GROUP, FUNCTION, ROLE, DEAD_LETTERS = (
    "PUBLISH_SCHEDULE_GROUP",
    "START_POST_FUNCTION_ARN",
    "SCHEDULER_ROLE_ARN",
    "START_POST_DEAD_LETTER_ARN",
)


def now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def environment(cloud):
    """Of the function that makes schedules."""
    found = cloud.client("cloudformation").describe_stack_resource(
        StackName=cloud.describe()["stack"], LogicalResourceId="PostsApiFunction"
    )
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    variables: dict[str, str] = cloud.client("lambda").get_function_configuration(FunctionName=name)["Environment"][
        "Variables"
    ]
    return variables


@pytest.fixture(scope="module")
def schedules(cloud, environment):
    """With the rights of the function that makes them, and no others."""
    client = aws.as_role_of(cloud, "ChangePostFunction").client("scheduler", endpoint_url=cloud.aws_url)
    parts = (environment[name] for name in (GROUP, FUNCTION, ROLE, DEAD_LETTERS))
    yield EventBridgeSchedules(client, *parts, now)
    client.close()


@pytest.fixture
def posts(cloud):
    return DynamoDBPosts(cloud.client("dynamodb"), cloud.outputs["PostsTableName"])


@pytest.fixture
def scheduled(tenant, posts):
    """Makes a stored post that is due in so many seconds."""
    url = tenant.body("image")["media"][0]["url"]

    def make(seconds):
        moment = now()
        return posts.add(
            a_post(
                tenant_id=tenant.id,
                account_id=tenant.account.id,
                content=content(media=(image_item(url=url),)),
                state=PostState.SCHEDULED,
                state_since=moment,
                accepted_at=moment,
                publish_at=moment.replace(microsecond=0) + timedelta(seconds=seconds),
                queued_at=None,
            )
        )

    return make


def names(cloud, environment):
    pages = cloud.client("scheduler").get_paginator("list_schedules").paginate(GroupName=environment[GROUP])
    return {each["Name"] for page in pages for each in page["Schedules"] if each["GroupName"] == environment[GROUP]}


def test_a_schedule_starts_its_post_in_time_and_is_gone(cloud, environment, schedules, posts, scheduled):
    moved, cancelled, removed = scheduled(3600), scheduled(2), scheduled(2)
    for post in (moved, cancelled, removed):
        schedules.put(post)
    moved = posts.save(replace(moved, publish_at=now().replace(microsecond=0) + timedelta(seconds=2)))
    schedules.put(moved)
    posts.save(cancelled.moved_to(PostState.CANCELLED, now()))  # and its schedule is forgotten
    posts.save(removed.moved_to(PostState.CANCELLED, now()))
    schedules.remove(removed)
    deadline = time.monotonic() + SECONDS
    while (started := posts.get(moved.tenant_id, moved.id)).state is PostState.SCHEDULED:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert timedelta() <= started.queued_at - moved.publish_at < timedelta(seconds=SECONDS)
    aws.settle(cloud)
    assert not {moved.id, cancelled.id, removed.id} & names(cloud, environment)
    assert [each["name"] for each in aws.executions(cloud) if each["name"].startswith(moved.id)] == [moved.id]
    assert not {cancelled.id, removed.id} & {each["name"] for each in aws.executions(cloud)}


def test_the_role_lent_to_schedules_may_wake_one_function_and_tell_what_failed(cloud, environment):
    """The local scheduler does not look at roles, so its policy is asked."""

    def allowed(action, resource):
        answer = cloud.client("iam").simulate_principal_policy(
            PolicySourceArn=environment[ROLE], ActionNames=[action], ResourceArns=[resource]
        )
        return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"

    assert allowed("lambda:InvokeFunction", environment[FUNCTION])
    assert not allowed("lambda:InvokeFunction", environment[FUNCTION].replace("StartPost", "IssueApiKey"))
    assert allowed("sqs:SendMessage", environment[DEAD_LETTERS])
    assert not allowed("sqs:ReceiveMessage", environment[DEAD_LETTERS])
    assert not allowed("dynamodb:GetItem", "*")


def test_the_role_is_lent_to_this_group_only(cloud, environment):
    role = cloud.client("iam").get_role(RoleName=environment[ROLE].rsplit("/", 1)[-1])["Role"]
    trust = role["AssumeRolePolicyDocument"]
    (statement,) = (json.loads(trust) if isinstance(trust, str) else trust)["Statement"]
    group = cloud.client("scheduler").get_schedule_group(Name=environment[GROUP])
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    account = cloud.client("sts").get_caller_identity()["Account"]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": account, "aws:SourceArn": group["Arn"]}
