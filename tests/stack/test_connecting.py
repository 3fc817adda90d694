"""Connecting and disconnecting, as the owner of an Instagram account sees it in a browser of their own."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from darkroom.connection import COOKIE
from tests.stack import aws
from tests.stack.clouds import RETURN_ORIGIN
from tests.stack.people import result
from tests.stack.problems import pointers, refused

RETURN_URL = f"{RETURN_ORIGIN}/done?step=2"


@pytest.fixture
def fresh(new_tenant):
    """A tenant that has connected nothing yet."""
    return new_tenant()


@pytest.fixture
def owner(new_owner):
    return new_owner()


def told(answer, status=400):
    """The page that a person sees: its heading, once its headers are right."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    return answer.text.partition("<h1>")[2].partition("</h1>")[0]


def connected(tenant):
    return tenant.api.get("/v1/accounts").json()["data"]


def stored(cloud, tenant):
    return aws.items_of(cloud, "AccountsTableName", tenant.id)


INVALID = "This connect link has expired, was used, or belongs to another browser."


# ── The good way ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_return_url_the_owner_sees_a_page(fresh, owner):
    answer = owner.connect(fresh.link())
    assert told(answer, 200) == "Connected"
    assert f"@{owner.username} is connected." in answer.text
    (account,) = connected(fresh)
    assert (account["username"], account["state"], account["is_default"]) == (owner.username, "connected", True)
    assert account["is_webhook_subscribed"] is True


def test_with_a_return_url_the_owner_is_sent_back_with_a_result_and_no_secret(fresh, owner):
    answer = owner.connect(fresh.link(return_url=RETURN_URL))
    assert answer.headers["location"].startswith(f"{RETURN_URL}&")
    (account,) = connected(fresh)
    assert result(answer) == {"step": "2", "result": "connected", "account_id": account["id"]}
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")


def test_the_browser_is_tied_to_the_session_by_a_cookie_that_scripts_cannot_read(fresh, owner):
    answer = owner.browser.get(fresh.link())
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"{COOKIE}_con_")
    assert {"HttpOnly", "SameSite=Lax", "Path=/oauth", "Max-Age=600"} == set(attributes)
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")


def test_connecting_again_keeps_the_account_and_its_posts(cloud, fresh, owner, connect):
    before = connect(fresh, owner)
    post = fresh.publish()
    sealed = stored(cloud, fresh)[f"TOKEN#{before.id}"]
    assert connect(fresh, owner) == before
    assert stored(cloud, fresh)[f"TOKEN#{before.id}"]["ciphertext"] != sealed["ciphertext"]
    assert fresh.api.get(f"/v1/posts/{post['id']}").json()["media_id"] == post["media_id"]
    assert fresh.publish()["state"] == "published"


def test_opening_the_link_again_starts_over_and_the_first_state_is_void(fresh, owner):
    link = fresh.link()
    first = owner.decide(link)
    second = owner.decide(link)
    assert told(owner.browser.get(first)) == INVALID
    assert told(owner.browser.get(second), 200) == "Connected"


# ── What owners and strangers do ─────────────────────────────────────────────────────────────────────────────────────


def test_a_denied_consent_is_told_on_a_page(cloud, fresh, owner):
    answer = owner.browser.get(owner.decide(fresh.link(), "deny"))
    assert told(answer) == "Access was not granted on Instagram."
    assert stored(cloud, fresh) == {}


def test_a_denied_consent_is_told_to_the_return_url(cloud, fresh, owner):
    answer = owner.browser.get(owner.decide(fresh.link(return_url=RETURN_URL), "deny"))
    assert result(answer) == {"step": "2", "result": "failed", "code": "consent_denied"}
    assert stored(cloud, fresh) == {}


def test_what_instagram_describes_is_never_shown_as_html(fresh, owner):
    callback = owner.decide(fresh.link(), "deny")
    parts = urlsplit(callback)
    query = dict(parse_qsl(parts.query)) | {"error": "<script>a</script>", "error_description": "<script>b</script>"}
    answer = owner.browser.get(parts._replace(query=urlencode(query)).geturl())
    assert told(answer) == "Access was not granted on Instagram."


@pytest.mark.parametrize("return_url", [None, RETURN_URL])
def test_without_a_needed_permission_nothing_is_stored(cloud, fresh, owner, return_url):
    callback = owner.decide(fresh.link(return_url=return_url), scopes="instagram_business_basic")
    answer = owner.browser.get(callback)
    if return_url:
        assert result(answer) == {"step": "2", "result": "failed", "code": "permissions_missing"}
    else:
        assert told(answer, 422) == "Instagram did not grant every permission that is needed."
        assert "instagram_business_content_publish" in answer.text
    assert stored(cloud, fresh) == {}


def test_a_second_callback_connects_nothing_and_changes_nothing(cloud, fresh, owner, instagram):
    callback = owner.decide(fresh.link(return_url=RETURN_URL))
    assert result(owner.browser.get(callback))["result"] == "connected"
    before, calls = stored(cloud, fresh), len(instagram.calls())
    assert told(owner.browser.get(callback)) == INVALID
    assert stored(cloud, fresh) == before
    assert len(instagram.calls()) == calls


@pytest.mark.parametrize("whose", ["no", "another"])
def test_a_callback_in_another_browser_connects_nothing(cloud, fresh, owner, new_owner, whose):
    """Also when it has a cookie of a session of its own: nobody can be made to connect somebody else's account."""
    victim = new_owner()
    if whose == "another":
        victim.open(fresh.link())
    callback, calls = owner.decide(fresh.link(return_url=RETURN_URL)), len(fresh.instagram.calls())
    assert told(victim.browser.get(callback)) == INVALID
    assert told(owner.browser.get(callback)) == INVALID  # its state was shown to somebody else, so it is void
    assert stored(cloud, fresh) == {}
    assert len(fresh.instagram.calls()) == calls


def test_a_state_of_another_session_does_not_fit(cloud, fresh, owner, new_tenant, new_owner):
    """The other tenant's state with this owner's code, and the two halves of two states."""
    other, stranger = new_tenant(), new_owner()
    mine, theirs = urlsplit(owner.decide(fresh.link())), urlsplit(stranger.decide(other.link()))
    my_query, their_query = dict(parse_qsl(mine.query)), dict(parse_qsl(theirs.query))
    session, secret = my_query["state"].split(".")[0], their_query["state"].split(".")[1]
    for state in (their_query["state"], f"{session}.{secret}"):
        query = urlencode(my_query | {"state": state})
        assert told(owner.browser.get(mine._replace(query=query).geturl())) == INVALID
    assert stored(cloud, fresh) == stored(cloud, other) == {}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=abc",
        "state=&code=abc",
        "state=con_01M83R1RH6PMXMA0KCYHG64T1V.short&code=a",
        f"state=con_01M83R1RH6PMXMA0KCYHG64T1V.{'x' * 43}&code=a",
        f"state={'x' * 5000}&code={'y' * 8000}",
        "state=%00%ff&code=%00",
        "state[]=a&code[]=b",
        "state=a&state=b&code=c",
        "error=access_denied&error_description=<script>alert(1)</script>",
    ],
    ids=lambda query: query[:20] or "nothing",
)
def test_a_callback_that_nobody_started_is_a_page_and_calls_nobody(owner, cloud, instagram, query):
    calls = len(instagram.calls())
    assert told(owner.browser.get(f"{cloud.api_url}/oauth/instagram/callback?{query}")) == INVALID
    assert len(instagram.calls()) == calls


def test_a_code_that_instagram_does_not_know_connects_nothing(cloud, fresh, owner):
    callback = urlsplit(owner.decide(fresh.link()))
    query = urlencode(dict(parse_qsl(callback.query)) | {"code": "AQB" + "x" * 60})
    answer = owner.browser.get(callback._replace(query=query).geturl())
    assert told(answer) == "Instagram did not accept the sign-in."
    assert stored(cloud, fresh) == {}


def test_a_session_that_has_expired_neither_starts_nor_ends(cloud, fresh, owner):
    """Its ten minutes are moved into the past in the table; DynamoDB may take days to delete what has expired."""
    link, other = fresh.link(), fresh.link()
    callback = owner.decide(link)
    for session in aws.items(cloud, "CallersTableName"):
        if session["pk"]["S"].startswith("CONNECT#") and session["tenant_id"]["S"] == fresh.id:
            session["expires_at"] = {"N": str(int(session["expires_at"]["N"]) - 601)}
            cloud.client("dynamodb").put_item(TableName=cloud.outputs["CallersTableName"], Item=session)
    assert told(owner.browser.get(callback)) == INVALID
    assert told(owner.browser.get(other)) == INVALID
    assert stored(cloud, fresh) == {}


@pytest.mark.parametrize(
    "return_url",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "https://app.example.evil.example/",
        "https://app.example@evil.example/",
        "http://app.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://app.example/\r\nset-cookie: a=b",
    ],
)
def test_a_return_url_of_a_stranger_is_refused(fresh, return_url):
    answer = fresh.api.post("/v1/connect-sessions", json={"return_url": return_url})
    assert refused(answer, 422)["code"] == "return_url_refused"


def test_scopes_are_those_of_instagram_and_the_needed_ones_stay(fresh):
    answer = fresh.api.post("/v1/connect-sessions", json={"scopes": ["instagram_business_basic", "admin"]})
    assert pointers(answer) == {"/scopes/1": "unknown_scope", "/scopes": "scope_needed"}


# ── One Instagram account, one tenant ────────────────────────────────────────────────────────────────────────────────


def test_an_account_stays_with_the_tenant_that_connected_it_first(cloud, tenant, fresh, new_owner):
    same = new_owner(tenant.account.username)
    before = aws.items(cloud, "AccountsTableName")
    answer = same.connect(fresh.link())
    assert told(answer, 409) == "This Instagram account is connected to another customer."
    assert tenant.id not in answer.text
    assert result(same.connect(fresh.link(return_url=RETURN_URL))) == {
        "step": "2",
        "result": "failed",
        "code": "account_connected_elsewhere",
    }
    assert aws.items(cloud, "AccountsTableName") == before
    assert tenant.publish()["state"] == "published"


def test_disconnecting_erases_the_token_tells_instagram_and_frees_the_account(
    cloud, tenant, fresh, instagram, new_owner
):
    account = tenant.account
    post = tenant.publish()
    answer = tenant.api.delete(f"/v1/accounts/{account.id}")
    assert (answer.status_code, answer.json()) == (200, {"id": account.id, "is_instagram_told": True})
    assert len(instagram.calls(account.ig_user_id, "DELETE /{ig}/subscribed_apps")) == 1
    assert stored(cloud, tenant) == {}
    assert account.ig_user_id not in str(aws.items(cloud, "AccountsTableName"))
    assert refused(tenant.api.get(f"/v1/accounts/{account.id}"), 404)
    assert refused(tenant.api.delete(f"/v1/accounts/{account.id}"), 404)
    assert refused(tenant.api.post("/v1/posts", json=tenant.body()), 404)
    nameless = {name: value for name, value in tenant.body().items() if name != "account_id"}
    assert refused(tenant.api.post("/v1/posts", json=nameless), 422)["code"] == "no_default_account"
    assert tenant.api.get(f"/v1/posts/{post['id']}").json()["state"] == "published"
    assert told(new_owner(account.username).connect(fresh.link()), 200) == "Connected"


def test_disconnecting_works_while_instagram_is_down(cloud, tenant, instagram):
    instagram.fail(f"DELETE /{tenant.account.ig_user_id}/subscribed_apps", "http_5xx")
    answer = tenant.api.delete(f"/v1/accounts/{tenant.account.id}")
    assert (answer.status_code, answer.json()["is_instagram_told"]) == (200, False)
    assert stored(cloud, tenant) == {}


def test_a_post_without_an_account_goes_to_the_default_one(tenant, connect, instagram):
    first, second = tenant.account, connect(tenant)
    nameless = {"kind": "image", "media": [{"url": instagram.sample("photo.jpg")}]}
    assert tenant.follow(tenant.accepted(tenant.api.post("/v1/posts", json=nameless)))["account_id"] == first.id
    chosen = tenant.api.post(f"/v1/accounts/{second.id}/default")
    assert (chosen.status_code, chosen.json()["is_default"]) == (200, True)
    assert tenant.follow(tenant.accepted(tenant.api.post("/v1/posts", json=nameless)))["account_id"] == second.id
    assert {view["id"]: view["is_default"] for view in connected(tenant)} == {first.id: False, second.id: True}
    assert len(instagram.live(first.username)) == len(instagram.live(second.username)) == 1


def test_health_says_what_is_known_and_what_to_do(tenant):
    health = tenant.api.get(f"/v1/accounts/{tenant.account.id}/health").json()
    assert (health["is_healthy"], health["advice"], health["scopes_missing"]) == (True, [], [])
    assert 58 <= health["token_days_left"] <= 60
