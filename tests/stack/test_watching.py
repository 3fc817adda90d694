"""The watchdog, with its real index, schedule and role: what loses its execution is published all the same, once."""

import time

from devstack.cloud import LocalCloud
from tests.stack import aws
from tests.stack.people import Tenant

SECONDS = 20.0


def lose_its_execution(cloud: LocalCloud, tenant: Tenant, post_id: str) -> None:
    """Stops it in the middle, and makes the post look as old as one that was left."""
    machine = cloud.outputs["PublishPostStateMachineArn"].replace(":stateMachine:", ":execution:")
    cloud.client("stepfunctions").stop_execution(executionArn=f"{machine}:{post_id}")
    cloud.client("dynamodb").update_item(
        TableName=cloud.outputs["PostsTableName"],
        Key={"pk": {"S": f"TENANT#{tenant.id}"}, "sk": {"S": f"POST#{post_id}"}},
        UpdateExpression="SET open_since = :long_ago",
        ExpressionAttributeValues={":long_ago": {"S": "2020-01-01T00:00:00.000000Z"}},
    )


def watch(cloud: LocalCloud) -> None:
    """As the schedule does every minute."""
    functions = cloud.client("lambda").get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in functions for each in page["Functions"]]
    (name,) = (name for name in names if "WatchPosts" in name)
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_post_whose_execution_was_stopped_is_run_again_and_published_once(cloud, tenant, instagram):
    instagram.fail("GET /{container}", "slow", seconds=8)  # so that there is a middle to stop it in
    try:
        post_id = tenant.accepted(tenant.api.post("/v1/posts", json=tenant.body("image")))
        deadline = time.monotonic() + SECONDS
        while not tenant.api.get(f"/v1/posts/{post_id}").json()["containers"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        lose_its_execution(cloud, tenant, post_id)
    finally:
        instagram.heal()
    watch(cloud)
    post = tenant.follow(post_id)
    assert post["state"] == "published"
    assert [each["media_id"] for each in instagram.live(tenant.account.username)] == [post["media_id"]]
    assert {post_id, f"{post_id}-2"} <= {each["name"] for each in aws.executions(cloud)}


def test_what_is_over_is_no_longer_looked_at(cloud, tenant):
    post = tenant.publish("image")
    item = aws.items_of(cloud, "PostsTableName", tenant.id)[f"POST#{post['id']}"]
    assert not {"open_pk", "open_since"} & item.keys()
