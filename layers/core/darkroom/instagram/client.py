"""
The Instagram API, one method per endpoint, for accounts of either login. What only Facebook Login has is in `facebook`.

Nothing is repeated here and no redirect is followed: who may repeat what is in the class of the error. One instance
keeps its connections and is meant to be reused; making the TLS context is the expensive part (tens of milliseconds).

Requests go through `httpx.HTTPTransport`, the connection pool, and not through `httpx.Client`: a client logs each URL
with its query at level INFO, reads proxies and credentials from the environment, and inflates whatever it is sent. An
egress proxy is passed as `transport=httpx.HTTPTransport(proxy=…)`.
"""

import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple
from urllib.parse import urlencode

import httpx

from darkroom.instagram import endpoints, values
from darkroom.instagram.errors import (
    AppCredentialsError,
    InstagramError,
    InstagramUnavailableError,
    OutcomeUnknownError,
)
from darkroom.instagram.models import (
    Access,
    Comment,
    ContainerStatus,
    LongLivedToken,
    Media,
    Profile,
    PublishingLimit,
    ShortLivedToken,
    acknowledged,
    created_id,
)
from darkroom.instagram.protocol import Base, Payload, Request, Usage, appsecret_proof, parse, parse_usage, settle

# Seconds; how long to wait for an answer depends on the endpoint.
_CONNECT = 3.0  # TCP and TLS each; waiting longer has never saved a call
_WRITE = 5.0  # a request is a few kilobytes

# Decoded bytes. A page of 100 captions of 2,200 characters stays below it.
_LONGEST_ANSWER = 1024 * 1024

# Failures before the first byte of the request was on its way. After any other failure Instagram may have acted.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call as a log line may show it: no id, no token, no text. `error` is the class name; None: it succeeded."""

    method: str
    path_template: str
    status: int | None
    duration_ms: float
    error: str | None
    code: int | None
    subcode: int | None
    trace_id: str | None
    usage: Usage


class _Answer(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes


class InstagramClient:
    """
    Calls to graph.facebook.com carry `appsecret_proof`, made with what `meta_app_secret` answers: the Meta app's
    secret, asked for only when such a call is made. `send_proof` adds one for graph.instagram.com, where Meta documents
    none.

    `on_call` hears of every call that was tried on the network. What it raises is dropped: a broken observer must not
    turn a published post into an unknown one.
    """

    def __init__(  # noqa: PLR0913 - keyword-only settings, each with its default
        self,
        *,
        graph_url: str = "https://graph.instagram.com",
        api_url: str = "https://api.instagram.com",
        facebook_url: str = "https://graph.facebook.com",
        version: str = "v25.0",
        app_id: str | None = None,
        app_secret: str | None = None,
        meta_app_secret: Callable[[], str] | None = None,
        send_proof: bool = False,
        transport: httpx.BaseTransport | None = None,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        graph, facebook = graph_url.rstrip("/"), facebook_url.rstrip("/")
        self._bases: dict[Base, str] = {
            "graph": f"{graph}/{version}",
            "token": graph,
            "api": api_url.rstrip("/"),
            "facebook": f"{facebook}/{version}",
        }
        self._app_id = app_id
        self._app_secret = app_secret
        self._meta_app_secret = meta_app_secret
        self._send_proof = send_proof
        self._transport = transport
        self._on_call = on_call
        self._opening = Lock()

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._opening:
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    # Connecting an account.

    def exchange_code(self, code: str, redirect_uri: str) -> ShortLivedToken:
        """
        Turn the code of the redirect into a token of one hour. `redirect_uri`: the one of the authorise URL, exactly.

        A code works once, so after a lost answer a repetition ends in `AuthorizationCodeError`.
        """
        app_id, app_secret = self.credentials()
        return self.call(endpoints.exchange_code(app_id, app_secret, code, redirect_uri), ShortLivedToken.parse)

    def exchange_for_long_lived(self, short_token: str) -> LongLivedToken:
        _, app_secret = self.credentials()
        return self.call(endpoints.exchange_for_long_lived(app_secret, short_token), LongLivedToken.parse)

    def refresh(self, token: str) -> LongLivedToken:
        """
        Another 60 days; the returned token replaces the given one, which may be equal to it.

        Instagram refuses a token younger than 24 hours, in words and numbers it does not document.
        """
        return self.call(endpoints.refresh(token), LongLivedToken.parse)

    def profile(self, token: str) -> Profile:
        return self.call(endpoints.profile(token), Profile.parse)

    def subscribe_webhooks(self, access: Access, fields: Iterable[str]) -> None:
        """
        Let the account's events come to the app's webhook. Repeating is harmless.

        Meta sends every field the app is subscribed to, whichever `fields` are named here.
        """
        self.call(endpoints.subscribe_webhooks(access, fields), acknowledged)

    def unsubscribe_webhooks(self, access: Access) -> None:
        self.call(endpoints.unsubscribe_webhooks(access), acknowledged)

    # Publishing.

    def create_container(self, access: Access, parameters: Mapping[str, object]) -> str:
        """
        Hand media to Instagram; the container's id. A repetition leaves an orphan that expires after 24 hours unseen.

        `parameters` are Meta's (IG User media reference); lists, objects and booleans as Python has them.
        """
        return self.call(endpoints.create_container(access, parameters), created_id)

    def container_status(self, access: Access, container_id: str) -> ContainerStatus:
        return self.call(endpoints.container_status(access, container_id), ContainerStatus.parse)

    def publish_container(self, access: Access, container_id: str) -> str:
        """
        Make a finished container public; the media id.

        Not idempotent on Instagram's side: on `OutcomeUnknownError` ask `container_status` before anything else. That
        is also what most *answered* errors become, because posts have gone live behind them; see
        `codes.REFUSED_BEFORE_PUBLISHING`. `InstagramUnavailableError` here means the request was never sent.
        """
        return self.call(endpoints.publish_container(access, container_id), created_id)

    def publishing_limit(self, access: Access) -> PublishingLimit:
        return self.call(endpoints.publishing_limit(access), PublishingLimit.parse)

    # After publishing.

    def add_comment(self, access: Access, media_id: str, message: str) -> str:
        """
        Comment on the account's own media, in its name; the comment's id. Needs `instagram_business_manage_comments`.

        Not idempotent on Instagram's side: on `OutcomeUnknownError` look among `comments` before anything else, and
        wait `retry_after` first where the error has one. Just after publishing that is also what "no such media yet"
        becomes: only `codes.REFUSED_BEFORE_COMMENTING` prove that there is no comment. `InstagramUnavailableError`
        here means the request was never sent.
        """
        return self.call(endpoints.add_comment(access, media_id, message), created_id)

    def comments(self, access: Access, media_id: str) -> tuple[Comment, ...]:
        """
        The newest 50 comments on the account's own media, newest first, without replies.

        Whoever looks for one and gets 50 younger ones has not been told that it is missing.
        """
        return self.call(endpoints.comments(access, media_id), Comment.parse_list)

    def set_comments_enabled(self, access: Access, media_id: str, enabled: bool) -> None:
        """Let people comment on the media, or stop it. Repeating is harmless."""
        self.call(endpoints.set_comments_enabled(access, media_id, enabled=enabled), acknowledged)

    # Reading.

    def media(self, access: Access, media_id: str) -> Media:
        """Just after publishing this may fail for live media; `InstagramUnavailableError` then is not a verdict."""
        return self.call(endpoints.media(access, media_id), Media.parse)

    def recent_media(self, access: Access, limit: int = 25) -> tuple[Media, ...]:
        """The newest posts and reels, newest first; Meta gives at most 100. Stories are never among them."""
        return self.call(endpoints.recent_media(access, limit), Media.parse_list)

    def stories(self, access: Access) -> tuple[Media, ...]:
        """The stories live now, that is of the last 24 hours."""
        return self.call(endpoints.stories(access), Media.parse_list)

    # One call.

    def call[T](self, request: Request, read: Callable[[Payload], T]) -> T:
        """
        Send, judge, read. `read` is inside, so that an answer without an id is judged like any other.

        The error is raised outside the `except` blocks: with httpx's exception as its context it would carry the
        request along, and with it a URL that may hold a token.
        """
        started = time.monotonic()
        answer: _Answer | None = None
        failure: InstagramError | None = None
        try:
            answer = self._send(request)
            return read(parse(answer.status, answer.headers, answer.body))
        except _NEVER_SENT:
            failure = InstagramUnavailableError("Instagram could not be reached; nothing was sent.")
        except httpx.TransportError:
            lost = InstagramUnavailableError if request.idempotent else OutcomeUnknownError
            failure = lost("Instagram's answer was lost.")
        except InstagramError as error:
            failure = settle(error, request)
        finally:
            self._report(request, answer, failure, started)
        raise failure

    def _send(self, request: Request) -> _Answer:
        """
        The deadline is looked at whenever a piece of the body arrives, so one more `silence` may pass. Headers that
        drip are held to `silence` a packet only: the transport knows no total, and the function's own time-out ends it.
        """
        message = self._message(request)
        deadline = time.monotonic() + request.patience.total
        response = self._connections().handle_request(message)
        try:
            return _Answer(response.status_code, response.headers, _read(response, deadline))
        finally:
            response.close()

    def _message(self, request: Request) -> httpx.Request:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "darkroom"}
        params, content = {**request.params}, None
        if request.token:
            headers["Authorization"] = f"Bearer {request.token}"
            params |= self._proof(request.base, request.token)
        if request.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            content = urlencode(request.form)
        return httpx.Request(
            request.method,
            self._bases[request.base] + request.path,
            params=params or None,
            headers=headers,
            content=content,
            extensions={
                "timeout": {"connect": _CONNECT, "pool": _CONNECT, "write": _WRITE, "read": request.patience.silence}
            },
        )

    def _connections(self) -> httpx.BaseTransport:
        with self._opening:
            if self._transport is None:
                self._transport = httpx.HTTPTransport()
            return self._transport

    def _report(self, request: Request, answer: _Answer | None, failure: InstagramError | None, started: float) -> None:
        if self._on_call is None:
            return
        headers = answer.headers if answer else httpx.Headers()
        call = Call(
            method=request.method,
            path_template=request.path_template,
            status=answer.status if answer else None,
            duration_ms=round((time.monotonic() - started) * 1000, 1),
            error=type(failure).__name__ if failure else None,
            code=failure.code if failure else None,
            subcode=failure.subcode if failure else None,
            trace_id=failure.trace_id if failure else values.trace(headers.get("x-fb-trace-id")),
            usage=parse_usage(headers),
        )
        with suppress(Exception):
            self._on_call(call)

    def credentials(self) -> tuple[str, str]:
        if not self._app_id or not self._app_secret:
            raise AppCredentialsError("No app id and app secret are configured.")
        return self._app_id, self._app_secret

    def _proof(self, base: Base, token: str) -> dict[str, str]:
        if base == "facebook":
            if self._meta_app_secret is None:
                raise AppCredentialsError("No secret of the Meta app is configured.")
            return {"appsecret_proof": appsecret_proof(self._meta_app_secret(), token)}
        return {"appsecret_proof": appsecret_proof(self.credentials()[1], token)} if self._send_proof else {}


def _read(response: httpx.Response, deadline: float) -> bytes:
    """
    The decoded body, within the deadline and the size limit.

    Inflated here and not by httpx, which would turn one chunk of 64 KiB into 64 MiB before anybody could count. What
    cannot be inflated is returned as nothing, and judged as such.
    """
    packed = response.headers.get("content-encoding", "identity").lower() in {"gzip", "deflate"}
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32) if packed else None
    body = bytearray()
    with suppress(zlib.error):
        for chunk in response.stream:  # type: ignore[union-attr] # a synchronous transport answers synchronously
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("Instagram's answer comes too slowly.")
            body += inflate.decompress(chunk, _LONGEST_ANSWER + 1 - len(body)) if inflate else chunk
            if len(body) > _LONGEST_ANSWER:
                raise InstagramUnavailableError("Instagram's answer is too large.", status=response.status_code)
        return bytes(body)
    return b""
