"""Every HTTP function with realistic events; each JSON answer is held against openapi.json."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from jsonschema import Draft202012Validator

from darkroom.connection import cookie_name
from darkroom.errors import ConfigurationError, StoreUnavailableError
from darkroom.http import PUBLIC
from darkroom.ids import new_id
from darkroom.instagram.errors import InstagramUnavailableError
from darkroom.limits import POSTS_A_MINUTE
from darkroom.posts import PostState
from tests.builders import NOW, OTHER_TENANT, TENANT, a_call, a_post, an_account, an_endpoint, an_event, content
from tests.events import answered, event, http_event
from tests.fake_facebook import a_page
from tests.functions.world import ACCOUNT_ID, FOLDER, app, call

LINKS = ("app", "redirect_uri", "permissions", "webhooks", "token", "quota", "last_problem", "account")
DOCUMENT = json.loads((FOLDER.parent / "openapi.json").read_text())
HTTP = [
    "account_health",
    "data_deletion",
    "deauthorize",
    "deletion_status",
    "export_tenant",
    "accounts_api",
    "change_post",
    "choose_account",
    "change_webhook_endpoint",
    "connect",
    "connect_callback",
    "connect_facebook_callback",
    "disconnect_account",
    "events_api",
    "post_timeline",
    "posts_api",
    "publishing_limit",
    "service_api",
    "webhook_deliveries_api",
    "webhook_endpoints_api",
]
ROUTES = {key: (name, route) for name in HTTP for key, route in app(name).handler.routes.items()}


def ask(route: str, *, parameters: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
    """Calls the function of a route; its answer keeps the promise of openapi.json."""
    path = route.partition(" ")[2]
    for name, value in (parameters or {}).items():
        path = path.replace(f"{{{name}}}", value)
    answer = call(ROUTES[route][0], http_event(route, path=path, parameters=parameters, **given))
    promised(route, answer)
    return answer


def promised(route: str, answer: dict[str, Any]) -> None:
    method, _, path = route.partition(" ")
    responses = DOCUMENT["paths"][path][method.lower()]["responses"]
    response = responses.get(str(answer["statusCode"])) or responses.get("default")
    assert response, f"{route} does not promise {answer['statusCode']}"
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    for name in response["headers"]:
        if DOCUMENT["components"]["headers"][name].get("required"):
            assert name.lower() in answer["headers"]
    content_type = answer["headers"].get("content-type", "").partition(";")[0]
    if "json" in content_type:
        schema = response["content"][content_type]["schema"]
        Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(answered(answer))


def refused(answer: dict[str, Any]) -> tuple[int, str]:
    assert answer["headers"]["content-type"] == "application/problem+json"
    return answer["statusCode"], answered(answer)["code"]


# Every route, whoever asks


@pytest.mark.parametrize("route", [key for key, (_, route) in ROUTES.items() if route.scope != PUBLIC])
@pytest.mark.parametrize("said", [{}, {"refused": "This API key is not known.", "code": "unauthenticated"}])
def test_a_route_that_is_not_public_answers_401_to_a_stranger(world, route, said):
    answer = ask(route, caller=said, parameters={"id": ACCOUNT_ID} if "{id}" in route else None)
    assert refused(answer) == (401, "unauthenticated")
    assert world.instagram.calls == []


@pytest.mark.parametrize("route", [key for key, (_, route) in ROUTES.items() if route.scope != PUBLIC])
def test_a_route_answers_403_to_a_caller_with_every_scope_but_its_own(world, route):
    from darkroom.tenants import SCOPES  # noqa: PLC0415 — beside its one use

    others = " ".join(set(SCOPES) - {ROUTES[route][1].scope, "admin"})
    answer = ask(route, caller={"tenant_id": TENANT, "scopes": others})
    assert refused(answer) == (403, "scope_missing")


@pytest.mark.parametrize("route", [key for key in ROUTES if "{id}" in key])
@pytest.mark.parametrize(
    "caller",
    [
        {"tenant_id": OTHER_TENANT, "scopes": "admin"},
        {"tenant_id": TENANT, "scopes": "admin", "account_ids": "acc_another"},
        {"tenant_id": TENANT, "scopes": "admin", "account_ids": ""},
    ],
)
def test_what_belongs_to_another_is_not_there(world, route, caller):
    """OWASP API1: the same answer as for what does not exist, and nothing is touched."""
    post = world.posts.add(a_post(account_id=ACCOUNT_ID))
    endpoint, happened = an_endpoint(account_ids=(ACCOUNT_ID,)), an_event(account_id=ACCOUNT_ID)
    world.endpoints.add(endpoint, "whsec_eA==")
    world.events.add(happened)
    owners = {"/posts/": post.id, "/webhook-endpoints/": endpoint.id, "/events/": happened.id}
    owned = next((found for part, found in owners.items() if part in route), ACCOUNT_ID)
    more = {"delivery_id": "dlv_00000000000000000000000001"} if "{delivery_id}" in route else {}
    before = (dict(world.accounts.stored), dict(world.posts.stored), dict(world.accounts.defaults))
    given = {"body": {}, "headers": {"if-match": '"1"'}} if route.startswith("PATCH") else {}
    theirs = ask(route, caller=caller, parameters={"id": owned} | more, **given)
    absent = ask(route, caller=caller, parameters={"id": "acc_00000000000000000000000009"} | more, **given)
    assert refused(theirs) == (404, "not_found")
    known = {"request_id", "instance"}
    assert {k: v for k, v in answered(theirs).items() if k not in known} == {
        k: v for k, v in answered(absent).items() if k not in known
    }
    assert (world.accounts.stored, world.posts.stored, world.accounts.defaults) == before
    assert world.instagram.calls == []
    assert world.endpoints.get(TENANT, endpoint.id) == endpoint
    assert world.outgoing_queue.sent == []


@pytest.mark.parametrize("route", [key for key in ROUTES if "{" in key])
@pytest.mark.parametrize("value", ["é", "x" * 2000, "\x00", " "])
def test_an_impossible_id_is_a_404(world, route, value):
    name = "code" if "{code}" in route else "id"
    assert refused(ask(route, parameters={name: value})) == (404, "not_found")


# Posts


def test_a_post_is_accepted_stored_and_started(world):
    answer = call("posts_api", event("posts_api"))
    promised("POST /v1/posts", answer)
    assert answer["statusCode"] == 202
    told = answered(answer)
    assert answer["headers"]["location"] == f"/v1/posts/{told['id']}"
    assert (told["state"], told["account_id"], told["external_id"]) == ("queued", ACCOUNT_ID, "campaign-42")
    assert [each["url"] for each in told["media"]] == [
        "https://media.example.com/one.jpg",
        "https://media.example.com/two.mp4",
    ]
    assert list(world.workflows.started) == [told["id"]]
    stored = world.posts.get(TENANT, told["id"])
    assert stored.request_id == answer["headers"]["x-request-id"]


def test_the_same_request_twice_is_one_post(world):
    first, second = call("posts_api", event("posts_api")), call("posts_api", event("posts_api"))
    assert answered(first) == answered(second)
    promised("POST /v1/posts", second)
    assert len(world.posts.stored) == len(world.workflows.started) == 1


def test_a_retry_after_the_workflow_could_not_start_is_the_same_post(world):
    world.workflows.failure = StoreUnavailableError()
    first = call("posts_api", event("posts_api"))
    assert first["statusCode"] == 202, "it is stored, and the watchdog starts it"
    world.workflows.failure = None
    second = call("posts_api", event("posts_api"))
    assert answered(second)["id"] == answered(first)["id"]
    assert len(world.posts.stored) == 1


def answer_lost(world):
    """The worker died when everything was done but keeping the answer."""
    for digest, record in world.records.stored.items():
        world.records.stored[digest] = replace(record, answer=None, locked_until=0)


def test_a_post_that_was_accepted_stays_so_for_its_caller_although_the_answer_was_lost(world):
    first = call("posts_api", event("posts_api"))
    answer_lost(world)
    world.accounts.erase(world.account)
    second = call("posts_api", event("posts_api"))
    assert (second["statusCode"], answered(second)) == (202, answered(first))


@pytest.mark.parametrize(("deed", "state"), [("publish", PostState.DRAFT), ("retry", PostState.FAILED)])
def test_so_does_one_that_was_published_now_or_tried_again(world, deed, state):
    post = world.posts.add(a_post(account_id=ACCOUNT_ID, state=state, queued_at=None))
    world.clock.now = datetime.now(UTC) + timedelta(seconds=1)
    given = {"parameters": {"id": post.id}, "headers": {"idempotency-key": "key-1"}}
    first = ask(f"POST /v1/posts/{{id}}/{deed}", **given)
    answer_lost(world)
    second = ask(f"POST /v1/posts/{{id}}/{deed}", **given)
    assert (second["statusCode"], answered(second)) == (202, answered(first))
    assert len(world.workflows.runs) == 1


def test_too_many_posts_of_a_tenant_are_refused_until_the_minute_is_over_and_the_key_stays_free(world):
    world.rates.take(TENANT, POSTS_A_MINUTE.value, world.clock())
    given = {"body": {"kind": "image", "media": [{"url": "https://media.example.com/a.jpg"}]}}
    given["headers"] = {"idempotency-key": "key-1"}
    refused = ask("POST /v1/posts", **given)
    told, seconds = answered(refused), int(refused["headers"]["retry-after"])
    assert (refused["statusCode"], told["code"], told["actor"]) == (429, "too_many_requests", "caller")
    assert told["retry"] == {"allowed": True, "automatic": False, "after": seconds}
    assert 0 < seconds <= 60
    for deed, state in (("publish", PostState.DRAFT), ("retry", PostState.FAILED)):
        post = world.posts.add(a_post(account_id=ACCOUNT_ID, state=state, queued_at=None, id=new_id("post", NOW)))
        assert ask(f"POST /v1/posts/{{id}}/{deed}", parameters={"id": post.id})["statusCode"] == 429
    assert not world.workflows.runs
    world.clock.advance(seconds)
    assert ask("POST /v1/posts", **given)["statusCode"] == 202


def test_without_an_account_the_default_one_publishes(world):
    answer = ask("POST /v1/posts", body={"kind": "image", "media": [{"url": "https://media.example.com/a.jpg"}]})
    assert answered(answer)["account_id"] == ACCOUNT_ID


WRONG_POSTS = [
    ({"kind": "story", "caption": "x"}, 422, "invalid_post"),
    ({"account_id": "acc_00000000000000000000000009"}, 404, "not_found"),
    ({"external_id": "x" * 256}, 422, "invalid_post"),
    ({"media": [{"url": "http://169.254.169.254/latest"}]}, 422, "invalid_post"),
    ({"media": [{"url": f"{n}"} for n in range(12_000)], "kind": "carousel"}, 422, "invalid_post"),
]


@pytest.mark.parametrize("route", ["POST /v1/posts", "POST /v1/posts/validate"])
@pytest.mark.parametrize(("changes", "status", "code"), WRONG_POSTS)
def test_a_wrong_post_is_refused_and_nothing_is_written(world, route, changes, status, code):
    body = {"kind": "image", "media": [{"url": "https://media.example.com/a.jpg"}], **changes}
    answer = ask(route, body=body)
    assert refused(answer) == (status, code)
    assert len(answer["body"]) < 32_768
    assert world.posts.stored == {}
    assert not world.workflows.started


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token_expires_at": NOW}, "reauthorization_required"),
        ({"scopes": ("instagram_business_basic",)}, "permissions_missing"),
    ],
)
def test_an_account_that_cannot_publish_is_told_before_anything_is_written(world, changes, code):
    world.accounts.connect(an_account(id=ACCOUNT_ID, token_version=2, **changes), "token")
    answer = ask("POST /v1/posts", body={"kind": "image", "media": [{"url": "https://media.example.com/a.jpg"}]})
    assert refused(answer)[1] == code
    assert answered(answer)["actor"] == "owner"
    assert world.posts.stored == {}


def test_a_tenant_without_accounts_is_told_to_connect_one(world):
    caller = {"tenant_id": OTHER_TENANT, "scopes": "admin"}
    body = {"kind": "image", "media": [{"url": "https://media.example.com/a.jpg"}]}
    assert refused(ask("POST /v1/posts", body=body, caller=caller)) == (422, "no_default_account")


def test_validating_shows_the_plan_and_writes_nothing(world):
    made = event("posts_api")
    made["routeKey"] = "POST /v1/posts/validate"
    answer = call("posts_api", made)
    promised("POST /v1/posts/validate", answer)
    told = answered(answer)
    assert [item.get("media_type") for item in told["items"]] == [None, "VIDEO"]
    assert told["main"] == {"media_type": "CAROUSEL", "caption": "Fresh from the darkroom #film"}
    assert world.posts.stored == {}
    assert world.records.stored == {}


def test_posts_are_read_newest_first_and_page_by_page(world):
    posts = [world.posts.add(a_post(account_id=ACCOUNT_ID, accepted_at=NOW + timedelta(hours=n))) for n in range(5)]
    seen, cursor = [], None
    while True:
        page = answered(ask("GET /v1/posts", query={"limit": "2"} | ({"cursor": cursor} if cursor else {})))
        seen += [post["id"] for post in page["data"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            break
    assert seen == [post.id for post in reversed(posts)]


def test_a_cursor_of_another_tenant_is_refused(world):
    for number in range(3):
        world.posts.add(a_post(account_id=ACCOUNT_ID, accepted_at=NOW + timedelta(hours=number)))
    cursor = answered(ask("GET /v1/posts", query={"limit": "1"}))["next_cursor"]
    answer = ask("GET /v1/posts", query={"cursor": cursor}, caller={"tenant_id": OTHER_TENANT, "scopes": "admin"})
    assert refused(answer) == (400, "cursor_invalid")


@pytest.mark.parametrize("kind", ["image", "carousel", "reel", "story"])
@pytest.mark.parametrize("state", PostState)
def test_a_post_of_any_kind_in_any_state_can_be_shown(world, kind, state):
    post = world.posts.add(a_post(account_id=ACCOUNT_ID, content=content(kind), state=state, problem={"code": "x"}))
    assert answered(ask("GET /v1/posts/{id}", parameters={"id": post.id}))["state"] == state


def test_a_timeline_tells_states_and_calls_in_order_of_time(world):
    post = world.posts.add(a_post(account_id=ACCOUNT_ID, accepted_at=NOW - timedelta(seconds=9)))
    call_entry = a_call(status=None, error="OutcomeUnknownError", duration_ms=28004.2, app_usage_percent=28)
    world.posts.timeline.add(TENANT, post.id, call_entry)
    told = answered(ask("GET /v1/posts/{id}/timeline", parameters={"id": post.id}))
    state, asked = told["data"]
    assert told["has_earlier"] is False
    assert (state["at"], state["kind"], state["state"]) == ("2026-11-23T09:29:51.000Z", "state", "queued")
    assert (asked["kind"], asked["step"], asked["method"]) == ("call", "CreateContainer", "POST")
    assert (asked["path"], asked["status"], asked["duration_ms"]) == ("/{ig-user-id}/media", None, 28004.2)
    assert state.keys() == asked.keys(), "what does not apply is null"


def test_the_example_of_a_timeline_s_request_is_understood(world):
    answer = call("post_timeline", event("post_timeline"))
    promised("GET /v1/posts/{id}/timeline", answer)
    assert refused(answer) == (404, "not_found")


# Accounts


def test_accounts_are_listed(world):
    answer = call("accounts_api", event("accounts_api"))
    promised("GET /v1/accounts", answer)
    (account,) = answered(answer)["data"]
    assert (account["id"], account["username"], account["is_default"]) == (ACCOUNT_ID, "acme.studio", True)
    assert "CANARY" not in answer["body"]


def test_a_key_for_one_account_lists_one(world):
    world.accounts.connect(an_account(id="acc_2", ig_user_id="2"), "token")
    answer = ask("GET /v1/accounts", caller={"tenant_id": TENANT, "scopes": "accounts:read", "account_ids": "acc_2"})
    assert [account["id"] for account in answered(answer)["data"]] == ["acc_2"]


def test_an_account_is_read_with_its_health(world):
    assert answered(ask("GET /v1/accounts/{id}", parameters={"id": ACCOUNT_ID}))["id"] == ACCOUNT_ID
    told = answered(ask("GET /v1/accounts/{id}/health", parameters={"id": ACCOUNT_ID}))
    assert told["scopes_missing"] == []
    assert {each["link"]: each["status"] for each in told["checks"]} == dict.fromkeys(LINKS, "ok")


def test_the_default_account_can_be_chosen(world):
    world.accounts.connect(an_account(id="acc_2", ig_user_id="2"), "token")
    answer = ask("POST /v1/accounts/{id}/default", parameters={"id": "acc_2"})
    assert answered(answer)["is_default"] is True
    assert world.accounts.default_id(TENANT) == "acc_2"


@pytest.mark.parametrize("is_told", [True, False])
def test_disconnecting_erases_the_account_whether_instagram_hears_or_not(world, is_told):
    if not is_told:
        world.instagram.fail("unsubscribe_webhooks", InstagramUnavailableError())
    answer = call("disconnect_account", event("disconnect_account"))
    promised("DELETE /v1/accounts/{id}", answer)
    assert answered(answer) == {"id": ACCOUNT_ID, "is_instagram_told": is_told}
    assert world.accounts.stored == world.accounts.tokens == world.accounts.holders == {}
    assert refused(call("disconnect_account", event("disconnect_account"))) == (404, "not_found")


def test_the_publishing_limit_is_instagrams_own_count(world):
    answer = call("publishing_limit", event("publishing_limit"))
    promised("GET /v1/accounts/{id}/publishing-limit", answer)
    told = answered(answer)
    assert (told["quota_usage"], told["quota_total"], told["is_live"]) == (0, 100, True)
    assert world.quota.allowance(TENANT, ACCOUNT_ID).quota_total == 100


def test_while_the_account_rests_its_limit_is_not_asked_for(world):
    world.quota.pause(TENANT, ACCOUNT_ID, NOW + timedelta(minutes=7))
    answer = ask("GET /v1/accounts/{id}/publishing-limit", parameters={"id": ACCOUNT_ID})
    assert refused(answer) == (429, "rate_limited")
    assert answer["headers"]["retry-after"] == "420"
    assert world.instagram.calls == []


# Connecting, as the owner's browser does it


def begun(world, **body: Any) -> dict[str, Any]:
    answer = ask("POST /v1/connect-sessions", body=body)
    assert answer["statusCode"] == 201
    told: dict[str, Any] = answered(answer)
    return told


def opened(link: str) -> tuple[dict[str, Any], str, str]:
    """The answer to the owner's click, with the state and the cookie that it gave."""
    (session,) = parse_qs(urlsplit(link).query)["session"]
    answer = ask("GET /oauth/instagram/start", query={"session": session}, caller={})
    (state,) = parse_qs(urlsplit(answer["headers"]["location"]).query)["state"]
    return answer, state, answer["cookies"][0].partition(";")[0]


def back(state: str, cookie: str, **query: str) -> dict[str, Any]:
    query = {"state": state, "code": "good-code", **query}
    return ask("GET /oauth/instagram/callback", query=query, cookies=[cookie], caller={})


def test_an_owner_connects_and_is_sent_back(world, lines):
    world.accounts.erase(world.account)
    link = begun(world, return_url="https://app.example.com/done")["authorize_url"]
    assert link.startswith(
        "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/oauth/instagram/start?session=con_"
    )
    start, state, cookie = opened(link)
    assert start["statusCode"] == 302
    assert cookie.startswith(f"{cookie_name(state)}=")
    assert re.search(r"; HttpOnly; SameSite=Lax; Secure$", start["cookies"][0])
    answer = back(state, cookie)
    (account,) = world.accounts.stored.values()
    assert answer["headers"]["location"] == f"https://app.example.com/done?result=connected&account_id={account.id}"
    secrets = [link.partition("session=")[2], state, cookie.partition("=")[2], "good-code", "CANARY"]
    assert not [secret for secret in secrets if secret in lines.getvalue()]
    assert not [secret for secret in secrets if secret in json.dumps(answer)]
    for each in (start, answer):
        assert each["headers"]["referrer-policy"] == "no-referrer"
        assert each["headers"]["cache-control"] == "no-store"


def test_a_callback_counts_once(world):
    _, state, cookie = opened(begun(world)["authorize_url"])
    assert back(state, cookie)["statusCode"] == 200
    answer = back(state, cookie)
    assert answer["statusCode"] == 400
    assert world.instagram.called("exchange_code") == 1


def test_another_browser_cannot_finish_what_this_one_began(world):
    _, state, _ = opened(begun(world, return_url="/done")["authorize_url"])
    _, _, other = opened(begun(world)["authorize_url"])
    for cookie in (other, f"{cookie_name(state)}=", "x=y"):
        answer = back(state, cookie)
        assert answer["statusCode"] == 400
        assert "location" not in answer["headers"]
    assert world.instagram.calls == []


def test_an_owner_who_says_no_is_sent_back_with_a_code(world):
    _, state, cookie = opened(begun(world, return_url="/done")["authorize_url"])
    answer = back(state, cookie, error="access_denied", error_description="<script>CANARY</script>")
    assert answer["headers"]["location"] == "/done?result=failed&code=consent_denied"
    assert "CANARY" not in json.dumps(answer)


@pytest.mark.parametrize("name", ["connect_start", "connect_callback", "connect_facebook_callback", "choose_account"])
def test_a_link_that_nobody_issued_is_a_page_that_says_so(world, lines, name):
    function = "connect" if name == "connect_start" else name
    answer = call(function, event(name))
    assert answer["statusCode"] == 400
    assert answer["headers"]["content-type"].startswith("text/html")
    assert "expired" in answer["body"]
    assert world.instagram.calls == []
    assert "Zr8Jm2Vb5Xc1" not in lines.getvalue()


@pytest.mark.parametrize(
    "query",
    [{}, {"state": ""}, {"state": "x" * 8000, "code": "x" * 8000}, {"state": "é", "code": "\ud800"}, {"error": "x"}],
)
def test_any_callback_is_answered_with_a_page(world, query):
    answer = ask("GET /oauth/instagram/callback", query=query, caller={})
    assert answer["statusCode"] == 400
    assert answer["headers"]["content-type"].startswith("text/html")


def through_facebook(world, **wish: Any) -> tuple[str, str, dict[str, Any]]:
    """State, cookie and the answer when Facebook has sent the owner back."""
    link = begun(world, login="facebook", **wish)["authorize_url"]
    (session,) = parse_qs(urlsplit(link).query)["session"]
    start = ask("GET /oauth/facebook/start", query={"session": session}, caller={})
    assert start["headers"]["location"].startswith("https://www.facebook.com/v25.0/dialog/oauth?client_id=870&")
    (state,) = parse_qs(urlsplit(start["headers"]["location"]).query)["state"]
    cookie = start["cookies"][0].partition(";")[0]
    query = {"state": state, "code": "good-code"}
    return state, cookie, ask("GET /oauth/facebook/callback", query=query, cookies=[cookie], caller={})


def choose(state: str, cookie: str, page_id: str, **given: Any) -> dict[str, Any]:
    body = urlencode({"state": state, "page_id": page_id})
    made = event("choose_account") | {"body": body, "cookies": [cookie]} | given
    answer = call("choose_account", made)
    promised("POST /oauth/facebook/choose", answer)
    return answer


def test_an_owner_connects_through_facebook(world, lines):
    world.accounts.erase(world.account)
    _, _, answer = through_facebook(world, return_url="/done")
    (account,) = world.accounts.stored.values()
    assert answer["headers"]["location"] == f"/done?result=connected&account_id={account.id}"
    shown = answered(ask("GET /v1/accounts/{id}", parameters={"id": account.id}))
    assert (shown["login"], shown["page_id"]) == ("facebook", account.page_id)
    assert "CANARY" not in lines.getvalue() + json.dumps(answer) + json.dumps(shown)


def test_an_owner_chooses_one_of_several_accounts(world, lines):
    world.accounts.erase(world.account)
    world.facebook.pages_shown = [[a_page(1), a_page(2)]]
    state, cookie, page = through_facebook(world, return_url="/done")
    assert page["statusCode"] == 200
    assert "@acme.2" in page["body"]
    assert choose(state, "x=y", a_page(2).id)["statusCode"] == 400
    answer = choose(state, cookie, a_page(2).id)
    (account,) = world.accounts.stored.values()
    assert answer["headers"]["location"] == f"/done?result=connected&account_id={account.id}"
    assert account.username == "acme.2"
    assert choose(state, cookie, a_page(2).id)["statusCode"] == 400
    assert "CANARY" not in lines.getvalue() + json.dumps([page, answer])
    assert state not in lines.getvalue()


def test_a_page_says_why_no_account_can_be_used(world, lines):
    world.facebook.pages_shown = [[a_page(1, account=None, name="<b>Shop</b>")]]
    _, _, answer = through_facebook(world)
    assert answer["statusCode"] == 422
    assert "&lt;b&gt;Shop&lt;/b&gt;: no Instagram professional account is linked to it" in answer["body"]
    assert "Shop" not in lines.getvalue()


@pytest.mark.parametrize(
    "given",
    [
        {"body": ""},
        {"body": None},
        {"body": "%ff%fe&&==&state"},
        {"body": "&".join(f"a{n}=1" for n in range(5000))},
        {"body": "state=a&state=b&page_id=x"},
        {"body": "/w==", "isBase64Encoded": True},
        {"body": "not base64", "isBase64Encoded": True},
        {"body": "state=" + "x" * 200_000},
    ],
    ids=lambda given: str(given)[:40],
)
def test_any_form_is_answered_without_a_failure_of_ours(world, given):
    assert choose("", "", "", **given)["statusCode"] == 400


def test_when_the_app_secret_is_missing_the_owner_sees_a_page(world, monkeypatch):
    from darkroom import bootstrap  # noqa: PLC0415 — to break it

    link = begun(world)["authorize_url"]
    (session,) = parse_qs(urlsplit(link).query)["session"]

    def missing() -> None:
        raise ConfigurationError(detail="The secret InstagramAppSecret has no usable app_id.")

    monkeypatch.setattr(bootstrap, "connect_ports", missing)
    answer = ask("GET /oauth/instagram/start", query={"session": session}, caller={})
    assert answer["statusCode"] == 503
    assert answer["headers"]["content-type"].startswith("text/html")
    assert "InstagramAppSecret" not in answer["body"]


@pytest.mark.parametrize(
    "return_url",
    ["//evil.example.com", "\\\\evil", "data:text/html,x", "https://evil.example.com", "javascript:x", "/\\x"],
)
def test_an_owner_is_never_sent_to_a_stranger(world, return_url):
    answer = ask("POST /v1/connect-sessions", body={"return_url": return_url})
    assert refused(answer) == (422, "return_url_refused")
    assert world.sessions.stored == {}


def test_scopes_that_do_not_exist_are_pointed_at(world):
    wanted = ["instagram_business_basic", "instagram_business_content_publish", "everything"]
    answer = ask("POST /v1/connect-sessions", body={"scopes": wanted})
    assert refused(answer) == (422, "invalid_request")
    assert [error["pointer"] for error in answered(answer)["errors"]] == ["/scopes/2"]


def test_an_endless_list_of_scopes_is_refused_at_once(world):
    answer = ask("POST /v1/connect-sessions", body={"scopes": [""] * 60_000})
    assert refused(answer) == (422, "invalid_request")
    assert len(answer["body"]) < 16_384


# What is true without a tenant


def test_health_says_version_and_stage(world):
    answer = call("service_api", event("service_api"))
    promised("GET /v1/health", answer)
    assert answered(answer)["is_healthy"] is True
    assert answered(answer)["stage"] == "test"


def test_the_limits_are_served(world):
    assert len(answered(ask("GET /v1/limits"))["data"]) > 10


def test_the_capabilities_are_served(world):
    assert len(answered(ask("GET /v1/capabilities"))["data"]) > 20


def test_each_code_explains_itself(world):
    told = answered(ask("GET /v1/errors/{code}", parameters={"code": "media_unreachable"}, caller={}))
    assert (told["status"], told["actor"]) == (422, "caller")
    assert refused(ask("GET /v1/errors/{code}", parameters={"code": "nonsense"}, caller={})) == (404, "not_found")


def test_a_path_that_is_not_ours_is_a_problem(world):
    answer = call("service_api", event("not_found"))
    assert refused(answer) == (404, "not_found")
    assert answered(answer)["instance"] == "/v2/posts"


# Nothing leaks


@pytest.mark.parametrize("name", [path.stem for path in sorted((FOLDER.parent / "events").glob("*.json"))])
def test_no_function_logs_its_credential_or_its_content(world, lines, name):
    function = {"connect_start": "connect", "not_found": "service_api"}.get(name, name)
    if Path(FOLDER / function).exists() and function in HTTP:
        call(function, event(name))
    said = lines.getvalue()
    assert not [secret for secret in ("drk_test_", "Fresh from", "media.example.com", "AQBx-hBsH3") if secret in said]
