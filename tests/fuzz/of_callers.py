"""What browsers and tenants send: the way back from Instagram, cursors, requests, addresses. As of_meta.py."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpcore

from darkroom import addresses, connecting, connection, endpoints, exporting, media_urls, pages, pages_html
from darkroom.accounts import ConnectSession
from darkroom.connection import Callback
from darkroom.errors import BadRequestError, ConnectError
from darkroom.event_views import EventsQuery
from darkroom.http import Api, Request
from darkroom.http_events import Answer, Incoming
from darkroom.tenants import Caller
from darkroom.views_posts import NewPost, PostsQuery
from tests.builders import NOW, OTHER_TENANT, TENANT
from tests.events import http_event
from tests.fakes import Clock, FakeAccounts, FakeBus, FakeInstagram, FakeRecords, FakeSessions, standing_ports
from tests.fuzz.inputs import COOKIE, STATE_ID, STATE_SECRET
from tests.fuzz.of_meta import Check

STATE = f"{STATE_ID}.{STATE_SECRET}"
_POST, _PATCH = http_event("POST /v1/posts"), http_event("PATCH /v1/posts/{id}")
CALLER = Caller(TENANT, frozenset({"admin"}))


def of_state(split: Callable[[str], tuple[str, str]] = connection.split) -> Check:
    """A callback in four lines: state, cookie, code and error. One state and one cookie are right."""

    def check(data: bytes) -> bool:
        state, cookie, code, error, *_ = [*data.decode("utf-8", "surrogateescape").split("\n", 3), "", "", "", ""]
        try:
            session_id, secret = split(state)
        except ConnectError:
            pass
        else:
            assert f"{session_id}.{secret}" == state
            assert connection.cookie_name(state) == f"darkroom_connect_{session_id}"
            assert session_id.isascii() and session_id.replace("_", "").isalnum()  # noqa: PT018 — it names a cookie
        ports = _callback_ports()
        outcome = connecting.complete(Callback(state, code, error, cookie), "https://api.example.com", ports)
        is_ours = (state, cookie) == (STATE, COOKIE)
        assert (outcome.return_url is not None) == is_ours, "a stranger's callback leads somewhere"
        assert outcome.account is None or is_ours
        answer = pages_html.ended(outcome)
        assert answer.status in {200, 302, 400, 422, 502, 503}
        assert not any(set(value) & set("\r\n") for value in answer.headers.values())
        return is_ours

    return check


def _callback_ports() -> connecting.CallbackPorts:
    clock, sessions, accounts = Clock(), FakeSessions(), FakeAccounts()
    session = ConnectSession(
        id=STATE_ID,
        tenant_id=TENANT,
        login="instagram",
        scopes=(),
        return_url="/done",
        expires_at=clock() + timedelta(minutes=10),
        link_hash="",
        state_hash=connection.hashed(STATE_SECRET),
        browser_hash=connection.hashed(COOKIE),
    )
    sessions.add(session)
    instagram = FakeInstagram(clock)
    instagram.codes = {"AQB4f0c2d3e4"}
    return connecting.CallbackPorts(
        sessions=sessions,
        accounts=accounts,
        instagram=lambda: instagram,
        standing=standing_ports(accounts, clock, bus=FakeBus()),
        now=clock,
        public_url="",
    )


def of_cursor(opened: Callable[[str, str], Any] = pages.opened) -> Check:
    """Whatever opens is written again to the letter, is no other tenant's, and leads to a place that can be."""
    forms: list[tuple[Callable[[str, str], Any], Callable[[str, Any], str]]] = [
        (opened, pages.cursor),
        (pages.opened_moment, pages.moment_cursor),
        (pages.opened_parts, lambda tenant_id, parts: pages.parts_cursor(tenant_id, *parts)),
    ]

    def check(data: bytes) -> bool:
        text, is_opened = data.decode("utf-8", "surrogateescape"), False
        for read, written in forms:
            found = _opened(read, text, TENANT)
            if found is not None:
                assert written(TENANT, found) == text, "one place has two cursors"
                assert _opened(read, text, OTHER_TENANT) is None, "a cursor is another tenant's too"
                is_opened = True
        _exported(text)
        _exported(pages.parts_cursor(TENANT, *data.decode("utf-8", "replace").split("|")))
        return is_opened

    return check


def _opened(read: Callable[[str, str], Any], text: str, tenant_id: str) -> Any:
    try:
        return read(text, tenant_id)
    except BadRequestError:
        return None


class _Shelf:
    def page(self, tenant_id: str, after: str | None, limit: int) -> tuple[tuple[Any, ...], str | None]:
        assert after is None or 0 < len(after.encode()) <= 1024, "longer than any key of a table or bucket"
        return (), None


def _exported(text: str) -> None:
    with contextlib.suppress(BadRequestError):
        exporting.export(CALLER, text, 10, (_Shelf(), _Shelf()))


def _api() -> Api:
    """Two routes as ours are, without what is behind them."""
    api = Api()

    @api.route("POST /v1/posts", scope="posts:write", body=NewPost, query=PostsQuery, records=FakeRecords)
    def create(request: Request) -> Answer:
        request.query.page(request.caller.tenant_id)
        return Answer(200, {"caption": request.body.submission(request.id).content.caption})

    @api.route("PATCH /v1/posts/{id}", scope="events:read", query=EventsQuery)
    def read(request: Request) -> Answer:
        request.query.asked(request.caller.tenant_id)
        return Answer(200, {"version": request.version(), "id": request.path["id"]})

    return api


def of_request(api: Callable[[Any, object], Any] | None = None) -> Check:
    """Content type, query, Idempotency-Key and body, each in a line, through all that an answer goes through."""
    serve = api or _api()

    def check(data: bytes) -> bool:
        head, _, rest = data.partition(b"\n")
        line, _, rest = rest.partition(b"\n")
        key, _, raw = rest.rpartition(b"\n")
        text = raw.decode("utf-8", "surrogatepass" if raw[:1] == b"\xed" else "replace")
        query = dict(parse_qsl(line.decode("latin-1"), keep_blank_values=True))
        headers = {"content-type": head.decode("latin-1"), "if-match": key.decode("latin-1")}
        if key:
            headers["idempotency-key"] = headers["if-match"]
        event = _POST | {"body": text, "headers": headers, "queryStringParameters": query}
        answer = serve(event, None)
        assert answer["statusCode"] in {200, 400, 413, 415, 422}, f"answered {answer['statusCode']}"
        answer["body"].encode()
        other = http_event(
            "PATCH /v1/posts/{id}", headers=headers, query=query, parameters={"id": head.decode("latin-1")}
        )
        assert serve(other, None)["statusCode"] in {200, 400, 404, 412, 422, 428}
        Incoming(event, "req_1", NOW).form()
        return bool(answer["statusCode"] == 200)

    return check


def of_url(refusal: Callable[[str], str | None] = media_urls.refusal) -> Check:
    """What is let through is https to a public name, also by another parser's word; private addresses are private."""

    def check(data: bytes) -> bool:
        text = data.decode("utf-8", "surrogateescape")
        is_accepted = False
        for judge in (refusal, endpoints.refusal):
            if judge(text) is None:
                _is_public(text)
                is_accepted = True
        if addresses.is_public(text):
            assert not text.startswith(("10.", "127.", "169.254.", "192.168.", "::", "fe80", "fc", "fd", "ff"))
        return is_accepted

    return check


def _is_public(url: str) -> None:
    parts, other = urlsplit(url), httpcore.URL(url)
    assert (other.scheme, other.port) in {(b"https", None), (b"https", 443)}
    assert other.host.decode().lower() == parts.hostname, "two parsers go to two hosts"
    assert "." in (parts.hostname or "")
    assert not addresses.is_public(parts.hostname or "")
    assert not (parts.hostname or "").endswith((".internal", ".local", "localhost"))
