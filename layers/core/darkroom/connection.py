"""
What connecting has in common whichever login it goes through: the session's secrets, the account that comes of it, and
how it ended. State, link and cookie are three different secrets of one session, stored as hashes.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from darkroom import standing
from darkroom.accounts import Account, AccountState, Candidate, ConnectSession
from darkroom.errors import ConflictError, ConnectError, DarkroomError, StoreUnavailableError
from darkroom.ids import is_id, new_id
from darkroom.instagram.errors import InstagramError
from darkroom.logins import Login
from darkroom.values import Value

if TYPE_CHECKING:
    from darkroom.instagram.models import Access

SESSION_LIFETIME = timedelta(minutes=10)
COOKIE = "darkroom_connect"  # and the session's id
_MOST_LOOKS = 5


class Sessions(Protocol):
    def take(self, session_id: str, state_hash: str, now: datetime) -> ConnectSession:
        """
        Removes and answers the session; only one caller ever gets it. ConnectError when it is unknown, expired or the
        state is wrong.
        """
        ...


class Accounts(Protocol):
    def holder(self, ig_user_id: str) -> tuple[str, str] | None:
        """Tenant and account id that hold this Instagram account."""
        ...

    def get(self, tenant_id: str, account_id: str) -> Account: ...

    def connect(self, account: Account, token: str, user_token: str | None = None) -> None:
        """
        Claim, account and encrypted token, all or nothing. ConflictError `account_connected_elsewhere` when another
        tenant holds it, `version_conflict` when its token was refreshed since it was read: two tokens never share a
        version.
        `user_token` is the person's, with Facebook Login, where `token` is the Page's.
        """
        ...

    def mark_subscribed(self, account: Account) -> None: ...


class Webhooks(Protocol):
    def subscribe_webhooks(self, access: "Access", fields: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Callback(Value):
    """What the redirect brought, and the cookie. Every field comes from outside and may be anything."""

    state: str
    code: str
    error: str
    cookie: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Choosing(Value):
    """What the page needs that lets the owner choose: the accounts, and the secrets that come back with the answer."""

    state: str
    cookie: str
    is_https: bool
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Outcome(Value):
    """
    How a connection ended: with an account, or with the error that stopped it; or that it goes on with a choice.
    `return_url` is None for a page.
    """

    return_url: str | None
    account: Account | None = None
    error: DarkroomError | InstagramError | None = None
    choosing: Choosing | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Found(Value):
    """Who is to be connected, as Instagram tells, and until when the token lives."""

    ig_user_id: str
    app_scoped_id: str
    username: str
    name: str | None
    account_type: str | None = None
    page_id: str | None = None
    scopes: Iterable[str]
    token_expires_at: datetime


def cookie_name(ticket: str) -> str:
    """Of the session that a link or a state belongs to: two tabs may connect two accounts at once."""
    return f"{COOKIE}_{ticket.partition('.')[0]}"


def redirect_uri(base_url: str, login: Login) -> str:
    """Registered at Meta to the letter (docs/meta-setup.md)."""
    return f"{base_url}/oauth/{login}/callback"


def split(ticket: str) -> tuple[str, str]:
    """Session id and secret of a link or a state. Raises ConnectError for what cannot be one."""
    session_id, _, secret = ticket.partition(".")
    if not is_id(session_id, "con") or not 20 < len(secret) < 100:
        raise ConnectError
    return session_id, secret


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def taken(callback: Callback, login: Login, sessions: Sessions, now: datetime) -> ConnectSession:
    """
    The session that this callback belongs to; it is consumed, whatever comes of it. ConnectError, which says nothing
    and leads nowhere, unless this is the browser that started, and came back through the login it was sent to.
    """
    session_id, state = split(callback.state)
    session = sessions.take(session_id, hashed(state), now)
    if not hmac.compare_digest(session.browser_hash or "", hashed(callback.cookie)) or session.login != login:
        raise ConnectError
    return session


def require_scopes(needed: Iterable[str], granted: frozenset[str]) -> None:
    """Nothing is stored while one is missing."""
    if missing := sorted(set(needed) - granted):
        raise ConnectError("permissions_missing", f"Not granted: {', '.join(missing)}.")


def connected(  # noqa: PLR0913, PLR0917 — an account, its two tokens, and who is asked
    session: ConnectSession,
    found: Found,
    token: str,
    user_token: str | None,
    accounts: Accounts,
    webhooks: Webhooks,
    telling: standing.Ports,
) -> Account:
    """Stores the account with its tokens, tells it, then subscribes its webhooks."""
    account = _stored(session, found, (token, user_token), accounts, telling.now)
    with suppress(StoreUnavailableError):  # the refresher tells it
        account = standing.tell_untold(account, telling)
    return _subscribed(account, token, accounts, webhooks)


def _stored(
    session: ConnectSession,
    found: Found,
    tokens: tuple[str, str | None],
    accounts: Accounts,
    now: Callable[[], datetime],
) -> Account:
    """A refresh that was faster costs another look. It is not faster twice: what it refreshes is over with this."""
    for _ in range(_MOST_LOOKS):
        account = _account(session, found, accounts, now())
        try:
            accounts.connect(account, *tokens)
        except ConflictError as error:
            if error.code == "account_connected_elsewhere":
                raise ConnectError("account_connected_elsewhere") from error
        else:
            return account
    raise StoreUnavailableError


def _account(session: ConnectSession, found: Found, accounts: Accounts, now: datetime) -> Account:
    """
    A connection made again keeps the account's id, and with it posts and schedules; also when it comes through the
    other login, for the Instagram account is the same.
    """
    holder = accounts.holder(found.ig_user_id)
    if holder is not None and holder[0] != session.tenant_id:
        raise ConnectError("account_connected_elsewhere")
    before = accounts.get(*holder) if holder else None
    return Account(
        id=before.id if before else new_id("acc", now),
        tenant_id=session.tenant_id,
        login=session.login,
        ig_user_id=found.ig_user_id,
        app_scoped_id=found.app_scoped_id,
        username=found.username,
        name=found.name,
        account_type=found.account_type,
        page_id=found.page_id,
        state=AccountState.CONNECTED,
        scopes=tuple(sorted(found.scopes)),
        connected_at=now,
        token_issued_at=now,
        refresh_at=now,  # so that the refresher tells what is untold if this worker cannot
        untold=(standing.CONNECTED,),
        token_expires_at=found.token_expires_at,
        token_version=before.token_version + 1 if before else 1,
        version=before.version + 1 if before else 1,
    )


def _subscribed(account: Account, token: str, accounts: Accounts, webhooks: Webhooks) -> Account:
    """A failure here leaves a working account whose health says that events will not arrive."""
    fields = account.webhook_fields()
    if not fields:
        return account
    from darkroom.instagram.models import Access  # noqa: PLC0415 — dear at a cold start; beginning needs none

    try:
        webhooks.subscribe_webhooks(Access.of(account, token), fields)
        accounts.mark_subscribed(account)
    except (InstagramError, StoreUnavailableError):
        return account
    return replace(account, is_webhook_subscribed=True)
