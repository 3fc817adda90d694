"""One tenant's objects do not exist for another."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.stack import aws
from tests.stack.problems import pointers, refused
from tests.stack.routes import routes


@pytest.fixture(scope="module")
def victim(new_tenant, connect):
    made = new_tenant()
    connect(made)
    return made


@pytest.fixture(scope="module")
def foreign(victim):
    """A post that was published: there is something to see, if one could."""
    return victim.publish()


@pytest.fixture(scope="module")
def changeable(victim):
    """Ids of posts that their owner could edit, publish, cancel or try again."""
    scheduled = victim.schedule(datetime.now(UTC) + timedelta(days=1))
    draft = victim.accepted(victim.api.post("/v1/posts", json=victim.body(mode="draft")))
    endpoint = {"url": "https://hooks.example.com/", "types": ["nothing.happens"]}
    made = victim.api.post("/v1/webhook-endpoints", json=endpoint).json()
    victim.canaries.meet("signing secret", made["secret"])
    return [scheduled["id"], draft, victim.publish("image", "wide.jpg")["id"]]


@pytest.fixture(scope="module")
def intruder(new_tenant, connect):
    """Has every right at its own tenant, and an account."""
    made = new_tenant()
    connect(made)
    return made


@pytest.fixture
def untouched(cloud, victim, intruder, foreign, changeable):
    """What the two have, and the calls to Instagram, before and after."""
    aws.settle(cloud)
    time.sleep(2)  # for the events of what went live
    before, calls = aws.untouched_by(cloud, victim.id, intruder.id), victim.instagram.calls()
    yield
    aws.settle(cloud)
    assert aws.untouched_by(cloud, victim.id, intruder.id) == before
    assert victim.instagram.calls() == calls


def told(answer):
    """The body without what differs between any two requests."""
    return {name: value for name, value in refused(answer, 404).items() if name not in {"instance", "request_id"}}


def and_absent(real):
    """An id that exists, and one of the same form that does not."""
    return real, f"{real[:-4]}0000"


@pytest.mark.usefixtures("untouched")
def test_every_route_that_takes_an_id_treats_a_foreign_one_as_absent(template, intruder, victim, foreign, changeable):
    hook = victim.api.get("/v1/webhook-endpoints").json()["data"][0]["id"]
    event = victim.api.get("/v1/events").json()["data"][0]["id"]
    sweep = [route for route in routes(template) if route.takes_id]
    assert {("GET", "timeline"), ("POST", "publish"), ("POST", "retry"), ("PATCH", "{id}"), ("DELETE", "{id}")} <= {
        (route.method, route.path.rpartition("/")[2]) for route in sweep if route.path.startswith("/v1/posts/")
    }
    for route in sweep:
        wish = {"caption": "Mine"} if "/posts/" in route.path else {"description": "Mine"}
        edit = {"json": wish, "headers": {"if-match": '"1"'}} if route.method == "PATCH" else {}
        for real in (
            victim.account.id,
            foreign["id"],
            *changeable,
            victim.account.ig_user_id,
            foreign["media_id"],
            hook,
            event,
        ):
            answers = [
                intruder.api.request(route.method, route.filled(id=id_, delivery_id=id_), **edit)
                for id_ in and_absent(real)
            ]
            assert told(answers[0]) == told(answers[1]), route


def test_a_foreign_account_cannot_be_posted_to(intruder, victim, untouched):
    for path in ("/v1/posts", "/v1/posts/validate"):
        answers = [
            intruder.api.post(path, json=intruder.body(account_id=account_id))
            for account_id in and_absent(victim.account.id)
        ]
        assert told(answers[0]) == told(answers[1]), path


def test_a_foreign_account_cannot_be_one_of_many(intruder, victim, untouched):
    answers = [
        intruder.api.post("/v1/posts", json=intruder.body(account_id=None, account_ids=[account_id]))
        for account_id in and_absent(victim.account.id)
    ]
    assert [pointers(answer, "invalid_post") for answer in answers] == [{"/account_ids/0": "not_found"}] * 2


def test_a_foreign_account_lists_nothing(intruder, victim, foreign, untouched):
    assert intruder.api.get("/v1/posts", params={"account_id": victim.account.id}).json()["data"] == []
    assert intruder.api.get("/v1/posts").json()["data"] == []
    assert [each["id"] for each in intruder.api.get("/v1/accounts").json()["data"]] == [intruder.account.id]


@pytest.mark.parametrize("name", ["tenant_id", "x-tenant-id", "x-amzn-tenant-id"])
def test_a_tenant_is_named_by_its_credential_and_nothing_else(intruder, victim, foreign, untouched, name):
    path = f"/v1/posts/{foreign['id']}"
    assert refused(intruder.api.get(path, headers={name: victim.id}), 404)
    assert refused(intruder.api.get(path, params={name: victim.id}), 422)


def test_a_sealed_token_that_is_copied_to_another_account_opens_for_nobody(cloud, victim, tenant):
    (theirs,) = [value for key, value in aws.items_of(cloud, "AccountsTableName", victim.id).items() if "TOKEN#" in key]
    stolen = theirs | {"pk": {"S": f"TENANT#{tenant.id}"}, "sk": {"S": f"TOKEN#{tenant.account.id}"}}
    cloud.client("dynamodb").put_item(TableName=cloud.outputs["AccountsTableName"], Item=stolen)
    live, post = victim.instagram.live(victim.account.username), tenant.publish()
    assert (post["state"], post["problem"]["code"], post["problem"]["actor"]) == (
        "failed",
        "token_unreadable",
        "operator",
    )
    assert victim.instagram.live(victim.account.username) == live
    assert tenant.instagram.live(tenant.account.username) == []
    disconnected = tenant.api.delete(f"/v1/accounts/{tenant.account.id}")
    assert (disconnected.status_code, disconnected.json()["is_instagram_told"]) == (200, False)


def test_pages_follow_each_other_without_a_gap_and_a_cursor_is_its_tenants(cloud, new_tenant, connect, intruder):
    """The posts are copies of a real one, put into the table: paging needs many, and publishing takes its time."""
    owner = new_tenant()
    connect(owner)
    ids = _with_copies(cloud, owner, owner.publish()["id"], 6)
    seen, cursors, query = [], [], {"limit": "3"}
    while True:
        page = owner.api.get("/v1/posts", params=query).json()
        seen += [post["id"] for post in page["data"]]
        if not page["has_more"]:
            break
        cursors.append(page["next_cursor"])
        query = {"limit": "3", "cursor": cursors[-1]}
    assert (seen, page["next_cursor"]) == (sorted(ids, reverse=True), None)
    assert len(cursors) == 2
    by_account = owner.api.get("/v1/posts", params={"account_id": owner.account.id, "limit": "3", "cursor": cursors[0]})
    assert [post["id"] for post in by_account.json()["data"]] == seen[3:6]
    _refuses_wrong_cursors(owner, intruder, cursors[0])


def test_accounts_come_in_pages_too(tenant, connect, intruder):
    both = [tenant.account.id, connect(tenant).id]
    first = tenant.api.get("/v1/accounts", params={"limit": 1}).json()
    second = tenant.api.get("/v1/accounts", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [view["id"] for page in (first, second) for view in page["data"]] == both
    answer = intruder.api.get("/v1/accounts", params={"cursor": first["next_cursor"]})
    assert refused(answer, 400)["code"] == "cursor_invalid"


def _with_copies(cloud, owner, post_id, count):
    items = aws.items_of(cloud, "PostsTableName", owner.id)
    ids = [post_id] + [f"{post_id[:-2]}{number:02}" for number in range(count)]
    for copied in ids[1:]:
        item = items[f"POST#{post_id}"] | {"sk": {"S": f"POST#{copied}"}, "id": {"S": copied}}
        cloud.client("dynamodb").put_item(TableName=cloud.outputs["PostsTableName"], Item=item)
    return ids


def _refuses_wrong_cursors(owner, intruder, cursor):
    assert refused(intruder.api.get("/v1/posts", params={"cursor": cursor}), 400)["code"] == "cursor_invalid"
    for tampered in (cursor[1:], cursor[::-1], "e30", "%00", "…", f"{cursor}="):
        answer = owner.api.get("/v1/posts", params={"cursor": tampered})
        assert refused(answer, 400)["code"] == "cursor_invalid", tampered
