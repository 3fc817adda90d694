"""`Idempotency-Key`: what a client that lost an answer may count on."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack import aws
from tests.stack.problems import refused

AT_ONCE = 100


@pytest.fixture
def send(tenant):
    """Sends a body under a key; the same body unless another is given."""
    once = tenant.body()

    def post(key=None, body=None):
        headers = {"idempotency-key": key} if key is not None else {}
        return tenant.api.post("/v1/posts", json=body or once, headers=headers)

    return post


def posts(cloud, tenant):
    return [key for key in aws.items_of(cloud, "PostsTableName", tenant.id) if key.startswith("POST#")]


def started(cloud, post_ids):
    return [each["name"] for each in aws.executions(cloud) if each["name"] in post_ids]


def test_the_same_key_and_body_give_the_first_answer_again(cloud, tenant, send, instagram):
    key = str(uuid.uuid4())
    first = send(key)
    tenant.follow(first.json()["id"])
    again = send(key)
    assert "idempotent-replayed" not in first.headers
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(posts(cloud, tenant)) == len(instagram.live(tenant.account.username)) == 1


def test_the_same_key_with_another_body_is_refused(cloud, tenant, send):
    key = str(uuid.uuid4())
    first = send(key).json()
    assert refused(send(key, tenant.body()), 422)["code"] == "idempotency_key_reused"
    assert tenant.follow(first["id"])["state"] == "published"
    assert len(posts(cloud, tenant)) == 1


def test_a_key_belongs_to_its_tenant(tenant, send, new_tenant, connect):
    other = new_tenant()
    connect(other)
    key = str(uuid.uuid4())
    mine = send(key).json()["id"]
    theirs = other.api.post("/v1/posts", json=other.body(), headers={"idempotency-key": key})
    assert other.follow(other.accepted(theirs))["state"] == tenant.follow(mine)["state"] == "published"


def test_many_at_once_with_one_key_make_one_post_and_one_execution(cloud, tenant, send, instagram):
    key = str(uuid.uuid4())
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: send(key), range(AT_ONCE)))
    assert Counter(answer.status_code for answer in answers).keys() <= {202, 409}
    accepted = [answer for answer in answers if answer.status_code == 202]
    (post_id,) = {answer.json()["id"] for answer in accepted}
    assert sum("idempotent-replayed" not in answer.headers for answer in accepted) == 1
    for early in (answer for answer in answers if answer.status_code == 409):
        assert refused(early, 409)["code"] == "idempotency_in_progress"
        assert int(early.headers["retry-after"]) >= 1
    tenant.follow(post_id)
    assert posts(cloud, tenant) == [f"POST#{post_id}"]
    assert started(cloud, {post_id}) == [post_id]
    assert len(instagram.live(tenant.account.username)) == 1
    assert len(instagram.calls(tenant.account.ig_user_id, "POST /{ig}/media_publish")) == 1


def test_without_a_key_the_same_body_twice_is_two_posts(cloud, tenant, send):
    both = {tenant.accepted(send()) for _ in range(2)}
    assert {tenant.follow(post_id)["state"] for post_id in both} == {"published"}
    assert len(both) == len(started(cloud, both)) == 2


def test_after_a_refusal_the_key_is_free_for_the_mended_request(cloud, tenant, send):
    key, before = str(uuid.uuid4()), len(aws.items(cloud, "CallersTableName"))
    assert refused(send(key, tenant.body(caption="x" * 2201)), 422)["code"] == "invalid_post"
    assert len(aws.items(cloud, "CallersTableName")) == before
    assert tenant.follow(tenant.accepted(send(key)))["state"] == "published"


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\tbed", "übergröße"])
def test_a_key_of_a_wrong_form_is_refused(cloud, tenant, key):
    headers = {b"idempotency-key": key.encode()}
    answer = tenant.api.post("/v1/posts", json=tenant.body(), headers=headers)
    assert refused(answer, 400)["code"] == "idempotency_key_invalid"
    assert posts(cloud, tenant) == []
