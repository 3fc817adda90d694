"""
From a caller's wish to a connected account.

    create_session   the caller's server asks; answers a link for the owner's browser
    start            the browser opens the link: gets a cookie, goes on to the login's dialogue with a fresh state
    complete         Instagram sends it back: code → short token → long token → profile → stored, encrypted

What Facebook sends back is for linking.py. The session is consumed by the first callback that brings its state,
whatever comes of it.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode, urlsplit

from darkroom import connection, standing
from darkroom.accounts import Account, ConnectSession
from darkroom.connection import SESSION_LIFETIME, Accounts, Callback, Found, Outcome, Webhooks, hashed, redirect_uri
from darkroom.errors import BadRequestError, ConnectError, DarkroomError, FieldError
from darkroom.ids import new_id
from darkroom.instagram import oauth
from darkroom.instagram.errors import InstagramError
from darkroom.logins import LOGINS, Login
from darkroom.values import Value

if TYPE_CHECKING:
    from darkroom.instagram.models import LongLivedToken, Profile, ShortLivedToken

_NAMES: Mapping[Login, str] = {"instagram": "Instagram Login", "facebook": "Facebook Login"}


class Sessions(connection.Sessions, Protocol):
    def add(self, session: ConnectSession) -> None: ...

    def bind(
        self, session_id: str, link_hash: str, state_hash: str, browser_hash: str, now: datetime
    ) -> ConnectSession:
        """Ties the session to a state and a browser. ConnectError when it is unknown, expired or the link is wrong."""
        ...


class Instagram(Webhooks, Protocol):
    def exchange_code(self, code: str, redirect_uri: str) -> "ShortLivedToken": ...
    def exchange_for_long_lived(self, short_token: str) -> "LongLivedToken": ...
    def profile(self, token: str) -> "Profile": ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dialogue(Value):
    """Where a login begins, and the app that asks; `app_id` raises ConfigurationError until the operator has set it."""

    url: str
    app_id: Callable[[], str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StartPorts:
    """`public_url` as the operator has set it; empty: the domain the request came to."""

    sessions: Sessions
    now: Callable[[], datetime]
    dialogues: Mapping[Login, Dialogue]
    public_url: str
    return_origins: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CallbackPorts:
    """`instagram` makes a client with the app credentials as they are now."""

    sessions: connection.Sessions
    accounts: Accounts
    instagram: Callable[[], Instagram]
    standing: standing.Ports
    now: Callable[[], datetime]
    public_url: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Started(Value):
    """Where the browser goes next, and the value of the cookie that ties the session to it."""

    location: str
    cookie_name: str
    cookie: str
    is_https: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Wish(Value):
    """What a caller asks for; `scopes` None: all that the login has."""

    login: Login = "instagram"
    scopes: tuple[str, ...] | None = None
    return_url: str | None = None


def create_session(tenant_id: str, wish: Wish, request_url: str, ports: StartPorts) -> tuple[ConnectSession, str]:
    """
    The session and the link for the owner's browser. The link is a secret for ten minutes. `request_url` is the base
    URL that the request came to.
    """
    now, link = ports.now(), secrets.token_urlsafe(32)
    session = ConnectSession(
        id=new_id("con", now),
        tenant_id=tenant_id,
        login=wish.login,
        scopes=_scopes(wish),
        return_url=_allowed(wish.return_url, ports.return_origins),
        expires_at=now + SESSION_LIFETIME,
        link_hash=hashed(link),
    )
    ports.sessions.add(session)
    base_url = ports.public_url or request_url
    return session, f"{base_url}/oauth/{session.login}/start?{urlencode({'session': f'{session.id}.{link}'})}"


def start(ticket: str, request_url: str, ports: StartPorts) -> Started:
    """Opening the link again starts over with a new state; the one before is void. Raises ConnectError."""
    session_id, link = connection.split(ticket)
    state, cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    session = ports.sessions.bind(session_id, hashed(link), hashed(state), hashed(cookie), ports.now())
    base_url, dialogue = ports.public_url or request_url, ports.dialogues[session.login]
    location = oauth.authorize_url(
        dialogue.url,
        client_id=dialogue.app_id(),
        redirect_uri=redirect_uri(base_url, session.login),
        scopes=session.scopes,
        state=f"{session.id}.{state}",
    )
    return Started(location, connection.cookie_name(ticket), cookie, base_url.startswith("https:"))


def complete(callback: Callback, request_url: str, ports: CallbackPorts) -> Outcome:
    """Never raises what a person can cause. Nothing is stored unless the whole chain holds."""
    return_url = None
    try:
        session = connection.taken(callback, "instagram", ports.sessions, ports.now())
        return_url = session.return_url
        if callback.error:
            raise ConnectError("consent_denied")
        redirected_to = redirect_uri(ports.public_url or request_url, "instagram")
        return Outcome(return_url, _connected(session, callback.code, redirected_to, ports))
    except (DarkroomError, InstagramError) as error:
        return Outcome(return_url, error=error)


def _connected(session: ConnectSession, code: str, redirected_to: str, ports: CallbackPorts) -> Account:
    instagram = ports.instagram()
    short = instagram.exchange_code(oauth.clean_code(code), redirected_to)
    connection.require_scopes(LOGINS["instagram"].needed_scopes, short.permissions)
    long = instagram.exchange_for_long_lived(short.token)
    profile = instagram.profile(long.token)
    found = Found(
        ig_user_id=profile.user_id,
        app_scoped_id=profile.id,
        username=profile.username,
        name=profile.name,
        account_type=profile.account_type,
        scopes=short.permissions,
        token_expires_at=ports.now() + timedelta(seconds=long.expires_in),
    )
    return connection.connected(session, found, long.token, None, ports.accounts, instagram, ports.standing)


def _scopes(wish: Wish) -> tuple[str, ...]:
    known, wanted = oauth.SCOPES_BY_LOGIN[wish.login], wish.scopes
    if wanted is None:
        return tuple(known)
    errors = [
        FieldError(f"/scopes/{index}", "unknown_scope", f"{_NAMES[wish.login]} has no such scope.")
        for index, scope in enumerate(wanted)
        if scope not in known
    ]
    if missing := sorted(set(LOGINS[wish.login].needed_scopes) - set(wanted)):
        errors.append(FieldError("/scopes", "scope_needed", f"Always needed: {', '.join(missing)}."))
    if errors:
        raise BadRequestError(errors=tuple(errors))
    return wanted


def _allowed(return_url: str | None, origins: frozenset[str]) -> str | None:
    """A path of our own, or a URL of a listed origin; anything else could send owners to a stranger."""
    if return_url is None:
        return None
    if return_url.isascii() and return_url.isprintable() and not set(' \\"<>') & set(return_url):
        if return_url.startswith("/") and not return_url.startswith("//"):
            return return_url
        if _origin(return_url) in origins:
            return return_url
    raise BadRequestError("return_url_refused")


def _origin(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}"
