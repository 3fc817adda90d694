"""What Meta demands: an owner who leaves is gone, wholly, and can come back."""

import time

from tests.stack import aws
from tests.stack.problems import refused


def deauthorized(cloud, instagram, account, **issued):
    signed = instagram.signed_request(account.username, **issued)
    return cloud.api_url + "/meta/deauthorize", {"signed_request": signed}


def events_of(cloud, tenant, kind):
    found = aws.items_of(cloud, "EventsTableName", tenant.id).values()
    return [item for item in found if item["type"]["S"] == kind]


def test_an_owner_who_removes_the_app_leaves_an_account_that_waits_to_be_connected_again(
    cloud, tenant, instagram, connect, new_owner
):
    account = tenant.account
    status, body = instagram.withdraw(account.username, f"{cloud.api_url}/meta/deauthorize")
    assert (status, body) == (200, "")
    view = tenant.api.get(f"/v1/accounts/{account.id}").json()
    assert view["state"] == "reauthorization_required"
    assert f"TOKEN#{account.id}" not in aws.items_of(cloud, "AccountsTableName", tenant.id)
    assert len(events_of(cloud, tenant, "account.deauthorized")) == 1
    refusal = refused(tenant.api.post("/v1/posts", json=tenant.body()), 409)
    assert (refusal["code"], refusal["actor"]) == ("reauthorization_required", "owner")
    time.sleep(1.1)  # Meta counts in whole seconds
    assert connect(tenant, new_owner(account.username)) == account
    assert tenant.publish()["state"] == "published"


def test_what_meta_said_before_the_owner_came_back_ends_nothing(cloud, tenant, instagram, stranger):
    account = tenant.account
    url, form = deauthorized(cloud, instagram, account, issued_at=int(time.time()) - 60)
    assert stranger.post(url, data=form).status_code == 200
    assert tenant.api.get(f"/v1/accounts/{account.id}").json()["state"] == "connected"
    assert events_of(cloud, tenant, "account.deauthorized") == []


def test_somebody_unknown_is_answered_as_everybody_is(cloud, instagram, stranger, new_owner):
    owner = new_owner()
    known = stranger.post(f"{cloud.api_url}/meta/deauthorize", data={"signed_request": "x.y"})
    assert refused(known, 400)["code"] == "signed_request_invalid"
    signed = instagram.signed_request(owner.username)
    answer = stranger.post(f"{cloud.api_url}/meta/deauthorize", data={"signed_request": signed})
    assert (answer.status_code, answer.text) == (200, "")
