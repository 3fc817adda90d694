"""Tokens kept alive by the real dispatcher, queue, refresher and roles: only the time is set forward."""

import json
import time
from typing import Any

import pytest

from devstack.cloud import LocalCloud
from tests.stack import aws
from tests.stack.people import Tenant
from tests.stack.problems import refused

SECONDS = 30.0
LONG_AGO = "2020-01-01T00:00:00.000000Z"
REFRESH = "GET /refresh_access_token"


def item(cloud: LocalCloud, tenant: Tenant) -> dict[str, Any]:
    return aws.items_of(cloud, "AccountsTableName", tenant.id)[f"ACCOUNT#{tenant.account.id}"]


def age(cloud: LocalCloud, tenant: Tenant, **moments: str) -> None:
    """The account as if its token had been issued long ago, and was due."""
    moments = {"token_issued_at": LONG_AGO, "refresh_at": LONG_AGO} | moments
    cloud.client("dynamodb").update_item(
        TableName=cloud.outputs["AccountsTableName"],
        Key={"pk": {"S": f"TENANT#{tenant.id}"}, "sk": {"S": f"ACCOUNT#{tenant.account.id}"}},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in moments),
        ExpressionAttributeValues={f":{name}": {"S": moment} for name, moment in moments.items()},
    )


def dispatch(cloud: LocalCloud) -> dict[str, Any]:
    """As the schedule does every hour."""
    functions = cloud.client("lambda").get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in functions for each in page["Functions"]]
    (name,) = (name for name in names if "DispatchRefreshes" in name)
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=b'{"source": "aws.scheduler", "detail": "{}"}')
    payload = answer["Payload"].read()
    assert "FunctionError" not in answer, payload
    found: dict[str, Any] = json.loads(payload)
    return found


def until(seen: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("mode", ["same", "rotate_keep", "rotate_kill"])
def test_a_token_that_is_due_is_refreshed_by_the_schedule_and_still_publishes(cloud, tenant, instagram, mode):
    before = item(cloud, tenant)
    age(cloud, tenant)
    with instagram.switched(refresh_mode=mode, refresh_min_age=0):
        found = dispatch(cloud)
        assert found["queued"] >= 1
        assert found["is_finished"]
        until(lambda: item(cloud, tenant)["token_version"]["N"] == "2")
    after = item(cloud, tenant)
    assert after["token_expires_at"]["S"] > before["token_expires_at"]["S"]
    assert after["refresh_at"]["S"] > before["token_issued_at"]["S"]
    assert len(instagram.calls(tenant.account.ig_user_id, REFRESH)) == 1
    assert tenant.publish("image")["state"] == "published"


def test_a_revoked_token_is_told_once_however_often_it_is_looked_at(cloud, tenant, instagram):
    instagram.revoke_tokens(tenant.account.username)
    age(cloud, tenant)
    dispatch(cloud)
    until(lambda: "refresh_pk" not in item(cloud, tenant))
    dispatch(cloud)
    account = tenant.api.get(f"/v1/accounts/{tenant.account.id}").json()
    assert account["state"] == "reauthorization_required"
    events = aws.items_of(cloud, "EventsTableName", tenant.id).values()
    told = [each for each in events if each["type"]["S"] == "account.reauthorization_required"]
    assert len(told) == 1
    assert "announced_at" in told[0]
    assert len(instagram.calls(tenant.account.ig_user_id, REFRESH)) == 1


def test_connecting_again_heals_and_keeps_the_new_token_alive_too(cloud, tenant, connect, new_owner, instagram):
    account = tenant.account
    instagram.revoke_tokens(account.username)
    age(cloud, tenant)
    dispatch(cloud)
    until(lambda: "refresh_pk" not in item(cloud, tenant))
    assert connect(tenant, new_owner(account.username)).id == account.id
    healed = item(cloud, tenant)
    assert healed["state"]["S"] == "connected"
    assert healed["refresh_pk"]["S"] == "REFRESH"
    assert healed["refresh_at"]["S"] > healed["connected_at"]["S"]
    assert "last_problem" not in healed


def test_connecting_is_told(cloud, tenant):
    events = aws.items_of(cloud, "EventsTableName", tenant.id).values()
    told = [each["type"]["S"] for each in events]
    assert told.count("account.connected") == 1
    assert "untold" not in item(cloud, tenant)


def test_a_tenant_refreshes_at_once_but_not_a_token_of_today(cloud, tenant, instagram):
    path = f"/v1/accounts/{tenant.account.id}/refresh"
    too_young = tenant.api.post(path)
    assert refused(too_young, 409)["code"] == "token_too_young"
    assert 86_000 < int(too_young.headers["retry-after"]) <= 86_400
    age(cloud, tenant)
    with instagram.switched(refresh_min_age=0):
        answer = tenant.api.post(path)
    assert answer.status_code == 200, answer.text
    assert item(cloud, tenant)["token_version"]["N"] == "2"
    assert answer.json()["token_expires_at"] > LONG_AGO
