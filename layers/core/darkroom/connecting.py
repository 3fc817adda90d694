"""
From a caller's wish to a connected account.

    create_session   the caller's server asks; answers a link for the owner's browser
    start            the browser opens the link: gets a cookie, goes on to Instagram with a fresh state
    complete         Instagram sends it back: code → short token → long token → profile → stored, encrypted

State, link and cookie are three different secrets of one session, stored as hashes. The session is consumed by the
first callback that brings its state, whatever comes of it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from darkroom import standing
from darkroom.accounts import NEEDED_SCOPES, Account, AccountState, ConnectSession
from darkroom.errors import (
    BadRequestError,
    ConflictError,
    ConnectError,
    DarkroomError,
    FieldError,
    StoreUnavailableError,
)
from darkroom.ids import is_id, new_id
from darkroom.instagram import oauth
from darkroom.instagram.errors import InstagramError
from darkroom.instagram.models import Access, LongLivedToken, Profile, ShortLivedToken

SESSION_LIFETIME = timedelta(minutes=10)
COOKIE = "darkroom_connect"  # and the session's id
_MOST_LOOKS = 5


class Sessions(Protocol):
    def add(self, session: ConnectSession) -> None: ...

    def bind(
        self, session_id: str, link_hash: str, state_hash: str, browser_hash: str, now: datetime
    ) -> ConnectSession:
        """Ties the session to a state and a browser. ConnectError when it is unknown, expired or the link is wrong."""
        ...

    def take(self, session_id: str, state_hash: str, now: datetime) -> ConnectSession:
        """Removes and answers the session; only one caller ever gets it. ConnectError as for `bind`."""
        ...


class Accounts(Protocol):
    def holder(self, ig_user_id: str) -> tuple[str, str] | None:
        """Tenant and account id that hold this Instagram account."""
        ...

    def get(self, tenant_id: str, account_id: str) -> Account: ...

    def connect(self, account: Account, token: str) -> None:
        """
        Claim, account and encrypted token, all or nothing. ConflictError `account_connected_elsewhere` when another
        tenant holds it, `version_conflict` when its token was refreshed since it was read: two tokens never share a
        version.
        """
        ...

    def mark_subscribed(self, account: Account) -> None: ...


class Instagram(Protocol):
    def exchange_code(self, code: str, redirect_uri: str) -> ShortLivedToken: ...
    def exchange_for_long_lived(self, short_token: str) -> LongLivedToken: ...
    def profile(self, token: str) -> Profile: ...
    def subscribe_webhooks(self, access: Access, fields: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class StartPorts:
    """`app_id` and `public_url` (empty: the domain the request came to) as the operator has set them."""

    sessions: Sessions
    now: Callable[[], datetime]
    app_id: Callable[[], str]
    authorize_url: str
    public_url: str
    return_origins: frozenset[str]


@dataclass(frozen=True, slots=True)
class CallbackPorts:
    """`instagram` makes a client with the app credentials as they are now."""

    sessions: Sessions
    accounts: Accounts
    instagram: Callable[[], Instagram]
    standing: standing.Ports
    now: Callable[[], datetime]
    public_url: str


@dataclass(frozen=True, slots=True)
class Started:
    """Where the browser goes next, and the value of the cookie that ties the session to it."""

    location: str
    cookie_name: str
    cookie: str
    is_https: bool


@dataclass(frozen=True, slots=True)
class Callback:
    """What Instagram's redirect brought, and the cookie. Every field comes from outside and may be anything."""

    state: str
    code: str
    error: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a connection ended: with an account, or with the error that stopped it. `return_url` is None for a page."""

    return_url: str | None
    account: Account | None = None
    error: DarkroomError | InstagramError | None = None


def create_session(
    tenant_id: str, scopes: tuple[str, ...] | None, return_url: str | None, request_url: str, ports: StartPorts
) -> tuple[ConnectSession, str]:
    """
    The session and the link for the owner's browser. The link is a secret for ten minutes. `request_url` is the base
    URL that the request came to.
    """
    now, link = ports.now(), secrets.token_urlsafe(32)
    session = ConnectSession(
        id=new_id("con", now),
        tenant_id=tenant_id,
        scopes=_scopes(scopes),
        return_url=_allowed(return_url, ports.return_origins),
        expires_at=now + SESSION_LIFETIME,
        link_hash=_hash(link),
    )
    ports.sessions.add(session)
    base_url = ports.public_url or request_url
    return session, f"{base_url}/oauth/{session.login}/start?{urlencode({'session': f'{session.id}.{link}'})}"


def start(ticket: str, request_url: str, ports: StartPorts) -> Started:
    """Opening the link again starts over with a new state; the one before is void. Raises ConnectError."""
    session_id, link = _split(ticket)
    state, cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    session = ports.sessions.bind(session_id, _hash(link), _hash(state), _hash(cookie), ports.now())
    base_url = ports.public_url or request_url
    location = oauth.authorize_url(
        ports.authorize_url,
        client_id=ports.app_id(),
        redirect_uri=redirect_uri(base_url),
        scopes=session.scopes,
        state=f"{session.id}.{state}",
    )
    return Started(location, cookie_name(ticket), cookie, base_url.startswith("https:"))


def cookie_name(ticket: str) -> str:
    """Of the session that a link or a state belongs to: two tabs may connect two accounts at once."""
    return f"{COOKIE}_{ticket.partition('.')[0]}"


def complete(callback: Callback, request_url: str, ports: CallbackPorts) -> Outcome:
    """Never raises what a person can cause. Nothing is stored unless the whole chain holds."""
    return_url = None
    try:
        session_id, state = _split(callback.state)
        session = ports.sessions.take(session_id, _hash(state), ports.now())
        if not hmac.compare_digest(session.browser_hash or "", _hash(callback.cookie)):
            raise ConnectError  # not the browser that started: tell it nothing, send it nowhere
        return_url = session.return_url
        if callback.error:
            raise ConnectError("consent_denied")
        redirected_to = redirect_uri(ports.public_url or request_url)
        return Outcome(return_url, _connected(session, callback.code, redirected_to, ports))
    except (DarkroomError, InstagramError) as error:
        return Outcome(return_url, error=error)


def _connected(session: ConnectSession, code: str, redirected_to: str, ports: CallbackPorts) -> Account:
    instagram = ports.instagram()
    short = instagram.exchange_code(oauth.clean_code(code), redirected_to)
    if missing := sorted(set(NEEDED_SCOPES) - short.permissions):
        raise ConnectError("permissions_missing", f"Not granted: {', '.join(missing)}.")
    long = instagram.exchange_for_long_lived(short.token)
    profile = instagram.profile(long.token)
    account = _stored(session, profile, short, long, ports)
    with suppress(StoreUnavailableError):  # the refresher tells it
        account = standing.tell_untold(account, ports.standing)
    return _subscribed(account, long.token, instagram, ports)


def _stored(
    session: ConnectSession, profile: Profile, short: ShortLivedToken, long: LongLivedToken, ports: CallbackPorts
) -> Account:
    """A refresh that was faster costs another look. It is not faster twice: what it refreshes is over with this."""
    for _ in range(_MOST_LOOKS):
        account = _account(session, profile, short, ports)
        account = replace(account, token_expires_at=ports.now() + timedelta(seconds=long.expires_in))
        try:
            ports.accounts.connect(account, long.token)
        except ConflictError as error:
            if error.code == "account_connected_elsewhere":
                raise ConnectError("account_connected_elsewhere") from error
        else:
            return account
    raise StoreUnavailableError


def _account(session: ConnectSession, profile: Profile, short: ShortLivedToken, ports: CallbackPorts) -> Account:
    """A connection made again keeps the account's id, and with it posts and schedules."""
    holder = ports.accounts.holder(profile.user_id)
    if holder is not None and holder[0] != session.tenant_id:
        raise ConnectError("account_connected_elsewhere")
    now = ports.now()
    before = ports.accounts.get(*holder) if holder else None
    return Account(
        id=before.id if before else new_id("acc", now),
        tenant_id=session.tenant_id,
        ig_user_id=profile.user_id,
        app_scoped_id=profile.id,
        username=profile.username,
        name=profile.name,
        account_type=profile.account_type,
        state=AccountState.CONNECTED,
        scopes=tuple(sorted(short.permissions)),
        connected_at=now,
        token_issued_at=now,
        token_expires_at=now,
        refresh_at=now,  # so that the refresher tells what is untold if this worker cannot
        untold=standing.CONNECTED,
        token_version=before.token_version + 1 if before else 1,
        version=before.version + 1 if before else 1,
    )


def _subscribed(account: Account, token: str, instagram: Instagram, ports: CallbackPorts) -> Account:
    """A failure here leaves a working account whose health says that events will not arrive."""
    fields = account.webhook_fields()
    if not fields:
        return account
    try:
        instagram.subscribe_webhooks(Access(account.ig_user_id, token), fields)
        ports.accounts.mark_subscribed(account)
    except (InstagramError, StoreUnavailableError):
        return account
    return replace(account, is_webhook_subscribed=True)


def redirect_uri(base_url: str) -> str:
    """Registered at Meta to the letter (docs/meta-setup.md)."""
    return f"{base_url}/oauth/instagram/callback"


def _scopes(wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    if wanted is None:
        return tuple(oauth.SCOPES)
    errors = [
        FieldError(f"/scopes/{index}", "unknown_scope", "This is not a scope of Instagram Login.")
        for index, scope in enumerate(wanted)
        if scope not in oauth.SCOPES
    ]
    if missing := sorted(set(NEEDED_SCOPES) - set(wanted)):
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


def _split(ticket: str) -> tuple[str, str]:
    session_id, _, secret = ticket.partition(".")
    if not is_id(session_id, "con") or not 20 < len(secret) < 100:
        raise ConnectError
    return session_id, secret


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
