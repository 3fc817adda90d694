import gzip
import logging
import threading
import traceback
from urllib.parse import parse_qs

import httpx
import pytest

from darkroom.instagram.client import InstagramClient
from darkroom.instagram.endpoints import COMMENTING, READING
from darkroom.instagram.errors import (
    AppCredentialsError,
    AuthorizationCodeError,
    InstagramError,
    InstagramUnavailableError,
    InvalidRequestError,
    OutcomeUnknownError,
    RateLimitedError,
    TokenInvalidError,
)
from darkroom.instagram.models import Access
from darkroom.instagram.protocol import Usage, appsecret_proof

CONTAINER = "17889455560051444"


@pytest.fixture
def asked(client_of):
    """Call the method on a client that answers with the given object; return the request as it left."""

    def ask(answer: dict, method: str, *arguments, **settings):
        requests = []

        def handler(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(200, json=answer)

        getattr(client_of(handler, **settings), method)(*arguments)
        (request,) = requests
        return request

    return ask


# What leaves.

TOKEN = {"access_token": "t", "user_id": "1", "expires_in": 10}
EVERY_CALL = {
    "exchange_code": (
        ("AQB", "https://app.example/callback"),
        TOKEN,
        "POST https://api.instagram.com/oauth/access_token",
    ),
    "exchange_for_long_lived": (("short",), TOKEN, "GET https://graph.instagram.com/access_token"),
    "refresh": (("long",), TOKEN, "GET https://graph.instagram.com/refresh_access_token"),
    "profile": (("long",), {"user_id": "1", "username": "a"}, "GET https://graph.instagram.com/v25.0/me"),
}
ACCOUNT_CALLS = {
    "create_container": (({"image_url": "https://x"},), {"id": "1"}, "POST /v25.0/17841405309211844/media"),
    "container_status": ((CONTAINER,), {"status_code": "FINISHED"}, f"GET /v25.0/{CONTAINER}"),
    "publish_container": ((CONTAINER,), {"id": "1"}, "POST /v25.0/17841405309211844/media_publish"),
    "media": (("17",), {"id": "17"}, "GET /v25.0/17"),
    "recent_media": ((), {"data": []}, "GET /v25.0/17841405309211844/media"),
    "stories": ((), {"data": []}, "GET /v25.0/17841405309211844/stories"),
    "publishing_limit": (
        (),
        {"data": [{"quota_usage": 0, "config": {"quota_total": 1}}]},
        "GET /v25.0/17841405309211844/content_publishing_limit",
    ),
    "add_comment": (("17", "CANARY-comment"), {"id": "1"}, "POST /v25.0/17/comments"),
    "comments": (("17",), {"data": []}, "GET /v25.0/17/comments"),
    "set_comments_enabled": (("17", False), {"success": True}, "POST /v25.0/17"),
    "subscribe_webhooks": ((["comments"],), {"success": True}, "POST /v25.0/17841405309211844/subscribed_apps"),
    "unsubscribe_webhooks": ((), {"success": True}, "DELETE /v25.0/17841405309211844/subscribed_apps"),
}


@pytest.mark.parametrize("method", EVERY_CALL)
def test_connects_at_the_documented_addresses(asked, method):
    arguments, answer, line = EVERY_CALL[method]
    request = asked(answer, method, *arguments)
    assert f"{request.method} {request.url.copy_with(query=None)}" == line


@pytest.mark.parametrize("method", ACCOUNT_CALLS)
def test_calls_the_documented_address_with_the_token_in_the_header_only(asked, access, token, method):
    arguments, answer, line = ACCOUNT_CALLS[method]
    request = asked(answer, method, access, *arguments)
    assert f"{request.method} {request.url.path}" == line
    assert request.url.host == "graph.instagram.com"
    assert request.headers["Authorization"] == f"Bearer {token}"
    assert token not in str(request.url)
    assert token.encode() not in request.content
    assert "appsecret_proof" not in str(request.url)


def test_every_public_method_is_among_those_tested():
    methods = {name for name in vars(InstagramClient) if not name.startswith("_")}
    assert methods == {*EVERY_CALL, *ACCOUNT_CALLS, "call", "close", "credentials"}


@pytest.mark.parametrize("method", ACCOUNT_CALLS)
def test_calls_for_an_account_of_facebook_login_go_to_its_host_with_the_proof_of_the_app(asked, method):
    access = Access("17841405309211844", "EAA-CANARY", "facebook", "134895793791914")
    arguments, answer, line = ACCOUNT_CALLS[method]
    request = asked(answer, method, access, *arguments, meta_app_secret=lambda: "meta-secret")
    if method.endswith("_webhooks"):
        line = line.replace("17841405309211844", "134895793791914")
    assert f"{request.method} {request.url.path}" == line
    assert request.url.host == "graph.facebook.com"
    assert request.headers["Authorization"] == "Bearer EAA-CANARY"
    assert request.url.params["appsecret_proof"] == appsecret_proof("meta-secret", "EAA-CANARY")
    assert "EAA" not in str(request.url)


def test_sends_nothing_to_facebook_without_the_secret_of_the_meta_app(client_of):
    with pytest.raises(AppCredentialsError):
        client_of(pytest.fail).media(Access("1", "EAA", "facebook", "2"), "17")


def test_subscribes_no_page_that_is_not_known(client_of):
    with pytest.raises(InvalidRequestError):
        client_of(pytest.fail).subscribe_webhooks(Access("1", "EAA", "facebook"), ["feed"])


def test_exchanges_the_code_in_a_form(asked):
    request = asked(TOKEN, "exchange_code", "AQB", "https://app.example/callback")
    assert parse_qs(request.content.decode()) == {
        "client_id": ["990"],
        "client_secret": ["CANARY-app-secret"],
        "grant_type": ["authorization_code"],
        "redirect_uri": ["https://app.example/callback"],
        "code": ["AQB"],
    }


def test_exchanges_and_refreshes_tokens_in_the_only_form_meta_documents(asked):
    exchange = asked(TOKEN, "exchange_for_long_lived", "short").url.params
    assert dict(exchange) == {
        "grant_type": "ig_exchange_token",
        "client_secret": "CANARY-app-secret",
        "access_token": "short",
    }
    refresh = asked(TOKEN, "refresh", "long").url.params
    assert dict(refresh) == {"grant_type": "ig_refresh_token", "access_token": "long"}


def test_hands_over_a_container_with_every_character_of_its_caption(asked, access):
    parameters = {
        "image_url": "https://x/?a=1&b=2",
        "caption": "Zeile 1\nZeile 2 #licht 🌅 + 100%",
        "is_ai_generated": False,
    }
    request = asked({"id": "1"}, "create_container", access, parameters)
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.content.decode()) == {
        "image_url": ["https://x/?a=1&b=2"],
        "caption": ["Zeile 1\nZeile 2 #licht 🌅 + 100%"],
        "is_ai_generated": ["false"],
    }


def test_publishes_by_the_containers_id(asked, access):
    assert asked({"id": "1"}, "publish_container", access, CONTAINER).content == b"creation_id=17889455560051444"


def test_comments_with_every_character_and_with_nothing_but_the_message(asked, access):
    """With `fields`, Instagram makes the comment and then answers an error."""
    request = asked({"id": "1"}, "add_comment", access, "17", "Zeile 1\n#licht 🌅 + 100% & mehr")
    assert parse_qs(request.content.decode()) == {"message": ["Zeile 1\n#licht 🌅 + 100% & mehr"]}
    assert request.url.query == b""


def test_waits_for_a_comment_as_long_as_leaves_time_to_look_for_it(asked, access):
    request = asked({"id": "1"}, "add_comment", access, "17", "#dawn")
    assert request.extensions["timeout"]["read"] == COMMENTING.silence
    assert COMMENTING.silence < COMMENTING.total <= 30 - READING.total


def test_asks_for_as_many_comments_as_instagram_gives(asked, access):
    params = asked({"data": []}, "comments", access, "17").url.params
    assert dict(params) == {"fields": "id,text,timestamp,username", "limit": "50"}


@pytest.mark.parametrize(("enabled", "content"), [(True, b"comment_enabled=true"), (False, b"comment_enabled=false")])
def test_switches_comments_on_and_off(asked, access, enabled, content):
    assert asked({"success": True}, "set_comments_enabled", access, "17", enabled).content == content


def test_proves_the_app_only_when_told_to(asked, access, token):
    request = asked({"id": "17"}, "media", access, "17", send_proof=True)
    assert request.url.params["appsecret_proof"] == appsecret_proof("CANARY-app-secret", token)


def test_calls_the_hosts_and_the_version_it_was_given(asked, access):
    settings = {"graph_url": "http://127.0.0.1:9/", "api_url": "http://127.0.0.1:8/", "version": "v26.0"}
    assert str(asked({"id": "1"}, "media", access, "1", **settings).url).startswith("http://127.0.0.1:9/v26.0/1?")
    assert str(asked(TOKEN, "refresh", "t", **settings).url).startswith("http://127.0.0.1:9/refresh_access_token?")
    assert str(asked(TOKEN, "exchange_code", "c", "r", **settings).url) == "http://127.0.0.1:8/oauth/access_token"


@pytest.mark.parametrize("method", ["container_status", "publish_container", "media", "comments"])
@pytest.mark.parametrize("bad", ["1/comments", "..", "1?fields=x", ""])
def test_sends_nothing_for_an_id_that_is_none(client_of, access, calls, method, bad):
    with pytest.raises(InvalidRequestError):
        getattr(client_of(pytest.fail), method)(access, bad)
    with pytest.raises(InvalidRequestError):
        client_of(pytest.fail).stories(Access(bad, "t"))
    assert calls == []


def test_sends_no_comment_that_cannot_be_encoded(client_of, access, calls):
    with pytest.raises(InvalidRequestError):
        client_of(pytest.fail).add_comment(access, "17", "half \ud83d")
    assert calls == []


@pytest.mark.parametrize("method", ["profile", "refresh", "exchange_for_long_lived"])
def test_sends_nothing_with_a_token_that_cannot_be_one(client_of, method):
    with pytest.raises(TokenInvalidError):
        getattr(client_of(pytest.fail), method)("CANARY\r\nX-Injected: 1")


def test_says_that_the_installation_lacks_its_credentials(client_of, access):
    client = client_of(pytest.fail, app_id=None, app_secret=None, send_proof=True)
    for call in (lambda: client.exchange_code("c", "r"), lambda: client.media(access, "1")):
        with pytest.raises(AppCredentialsError):
            call()


# What comes back.


def test_connects_an_account(answering):
    client = answering("short_lived_token_wrapped", "long_lived_token", "profile_flat", "subscribed")
    short = client.exchange_code("AQB", "https://app.example/callback")
    long = client.exchange_for_long_lived(short.token)
    profile = client.profile(long.token)
    client.subscribe_webhooks(Access(profile.user_id, long.token), ["comments", "messages"])
    assert (profile.username, long.expires_in) == ("metricsaurus", 5_183_944)


def test_publishes_a_post(answering, access):
    client = answering("publishing_limit", "container_created", "container_finished", "media_published", "media")
    assert client.publishing_limit(access).quota_total == 50
    container_id = client.create_container(access, {"image_url": "https://media.example/a.jpg"})
    assert client.container_status(access, container_id).status_code == "FINISHED"
    media_id = client.publish_container(access, container_id)
    assert client.media(access, media_id).shortcode == "CSgf9BChwVq"


def test_comments_on_a_post(answering, access):
    client = answering("comment_made", "comments", "subscribed")
    comment_id = client.add_comment(access, "17920238422030506", "#dawn")
    assert client.comments(access, "17920238422030506")[0].id == comment_id == "17870913679156914"
    assert client.set_comments_enabled(access, "17920238422030506", False) is None


def test_never_follows_the_next_page(answering, access, calls):
    client = answering("recent_media", "comments")
    assert len(client.recent_media(access)) == len(client.comments(access, "17")) == 2
    assert len(calls) == 2


def test_follows_no_redirect(client_of, access, calls):
    def elsewhere(_request):
        return httpx.Response(302, headers={"Location": "https://elsewhere.example/"}, json={})

    with pytest.raises(InstagramUnavailableError):
        client_of(elsewhere).media(access, "1")
    assert len(calls) == 1


def test_tells_a_used_code_from_wrong_credentials(answering):
    with pytest.raises(AuthorizationCodeError):
        answering("login_error_used_code").exchange_code("AQB", "https://app.example/callback")
    with pytest.raises(AppCredentialsError):
        answering("login_error_platform_app").exchange_code("AQB", "https://app.example/callback")


# What is seen from outside.


def test_tells_of_each_call_without_ids_or_secrets(answering, access, calls):
    answering("container_created").create_container(access, {"caption": "CANARY-caption"})
    (call,) = calls
    assert (call.method, call.path_template, call.status) == ("POST", "/{ig-user-id}/media", 200)
    assert (call.error, call.code, call.trace_id) == (None, None, "HCm1pWx2Qk9")
    assert call.usage == Usage(app_percent=28)
    assert call.duration_ms >= 0
    assert "CANARY" not in repr(call)
    assert access.ig_user_id not in repr(call)


def test_tells_of_a_comment_without_its_text(answering, access, calls):
    answering("comment_made").add_comment(access, "17920238422030506", "CANARY-comment")
    (call,) = calls
    assert (call.method, call.path_template, call.status) == ("POST", "/{media-id}/comments", 200)
    assert "CANARY" not in repr(call)
    assert "17920238422030506" not in repr(call)


def test_tells_of_failed_calls_what_instagram_said(answering, access, calls):
    with pytest.raises(RateLimitedError):
        answering("error_throttled").container_status(access, CONTAINER)
    (call,) = calls
    assert (call.status, call.error, call.code, call.trace_id) == (400, "RateLimitedError", 80002, "AbC-4")
    assert call.usage == Usage(account_percent=100, retry_after=19 * 60)


def test_tells_of_calls_that_got_no_answer(losing, access, calls):
    with pytest.raises(OutcomeUnknownError):
        losing(httpx.ReadTimeout).publish_container(access, CONTAINER)
    (call,) = calls
    assert (call.status, call.error, call.usage) == (None, "OutcomeUnknownError", Usage())


def test_a_broken_observer_does_not_unpublish_a_post(access):
    def observer(_call):
        raise RuntimeError("CANARY")

    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json={"id": "17"}))
    client = InstagramClient(transport=transport, on_call=observer)
    assert client.publish_container(access, CONTAINER) == "17"


ODD_ANSWERS = ["error_media_not_fetched", "error_token_expired", "edge_html_502", "recent_media", "truncated"]
SECRETS = ("CANARY", "IGAA", "sig=")


def outcome(client, method, access):
    """What the call raises, or what it returns."""
    arguments = EVERY_CALL[method][0] if method in EVERY_CALL else (access, *ACCOUNT_CALLS[method][0])
    takes_only_a_token = method in {"refresh", "profile", "exchange_for_long_lived"}
    try:
        return getattr(client, method)(*((access.token,) if takes_only_a_token else arguments))
    except InstagramError as error:
        return error


@pytest.mark.parametrize("method", [*EVERY_CALL, *ACCOUNT_CALLS])
def test_no_error_holds_a_secret_anywhere_one_could_print(losing, answering, caplog, access, method):
    caplog.set_level(logging.DEBUG)
    lost = [losing(error) for error in (httpx.ConnectError, httpx.ReadError)]
    for client in [*lost, *map(answering, ODD_ANSWERS)]:
        error = outcome(client, method, access)
        if isinstance(error, InstagramError):
            assert (error.__cause__, error.__context__) == (None, None)
            printed = f"{''.join(traceback.format_exception(error))} {error!r} {error.facts()} {vars(error)}"
            assert not [secret for secret in SECRETS if secret in printed]
    assert not [secret for secret in SECRETS if secret in caplog.text]


def test_reads_packed_answers_whatever_the_header_is_called(client_of, access):
    class Packed(httpx.SyncByteStream):
        def __iter__(self):
            yield from (gzip.compress(b'{"id":"17"}')[i : i + 7] for i in range(0, 40, 7))

    def handler(request):
        assert request.headers["Accept-Encoding"] == "gzip"
        return httpx.Response(200, headers={"content-encoding": "GZIP"}, stream=Packed())

    assert client_of(handler).media(access, "17").id == "17"


def test_opens_its_connections_once_for_all_threads(monkeypatch):
    opened = []
    barrier = threading.Barrier(8)

    class Transport(httpx.MockTransport):
        def __init__(self):
            opened.append(self)
            super().__init__(lambda _request: httpx.Response(200, json={"user_id": "1", "username": "a"}))

    monkeypatch.setattr(httpx, "HTTPTransport", Transport)
    client = InstagramClient()
    assert opened == []

    def call():
        barrier.wait()
        client.profile("t")

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    client.close()
    client.profile("t")
    assert len(opened) == 2
