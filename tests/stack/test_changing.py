"""What a caller may do with a post that was accepted: publish a draft, try again; and what one request may ask for."""

import uuid

import pytest

from tests.stack import aws
from tests.stack.problems import pointers, refused


@pytest.fixture
def healed(cloud, instagram):
    yield
    aws.settle(cloud)
    instagram.heal()


def executions(cloud, post_id):
    return sorted(each["name"] for each in aws.executions(cloud) if each["name"].startswith(post_id))


def test_a_draft_is_checked_and_goes_out_when_it_is_published(cloud, tenant, instagram):
    body = tenant.body(mode="draft") | {"media": []}
    draft = tenant.api.post("/v1/posts", json=body).json()
    path = f"/v1/posts/{draft['id']}"
    assert (draft["state"], draft["queued_at"]) == ("draft", None)
    assert pointers(tenant.api.post(f"{path}/publish"), "invalid_post") == {"/media": "wrong_count"}
    media = {"media": [{"url": instagram.sample("photo.jpg")}]}
    edited = tenant.api.patch(path, json=media, headers={"if-match": f'"{draft["version"]}"'})
    assert edited.status_code == 200, edited.text
    key = {"idempotency-key": str(uuid.uuid4())}
    first, again = (tenant.api.post(f"{path}/publish", headers=key) for _ in range(2))
    assert (first.status_code, again.status_code, first.json()) == (202, 202, again.json())
    assert again.headers["idempotent-replayed"] == "true"
    post = tenant.follow(draft["id"])
    assert [each["media_id"] for each in instagram.live(tenant.account.username)] == [post["media_id"]]
    assert executions(cloud, draft["id"]) == [draft["id"]]
    assert refused(tenant.api.post(f"{path}/publish"), 409)["code"] == "post_state_conflict"


def test_one_request_for_many_accounts_makes_a_post_or_a_problem_for_each(tenant, connect, instagram):
    accounts = [tenant.account, connect(tenant)]
    ids = [each.id for each in accounts]
    absent = f"{ids[0][:-4]}0000"
    answer = tenant.api.post("/v1/posts", json=tenant.body(account_id=None, account_ids=[ids[0], absent, ids[1]]))
    group = answer.json()
    assert (answer.status_code, [each["account_id"] for each in group["data"]]) == (202, [ids[0], absent, ids[1]])
    first, refusal, second = group["data"]
    assert (refusal["post"], refusal["problem"]["code"]) == (None, "not_found")
    for account, result in zip(accounts, (first, second), strict=True):
        assert (result["problem"], result["post"]["group_id"]) == (None, group["group_id"])
        post = tenant.follow(result["post"]["id"])
        assert [each["media_id"] for each in instagram.live(account.username)] == [post["media_id"]]


def test_a_post_that_failed_is_published_when_it_is_tried_again(cloud, tenant, instagram, healed):
    """The host of its media was down."""
    account = tenant.account
    instagram.fail(f"POST /{account.ig_user_id}/media", "json_error", code=9004, subcode=2207052)
    failed = tenant.publish()
    assert (failed["state"], failed["problem"]["code"]) == ("failed", "media_unreachable")
    aws.settle(cloud)
    instagram.heal()
    again = tenant.api.post(f"/v1/posts/{failed['id']}/retry")
    assert (again.status_code, again.json()["state"], again.json()["tries"]) == (202, "queued", 2), again.text
    post = tenant.follow(failed["id"])
    assert (post["state"], post["problem"], post["failed_at"]) == ("published", None, None)
    assert [each["media_id"] for each in instagram.live(account.username)] == [post["media_id"]]
    assert executions(cloud, post["id"]) == [post["id"], f"{post['id']}-6"]
    assert refused(tenant.api.post(f"/v1/posts/{post['id']}/retry"), 409)["code"] == "post_state_conflict"


def test_trying_an_unconfirmed_post_again_first_asks_whether_it_is_live(cloud, tenant, instagram, healed):
    account = tenant.account
    instagram.fail(f"POST /{account.ig_user_id}/media_publish", "reset", when="after")
    instagram.fail("GET ^/178[0-9]{14}$", "json_error", nth=list(range(2, 100)), code=10)
    unconfirmed = tenant.publish()
    assert unconfirmed["state"] == "unconfirmed"
    aws.settle(cloud)
    instagram.heal()
    assert tenant.api.post(f"/v1/posts/{unconfirmed['id']}/retry").status_code == 202
    post = tenant.follow(unconfirmed["id"])
    (live,) = instagram.live(account.username)
    assert (post["state"], post["media_id"]) == ("published", live["media_id"])
    assert len(instagram.calls(account.ig_user_id, "POST /{ig}/media_publish")) == 1


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_first_comment_is_there_once_even_if_nobody_heard_the_answer(cloud, tenant, instagram, healed, is_answered):
    if not is_answered:
        instagram.fail("POST ^/180[0-9]{14}/comments$", "reset", nth=1, when="after")
    comment = tenant.canaries.caption("Recipe:")
    post = tenant.publish(first_comment=comment)
    aws.settle(cloud)
    post = tenant.api.get(f"/v1/posts/{post['id']}").json()
    (live,) = instagram.live(tenant.account.username)
    assert live["comments"] == [{"id": post["first_comment_id"], "text": comment}]
    assert (post["state"], post["comments_problem"]) == ("published", None)
    entries = tenant.api.get(f"/v1/posts/{post['id']}/timeline").json()["data"]
    told = [(each["method"], each["path"], each["error"]) for each in entries if each["step"] == "AddFirstComment"]
    path = "/{media-id}/comments"
    lost = [("POST", path, "OutcomeUnknownError"), ("GET", path, None)]
    found = ("GET", "/{media-id}", None)  # Instagram knows its own media before anything is said about it
    assert told == [found, *([("POST", path, None)] if is_answered else lost)]


def test_comments_can_be_turned_off(cloud, tenant, instagram):
    tenant.publish(comments_enabled=False)
    aws.settle(cloud)
    assert [each["is_comment_enabled"] for each in instagram.live(tenant.account.username)] == [False]
