"""
Bad days of Instagram's, played by the simulator's fault programme. The workflow's waits are shortened (clouds.py), what
a function waits within one step is not.
"""

import pytest

from tests.stack import aws
from tests.stack.problems import refused


@pytest.fixture(autouse=True)
def healed(cloud, instagram):
    yield
    aws.settle(cloud)
    instagram.heal()


def test_a_publish_that_was_refused_but_happened_is_found_and_not_repeated(cloud, tenant, instagram):
    account = tenant.account
    instagram.fail(
        f"POST /{account.ig_user_id}/media_publish", "json_error", nth=1, when="after", code=4, subcode=2207051
    )
    post = tenant.publish()
    (live,) = instagram.live(account.username)
    assert (post["state"], post["media_id"], post["problem"]) == ("published", live["media_id"], None)
    assert len(instagram.calls(account.ig_user_id, "POST /{ig}/media_publish")) == 1
    assert [error for _, error in aws.failures(cloud, post["id"])] == ["OutcomeUnknownError"]


def test_a_publish_that_got_no_effect_is_repeated_after_proof(tenant, instagram):
    account = tenant.account
    instagram.fail(f"POST /{account.ig_user_id}/media_publish", "http_5xx", nth=1)
    post = tenant.publish()
    (live,) = instagram.live(account.username)
    assert (post["state"], post["media_id"]) == ("published", live["media_id"])
    calls = [(call["method"], call["template"]) for call in instagram.calls(account.ig_user_id)]
    first, second = [at for at, call in enumerate(calls) if call == ("POST", "/{ig}/media_publish")]
    assert calls[first:second].count(("GET", "/{container}")) >= 3


@pytest.mark.parametrize("kind", ["http_5xx", "reset", "html", "truncate"])
def test_a_container_that_was_not_made_at_the_first_try_is_made_at_the_second(tenant, instagram, kind):
    account = tenant.account
    instagram.fail(f"POST /{account.ig_user_id}/media", kind, nth=1)
    post = tenant.publish()
    assert post["state"] == "published", post["problem"]
    assert len(instagram.calls(account.ig_user_id, "POST /{ig}/media")) == 2
    assert len(instagram.live(account.username)) == 1


@pytest.mark.parametrize("subcode", [2207001, 2207032, 2207076])
def test_a_container_that_fails_for_no_fault_of_the_media_is_made_anew(cloud, tenant, instagram, subcode):
    """The step asks the table of outages, which is nobody's tenant."""
    with instagram.switched(containers_fail=subcode):
        post_id = tenant.accepted(tenant.api.post("/v1/posts", json=tenant.body()))
        tenant.awaited(post_id, lambda post: instagram.calls(tenant.account.ig_user_id, "GET /{container}"))
    post = tenant.follow(post_id)
    assert post["state"] == "published", post["problem"]
    assert "ContainerLostError" in {error for _, error in aws.failures(cloud, post_id)}
    assert len(instagram.live(tenant.account.username)) == 1


@pytest.mark.parametrize("kind", ["html", "empty", "wrong_types"])
def test_nonsense_instead_of_a_status_is_asked_again(tenant, instagram, kind):
    instagram.fail("GET ^/178[0-9]{14}$", kind, nth=1, when="after")
    post = tenant.publish()
    assert post["state"] == "published", post["problem"]
    assert instagram.faults_hit(tenant.account.ig_user_id) == [f"{kind} after"]
    assert len(instagram.live(tenant.account.username)) == 1


def test_a_permalink_that_cannot_be_read_does_not_take_the_post_back(tenant, instagram):
    instagram.fail("GET ^/180[0-9]{14}$", "http_5xx", nth=[1, 2])
    post = tenant.publish()
    assert (post["state"], post["problem"]) == ("published", None)
    assert instagram.faults_hit(tenant.account.ig_user_id) == ["http_5xx before"] * 2


def test_a_dead_token_is_the_owners_turn_and_the_next_post_is_refused_at_once(tenant, instagram):
    account = tenant.account
    instagram.revoke_tokens(account.username)
    post = tenant.publish()
    assert (post["state"], post["problem"]["code"], post["problem"]["actor"]) == (
        "failed",
        "reauthorization_required",
        "owner",
    )
    assert post["problem"]["instagram"]["code"] == 190
    health = tenant.api.get(f"/v1/accounts/{account.id}/health").json()
    assert (health["is_healthy"], health["state"]) == (False, "reauthorization_required")
    assert health["advice"] == ["The owner has to connect this account again: POST /v1/connect-sessions."]
    calls = len(instagram.calls())
    told = refused(tenant.api.post("/v1/posts", json=tenant.body()), 409)
    assert (told["code"], told["actor"]) == ("reauthorization_required", "owner")
    assert len(instagram.calls()) == calls


def test_connecting_again_heals_a_dead_account(tenant, instagram, new_owner, connect):
    instagram.revoke_tokens(tenant.account.username)
    assert tenant.publish()["state"] == "failed"
    assert connect(tenant, new_owner(tenant.account.username)) == tenant.account
    health = tenant.api.get(f"/v1/accounts/{tenant.account.id}/health").json()
    assert (health["is_healthy"], health["last_problem"]) == (True, None)
    assert tenant.publish()["state"] == "published"


def test_an_account_that_instagram_restricts_is_flagged(tenant, instagram):
    """Told by the read that precedes the publish, when nothing has been sent."""
    instagram.fail(f"GET /{tenant.account.ig_user_id}/media", "json_error", code=368)
    post = tenant.publish()
    assert (post["state"], post["problem"]["code"]) == ("failed", "action_required")
    assert instagram.faults_hit(tenant.account.ig_user_id) == ["json_error before"]
    assert tenant.api.get(f"/v1/accounts/{tenant.account.id}/health").json()["state"] == "action_required"
    assert instagram.live(tenant.account.username) == []


@pytest.mark.parametrize(
    ("kind", "media", "told"),
    [
        ("image", ["wide.jpg"], ("media_rejected", 2207009, "Instagram did not accept the media.")),
        ("reel", ["short.mp4"], ("media_rejected", 2207026, "Instagram did not accept the media.")),
        ("carousel", ["photo.jpg", "wrong-codec.mp4"], ("media_rejected", 2207026, "Instagram did not accept item 2.")),
        ("carousel", ["huge.jpg", "photo.jpg"], ("media_rejected", 2207004, "Instagram did not accept item 1.")),
        ("image", ["missing"], ("media_unreachable", 2207052, "Instagram could not download the media.")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_media_that_instagram_refuses_are_named_in_words_a_person_understands(tenant, kind, media, told):
    post = tenant.publish(kind, *media)
    problem = post["problem"]
    assert (post["state"], problem["actor"]) == ("failed", "caller")
    assert (problem["code"], problem["instagram"]["error_subcode"], problem["title"]) == told
    assert tenant.instagram.live(tenant.account.username) == []


def test_when_instagram_never_says_what_happened_the_post_is_unconfirmed_and_never_repeated(tenant, instagram):
    account = tenant.account
    instagram.fail(f"POST /{account.ig_user_id}/media_publish", "reset", when="after")
    instagram.fail("GET ^/178[0-9]{14}$", "json_error", nth=list(range(2, 100)), code=10)
    post = tenant.publish()
    assert (post["state"], post["problem"]["code"]) == ("unconfirmed", "outcome_unknown")
    assert len(instagram.calls(account.ig_user_id, "POST /{ig}/media_publish")) == 1
    assert len(instagram.live(account.username)) == 1
