"""Whose Instagram it is: a connected account, and what is known of its health."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from darkroom import capabilities
from darkroom.errors import AccountUnavailableError
from darkroom.logins import LOGINS, Login, LoginTraits
from darkroom.posts import PostContent
from darkroom.values import Value

EXPIRES_SOON = timedelta(days=7)


class AccountState(StrEnum):
    CONNECTED = "connected"
    REAUTHORIZATION_REQUIRED = "reauthorization_required"
    ACTION_REQUIRED = "action_required"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Account(Value):
    """
    `ig_user_id` is the professional account (1784…), which publishing and webhooks use; `app_scoped_id` is what Meta's
    deauthorise and deletion callbacks call `user_id`: with Facebook Login that is the person, who may have connected
    several accounts. `token_version` counts connections and refreshes.

    `page_id` is the Facebook Page behind which the account is, with Facebook Login. Its token acts for the account and
    has no expiry; `token_expires_at` is then that of the person's token, from which it is made anew.

    `refresh_at` is when the refresher looks at it next; None: never again, until it is connected anew. `warned_days` is
    how many days before expiry its tenant was last warned. `untold` are the types of the events that are written down
    with the changes they are about, and still to be told, in their order.
    """

    id: str
    tenant_id: str
    login: Login = "instagram"
    ig_user_id: str
    app_scoped_id: str
    username: str
    name: str | None = None
    account_type: str | None = None
    page_id: str | None = None
    state: AccountState = AccountState.CONNECTED
    scopes: tuple[str, ...] = ()
    connected_at: datetime
    token_issued_at: datetime
    token_expires_at: datetime
    token_version: int = 1
    refresh_at: datetime | None = None
    warned_days: int | None = None
    untold: tuple[str, ...] = ()
    is_webhook_subscribed: bool = False
    last_problem: dict[str, Any] | None = None
    version: int = 1

    @property
    def traits(self) -> LoginTraits:
        return LOGINS[self.login]

    def missing_scopes(self) -> tuple[str, ...]:
        return tuple(scope for scope in self.traits.needed_scopes if scope not in self.scopes)

    def webhook_fields(self) -> tuple[str, ...]:
        """What this account may subscribe to; empty when no granted scope has webhooks."""
        by_scope = self.traits.webhook_fields.items()
        return tuple(field for scope, fields in by_scope if scope in self.scopes for field in fields)

    def token_has_expired(self, now: datetime) -> bool:
        """A Page's token is Instagram's to judge: it outlives the person's, which only renews it."""
        return self.login == "instagram" and self.token_expires_at <= now

    def require_publishing(self, now: datetime, content: PostContent | None = None) -> None:
        """
        Raises AccountUnavailableError, with whose turn it is, unless this account can publish now, and publish all of
        `content` where that is given: some fields need a scope of their own.
        """
        if self.state is AccountState.ACTION_REQUIRED:
            raise AccountUnavailableError("action_required")
        if self.state is not AccountState.CONNECTED or self.token_has_expired(now):
            raise AccountUnavailableError("reauthorization_required")
        needed = {self.traits.publish_scope} | (capabilities.scopes(content, self.login) if content else frozenset())
        if missing := sorted(needed.difference(self.scopes)):
            raise AccountUnavailableError("permissions_missing", f"Missing: {', '.join(missing)}.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Consent(Value):
    """
    Somebody let us use an account, last at `given_at`. It outlives the connection: as long as anything of the account
    is left, they may have it deleted. `account` is as it stands now, whoever connected it last; None: it was
    disconnected, or erased, and its id never comes back.
    """

    login: Login
    app_scoped_id: str
    tenant_id: str
    account_id: str
    given_at: datetime
    account: Account | None = None

    @property
    def is_current(self) -> bool:
        """The connection rests on it, not on a later consent by another person or the other login."""
        account = self.account
        return account is not None and (account.login, account.app_scoped_id) == (self.login, self.app_scoped_id)

    def is_meant(self, issued_at: datetime) -> bool:
        """
        Not when the account was connected after Meta spoke, by whomever: what is replayed must not end it. Meta counts
        in whole seconds.
        """
        latest = max(self.given_at, self.account.connected_at) if self.account else self.given_at
        return latest.replace(microsecond=0) <= issued_at


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ConnectSession(Value):
    """
    A connection on its way. Hashes are SHA-256 in hex. `state_hash` and `browser_hash` are unset until a browser opens
    the link.
    """

    id: str
    tenant_id: str
    login: Login = "instagram"
    scopes: tuple[str, ...]
    return_url: str | None
    expires_at: datetime
    link_hash: str
    state_hash: str | None = None
    browser_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Candidate(Value):
    """An account that could be connected, behind this Page."""

    page_id: str
    page_name: str
    username: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ConnectChoice(Value):
    """
    A connection that waits for the owner to choose one of several accounts: the session it came of, what the person at
    Facebook granted, and who they are to the app (`user_id`). Their token is sealed beside it.
    """

    session: ConnectSession
    user_id: str
    scopes: tuple[str, ...]
    token_expires_at: datetime
    candidates: tuple[Candidate, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Health:
    """
    What is known without asking Instagram. `advice` is empty when there is nothing to do; each entry is one sentence
    that says whose turn it is.
    """

    is_healthy: bool
    state: AccountState
    token_expires_at: datetime
    token_days_left: int
    scopes_granted: tuple[str, ...]
    scopes_needed: tuple[str, ...]
    scopes_missing: tuple[str, ...]
    is_webhook_subscribed: bool
    last_problem: dict[str, Any] | None = field(default=None)
    advice: tuple[str, ...] = ()


def health(account: Account, now: datetime) -> Health:
    left = account.token_expires_at - now
    advice = tuple(_advice(account, left))
    return Health(
        is_healthy=not advice,
        state=account.state,
        token_expires_at=account.token_expires_at,
        token_days_left=max(left.days, 0),
        scopes_granted=account.scopes,
        scopes_needed=account.traits.needed_scopes,
        scopes_missing=account.missing_scopes(),
        is_webhook_subscribed=account.is_webhook_subscribed,
        last_problem=account.last_problem,
        advice=advice,
    )


def _advice(account: Account, left: timedelta) -> list[str]:
    advice = []
    if account.state is AccountState.ACTION_REQUIRED:
        advice.append("The owner has to open Instagram, follow what it asks, and then connect again.")
    elif account.state is AccountState.REAUTHORIZATION_REQUIRED or left <= timedelta(0):
        advice.append("The owner has to connect this account again: POST /v1/connect-sessions.")
    elif left <= EXPIRES_SOON:
        advice.append("The token expires within a week; connect again if it is not refreshed before.")
    if missing := account.missing_scopes():
        advice.append(f"Connect again and grant: {', '.join(missing)}.")
    if account.webhook_fields() and not account.is_webhook_subscribed:
        advice.append("Webhooks are not subscribed, so events will not arrive; connect again.")
    return advice
