"""What Meta demands: an owner who leaves is gone, wholly, and can come back."""

import json
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.compliance_fakes import signed
from tests.stack import aws
from tests.stack.people import Account, Owner
from tests.stack.problems import refused


def deauthorized(cloud, instagram, account, **issued):
    signed = instagram.signed_request(account.username, **issued)
    return cloud.api_url + "/meta/deauthorize", {"signed_request": signed}


def events_of(cloud, tenant, kind):
    found = aws.items_of(cloud, "EventsTableName", tenant.id).values()
    return [item for item in found if item.get("type") == {"S": kind}]


def test_an_owner_who_removes_the_app_leaves_an_account_that_waits_to_be_connected_again(
    cloud, tenant, instagram, comes_back
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
    assert comes_back(tenant, account) == account
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


@pytest.fixture
def comes_back(connect, new_owner):
    """The owner of that account connects it again."""

    def connected(tenant, account):
        time.sleep(1.1)  # Meta counts in whole seconds
        return connect(tenant, new_owner(account.username))

    return connected


# Deletion


@pytest.fixture
def at_once(cloud):
    with aws.erasing_at_once(cloud):
        yield


def told_by_meta(cloud, instagram, account):
    status, body = instagram.withdraw(account.username, f"{cloud.api_url}/meta/data-deletion")
    assert status == 200, body
    return json.loads(body)


def awaited(stranger, told, words="has been deleted"):
    deadline = time.monotonic() + 30
    while words not in (page := stranger.get(told["url"])).text:
        assert time.monotonic() < deadline, page.text
        time.sleep(0.2)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    return page.text


def everywhere(cloud):
    """Whatever is kept, by place: tables, buckets, queues, logs, workflows; not what Instagram itself knows."""
    texts = {f"table {name}": json.dumps(aws.items(cloud, name), default=repr) for name in aws.TABLES}
    s3, sqs, sfn = cloud.client("s3"), cloud.client("sqs"), cloud.client("stepfunctions")
    for bucket in s3.list_buckets()["Buckets"]:
        if "deliveries" in bucket["Name"]:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
                for each in page.get("Contents", []):
                    body = s3.get_object(Bucket=bucket["Name"], Key=each["Key"])["Body"].read()
                    texts[f"bucket {each['Key']}"] = each["Key"] + body.decode(errors="replace")
    ours = [url for url in sqs.list_queues().get("QueueUrls", []) if not url.endswith(f"/{aws.TAP}")]
    for url in ours:  # dead-letter queues are queues; the tap is the tests' own
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        texts[f"queue {url}"] = json.dumps(found.get("Messages", []))
    for each in aws.executions(cloud):
        told = [sfn.describe_execution(executionArn=each["executionArn"]), aws.history(cloud, each["executionArn"])]
        texts[f"execution {each['name']}"] = json.dumps(told, default=str)
    logs = [path for path in cloud.logs_dir.rglob("*.log") if "simulator" not in path.name]
    return texts | {f"log {path.name}": path.read_text(errors="replace") for path in logs}


def hits(cloud, canaries):
    return sorted(
        (what, place)
        for place, text in everywhere(cloud).items()
        for what, canary in canaries.items()
        if canary in text
    )


def people_of(cloud, account):
    """Who has ever let us use the account: app-scoped id by login."""
    whose = aws.items(cloud, "AccountsTableName")
    found = [item["sk"]["S"].split("#") for item in whose if item["pk"]["S"].endswith(f"#{account.id}")]
    return dict(found)


def asked_by(cloud, stranger, login, app_scoped_id):
    """As Meta does, signed by the app of that login: the simulator signs for one of them only."""
    secret = cloud.outputs["InstagramAppSecretArn" if login == "instagram" else "MetaAppSecretArn"]
    app = json.loads(cloud.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    text = signed(app_scoped_id, int(time.time()), app["app_secret"])
    answer = stranger.post(f"{cloud.api_url}/meta/data-deletion", data={"signed_request": text})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def connected(new_tenant, connect, new_owner, instagram, clients):
    """A tenant whose account was connected by these logins, one after the other."""

    def made(logins):
        tenant, owner = new_tenant(), new_owner()
        person = Owner(f"Person of {owner.username}", clients(), tenant.canaries)
        instagram.add_page(f"Page of {owner.username}", person.username, owner.username)
        for login in logins:
            answer = (owner if login == "instagram" else person).connect(tenant.link(login=login))
            assert answer.status_code == 200, answer.text
        (view,) = tenant.api.get("/v1/accounts").json()["data"]
        tenant.accounts.append(Account(view["id"], view["ig_user_id"], view["username"]))
        return tenant

    return made


def lived(cloud, tenant):
    """What the account has been used for: two posts, and the canaries that it leaves behind."""
    account = tenant.account
    canaries = {
        "caption": f"CANARY-caption-of-a-live-post-of-{account.id}",
        "scheduled caption": f"CANARY-caption-of-a-scheduled-post-of-{account.id}",
        "comment": f"CANARY-comment-text-{account.id}",
        "message": f"CANARY-message-text-{account.id}",
        "username": account.username,
        "account of Instagram's": account.ig_user_id,
    }
    key = {"idempotency-key": str(uuid.uuid4())}
    body = tenant.body(caption=canaries["caption"])
    live = tenant.follow(tenant.accepted(tenant.api.post("/v1/posts", json=body, headers=key)))
    scheduled = tenant.schedule(datetime.now(UTC) + timedelta(days=2), caption=canaries["scheduled caption"])
    tenant.instagram.comes_in("comment", account.username, text=canaries["comment"], media_id=live["media_id"])
    tenant.instagram.comes_in("message", account.username, text=canaries["message"])
    deadline = time.monotonic() + 20
    while not (events_of(cloud, tenant, "comment.created") and events_of(cloud, tenant, "message.received")):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return (live, scheduled), canaries


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("is_disconnected", [False, True], ids=["connected", "disconnected before"])
@pytest.mark.parametrize(
    "logins",
    [("instagram",), ("facebook",), ("instagram", "facebook")],
    ids=["by Instagram", "by Facebook", "by Instagram, later by Facebook"],
)
def test_after_a_deletion_nothing_of_the_owner_is_left_anywhere(cloud, connected, stranger, logins, is_disconnected):
    tenant = connected(logins)
    account = tenant.account
    posts, canaries = lived(cloud, tenant)
    people = people_of(cloud, account)
    assert people.keys() == set(logins)
    canaries |= {f"id of the person at {login}": person for login, person in people.items()}
    if is_disconnected:
        assert tenant.api.delete(f"/v1/accounts/{account.id}").status_code == 200
        aws.settle(cloud)
    assert {what for what, _ in hits(cloud, canaries)} == canaries.keys(), (
        "a canary that was never there proves nothing"
    )

    told = asked_by(cloud, stranger, logins[0], people[logins[0]])
    assert refused(tenant.api.get(f"/v1/accounts/{account.id}"), 404)
    assert f"TOKEN#{account.id}" not in aws.items_of(cloud, "AccountsTableName", tenant.id)
    page = awaited(stranger, told)
    assert account.username not in page

    assert hits(cloud, canaries) == []
    for post in posts:
        assert refused(tenant.api.get(f"/v1/posts/{post['id']}"), 404)
    left = {name: aws.items_of(cloud, name, tenant.id) for name in aws.TABLES}
    assert {name: sorted(kinds(items)) for name, items in left.items() if kinds(items)} == {
        "EventsTableName": ["EVENT"]
    }
    (event,) = left["EventsTableName"].values()
    assert event["type"]["S"] == "account.deletion_requested"
    assert "account_id" not in event
    schedules = cloud.client("scheduler").list_schedules()["Schedules"]
    assert posts[1]["id"] not in [each["Name"] for each in schedules]


def kinds(items):
    """But for the count of what the tenant sends, which is nobody's."""
    return {sk.partition("#")[0] for sk in items} - {"RATE"}


def test_asking_again_gives_the_same_code_and_an_owner_who_comes_back_is_a_new_account(
    cloud, tenant, instagram, stranger, comes_back
):
    """The queue's delay stands: the owner is back before the job has begun."""
    before = tenant.account
    told = told_by_meta(cloud, instagram, before)
    assert told_by_meta(cloud, instagram, before) == told
    assert "is being deleted" in stranger.get(told["url"]).text
    after = comes_back(tenant, before)
    assert (after.ig_user_id, after.id == before.id) == (before.ig_user_id, False)
    tenant.accounts[:] = [after]
    assert tenant.publish()["state"] == "published"
    aws.erase_now(cloud, told["confirmation_code"])  # or it would come between other tests
    awaited(stranger, told)


def test_a_guessed_code_shows_a_page_that_says_no(stranger, cloud):
    page = stranger.get(f"{cloud.api_url}/data-deletion/{'0' * 32}")
    assert page.status_code == 404
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_an_export_has_everything_of_the_tenant_and_no_secret(cloud, tenant, canaries):
    post = tenant.publish()
    found, cursor = [], None
    while True:
        page = tenant.api.get("/v1/export", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        found += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert {"account", "default_account", "post", "timeline_entry", "quota"} <= {each["kind"] for each in found}
    (exported,) = [each["record"] for each in found if each["kind"] == "post"]
    assert (exported["id"], exported["content"]["caption"]) == (post["id"], post["caption"])
    text = json.dumps(found)
    for secret in ("ciphertext", "wrapped_key", *canaries.known["app secret"], *canaries.known["token"]):
        assert secret not in text
    assert text.count(tenant.account.ig_user_id) >= 1
