"""Posts of an account that may not publish now: a full window, a throttle. An hour of the workflow is two seconds."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.stack import aws
from tests.stack.clouds import HOURS_IN_SECONDS, WAIT_SCALE, scale_waits
from tests.stack.problems import refused


@pytest.fixture
def hours_pass(cloud):
    scale_waits(cloud, HOURS_IN_SECONDS)
    yield
    aws.settle(cloud)
    scale_waits(cloud, WAIT_SCALE)


def delayed(tenant, post_id, code):
    """The post while it waits, and why it does."""
    post = tenant.awaited(post_id, lambda post: post["state"] != "queued")
    assert (post["state"], post["problem"]["code"], post["problem"]["retry"]["automatic"]) == ("delayed", code, True)
    assert datetime.fromisoformat(post["delayed_until"]) > datetime.now(UTC)
    return post


def test_a_full_window_is_refused_at_save_time_with_the_next_free_slot(tenant, instagram):
    with instagram.switched(quota_total=1):
        first = tenant.publish()
        told = refused(tenant.api.post("/v1/posts", json=tenant.body()), 429)
        assert (told["code"], told["actor"]) == ("publishing_limit_reached", "platform")
        free = datetime.fromisoformat(told["next_free_slot"])
        late = free - datetime.fromisoformat(first["queued_at"]) - timedelta(days=1)
        assert timedelta() <= late < timedelta(milliseconds=1)  # the API shows milliseconds
        early = tenant.body(mode="scheduled", publish_at=(free - timedelta(hours=1)).isoformat())
        assert refused(tenant.api.post("/v1/posts", json=early), 429)["next_free_slot"] == told["next_free_slot"]
        post = tenant.schedule(free + timedelta(seconds=1))
        assert tenant.api.delete(f"/v1/posts/{post['id']}").status_code == 200
    assert len(instagram.live(tenant.account.username)) == 1


def test_a_window_that_others_filled_delays_the_post_until_there_is_room(tenant, instagram, hours_pass):
    """Darkroom cannot know at save time: the owner published with another app."""
    instagram.publish_elsewhere(tenant.account.username)
    with instagram.switched(quota_total=1):
        post_id = tenant.accepted(tenant.api.post("/v1/posts", json=tenant.body()))
        assert delayed(tenant, post_id, "publishing_limit_reached")["containers"] == []
        assert len(instagram.live(tenant.account.username)) == 1
    post = tenant.follow(post_id)
    assert (post["state"], post["problem"], post["delayed_until"]) == ("published", None, None)
    assert [each["media_id"] for each in instagram.live(tenant.account.username)].count(post["media_id"]) == 1
    assert len(instagram.live(tenant.account.username)) == 2


def test_a_throttled_account_waits_as_long_as_it_is_told_and_no_other_does(
    cloud, tenant, connect, instagram, hours_pass
):
    other, username, ig_user_id = connect(tenant), tenant.account.username, tenant.account.ig_user_id
    instagram.throttle(username, minutes=30)
    first = tenant.accepted(tenant.api.post("/v1/posts", json=tenant.body()))
    until = datetime.fromisoformat(delayed(tenant, first, "rate_limited")["delayed_until"])
    assert timedelta(minutes=29) < until - datetime.now(UTC) <= timedelta(minutes=30)
    calls = len(instagram.calls(ig_user_id))
    second = tenant.accepted(tenant.api.post("/v1/posts", json=tenant.body()))
    delayed(tenant, second, "rate_limited")
    assert tenant.publish(account_id=other.id)["state"] == "published"
    assert len(instagram.calls(ig_user_id)) == calls  # nothing is asked while it waits
    assert tenant.api.delete(f"/v1/posts/{second}").json()["state"] == "cancelled"
    instagram.throttle(username, 0)
    half_an_hour_later(cloud, tenant)
    tenant.awaited(
        first, lambda post: post["state"] == "published"
    )  # its permalink comes when reads are no longer spared
    aws.settle(cloud)
    assert tenant.follow(second)["state"] == "cancelled"
    assert len(instagram.live(username)) == 1


def half_an_hour_later(cloud, tenant):
    """Functions tell the time by a real clock; so the account's pause is made to lie in the past."""
    cloud.client("dynamodb").update_item(
        TableName=cloud.outputs["PostsTableName"],
        Key={"pk": {"S": f"TENANT#{tenant.id}"}, "sk": {"S": f"QUOTA#{tenant.account.id}"}},
        UpdateExpression="SET paused_until = :long_ago",
        ConditionExpression="attribute_exists(paused_until)",
        ExpressionAttributeValues={":long_ago": {"S": "2020-01-01T00:00:00.000000Z"}},
    )


@pytest.fixture
def announced(cloud):
    """The names of the events that have come since, on the bus of the stack."""
    events, sqs, bus = cloud.client("events"), cloud.client("sqs"), cloud.outputs["EventBusName"]
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="listener", EventBusName=bus, EventPattern=json.dumps({"source": ["darkroom"]}))
    events.put_targets(Rule="listener", EventBusName=bus, Targets=[{"Id": "listener", "Arn": arn}])
    yield lambda: [json.loads(each["Body"])["detail-type"] for each in _received(sqs, url)]
    events.remove_targets(Rule="listener", EventBusName=bus, Ids=["listener"])
    events.delete_rule(Name="listener", EventBusName=bus)
    sqs.delete_queue(QueueUrl=url)


def _received(sqs, url):
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            yield each


def test_an_outage_holds_every_account_and_ends_when_a_probe_gets_through(  # noqa: PLR0917 — fixtures
    cloud, tenant, connect, instagram, hours_pass, announced
):
    """Announced when it begins and when it ends, and nobody's account is blamed."""
    accounts = [tenant.account, *(connect(tenant) for _ in range(3))]
    instagram.fail("POST /{ig}/media", "json_error", code=2)
    posts = [
        tenant.accepted(tenant.api.post("/v1/posts", json=tenant.body(account_id=each.id))) for each in accounts[:3]
    ]
    for post_id in posts:
        tenant.awaited(post_id, lambda post: post["state"] == "delayed")
    calls = len(instagram.calls(accounts[3].ig_user_id))
    posts.append(tenant.accepted(tenant.api.post("/v1/posts", json=tenant.body(account_id=accounts[3].id))))
    delayed(tenant, posts[3], "platform_outage")
    assert len(instagram.calls(accounts[3].ig_user_id)) == calls
    instagram.heal()
    a_probe_is_due(cloud)
    assert [tenant.follow(post_id)["state"] for post_id in posts] == ["published"] * 4
    for each in accounts:
        assert len(instagram.live(each.username)) == 1
        assert tenant.api.get(f"/v1/accounts/{each.id}/health").json()["is_healthy"]
    aws.settle(cloud)
    told = [name for name in announced() if name.startswith("Platform")]
    assert told == ["PlatformOutageBegan", "PlatformOutageEnded"]


def a_probe_is_due(cloud):
    """As it is two minutes later."""
    cloud.client("dynamodb").update_item(
        TableName=cloud.outputs["PostsTableName"],
        Key={"pk": {"S": "OUTAGE"}, "sk": {"S": "CreateContainer:2"}},
        UpdateExpression="SET probe_at = :long_ago",
        ConditionExpression="attribute_exists(probe_at)",
        ExpressionAttributeValues={":long_ago": {"S": "2020-01-01T00:00:00.000000Z"}},
    )


def test_a_step_may_tell_how_much_of_the_allowance_is_used(cloud, tenant, instagram):
    """From four fifths on each call is told to the quota, and what can wait is left out."""
    with instagram.switched(usage_percent=90):
        post_id = tenant.accepted(tenant.api.post("/v1/posts", json=tenant.body(comments_enabled=False)))
        tenant.awaited(post_id, lambda post: post["state"] == "published")
        aws.settle(cloud)
    assert [each["is_comment_enabled"] for each in instagram.live(tenant.account.username)] == [False]
    told = cloud.client("dynamodb").get_item(
        TableName=cloud.outputs["PostsTableName"],
        Key={"pk": {"S": f"TENANT#{tenant.id}"}, "sk": {"S": f"QUOTA#{tenant.account.id}"}},
    )["Item"]
    assert told["usage_percent"]["N"] == "90"
    lost = [
        line for log in cloud.function_logs().values() for line in log.splitlines() if "timeline entry lost" in line
    ]
    assert not [line for line in lost if "AccessDenied" in line]  # a busy machine may lose one
