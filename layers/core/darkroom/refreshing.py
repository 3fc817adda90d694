"""
A token's next sixty days. One account a call, from the queue or because its tenant asks; what goes wrong with one is
nobody else's business.

Between Instagram's answer and our write there is one copy of the new token, in memory, and the old one may be dead. So
everything that can fail comes before the call: the lease, the old token, the data key for the new one. After it there
is one write, repeated while there is hope.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Protocol

from darkroom import problems, refreshes, renewal, standing
from darkroom.accounts import Account, AccountState
from darkroom.errors import (
    AccountUnavailableError,
    ConflictError,
    DarkroomError,
    NotFoundError,
    StoreUnavailableError,
    TokenUnreadableError,
)
from darkroom.instagram.errors import InstagramError, InstagramUnavailableError
from darkroom.instagram.models import LongLivedToken
from darkroom.logins import Login
from darkroom.refreshes import Successor
from darkroom.tenants import Caller
from darkroom.values import Value

_PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds between attempts to write the one copy down


class Accounts(standing.Accounts, Protocol):
    def lease(self, account: Account, now: datetime, until: datetime) -> bool:
        """True for one caller at a time. False also when the token is another by now."""
        ...

    def look_again(self, account: Account, seen: Account) -> bool:
        """
        Writes `refresh_at`, `last_problem`, `warned_days` and `untold` of the account as it is given. False as with
        `flag`: what somebody else has found out meanwhile is not overwritten.
        """
        ...


class Renewal(Protocol):
    """The token that can be renewed, in the clear, and a fresh data key for its successor: `keep` needs no KMS."""

    @property
    def token(self) -> str:
        """With Facebook Login the person's, of which the Page's is made."""
        ...

    def keep(self, renewed: Account, successor: Successor) -> None:
        """
        Replaces account and token at once. ConflictError when another connection or refresh was first. After a
        StoreUnavailableError it may be written; repeating finds that out.
        """
        ...


class Renewals(Protocol):
    def open(self, account: Account) -> Renewal:
        """TokenUnreadableError; NotFoundError when it was erased; ConflictError: the token is another by now."""
        ...


type Refresh = Callable[[Account, str], Successor]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    """`refresh` turns a token into its successor, in the way of each login."""

    accounts: Accounts
    renewals: Renewals
    refresh: Mapping[Login, Refresh]
    standing: standing.Ports
    now: Callable[[], datetime]
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RefreshTask(Value):
    """One message of the queue. `token_version` is the one that is due: whatever came since has its own time."""

    tenant_id: str
    account_id: str
    token_version: int


def by_instagram(refresh: Callable[[str], LongLivedToken]) -> Refresh:
    def successor(_account: Account, token: str) -> Successor:
        found = refresh(token)
        return Successor(found.token, None, found.expires_in)

    return successor


def by_facebook(facebook: Callable[[], renewal.Facebook]) -> Refresh:
    """Only a new login helps when the person has no role on the Page any more: PermissionDeniedError."""

    def successor(account: Account, user_token: str) -> Successor:
        found = renewal.renewed(account, user_token, facebook())
        return Successor(found.token, found.user_token, found.expires_in)

    return successor


def refresh_due(task: RefreshTask, ports: Ports) -> dict[str, Any]:
    """
    Tells what is untold of the account and refreshes its token if it is due. May be done any number of times, by many
    at once. Answers `{account_id, outcome}`: "refreshed", why there was nothing to do, or the code of the problem; that
    is tried again when its time comes. StoreUnavailableError: the queue is to send the message again.
    """
    try:
        account = ports.accounts.get(task.tenant_id, task.account_id)
        outcome = _looked_at(account, task.token_version, ports)
    except NotFoundError:
        outcome = "gone"
    return {"account_id": task.account_id, "outcome": outcome}


def refresh_now(caller: Caller, account_id: str, ports: Ports) -> Account:
    """
    The account with its new token. ConflictError, `token_too_young` or `refresh_in_progress`, with how long to wait;
    AccountUnavailableError when only connecting again helps; Instagram's error when that is what stood in the way.
    """
    if not caller.may_use(account_id):
        raise NotFoundError
    account = standing.tell_untold(ports.accounts.get(caller.tenant_id, account_id), ports.standing)
    if account.state is AccountState.REAUTHORIZATION_REQUIRED:
        raise AccountUnavailableError
    if (wait := refreshes.opens_at(account) - ports.now()) > timedelta(0):
        raise ConflictError("token_too_young", retry_after=ceil(wait.total_seconds()))
    try:
        return _refreshed(account, ports)
    except (InstagramError, TokenUnreadableError) as error:
        _fail(account, error, ports)
        raise


def _looked_at(account: Account, token_version: int, ports: Ports) -> str:
    account = standing.tell_untold(account, ports.standing)
    if account.token_version != token_version:
        return "superseded"
    if account.state is AccountState.REAUTHORIZATION_REQUIRED:
        if account.refresh_at is not None:
            ports.accounts.look_again(replace(account, refresh_at=None), account)
        return "dead"
    if refreshes.first_try(account, _no_chance) > ports.now():
        ports.accounts.look_again(_later(account, ports), account)
        return "not_due"
    try:
        _refreshed(account, ports)
    except ConflictError as error:
        return error.code
    except NotFoundError:
        raise
    except (InstagramError, DarkroomError) as error:
        return _fail(account, error, ports)
    return "refreshed"


def _no_chance() -> float:
    return 0


def _later(account: Account, ports: Ports) -> Account:
    return replace(account, refresh_at=refreshes.next_look(account, ports.now(), ports.standing.chance))


def _refreshed(account: Account, ports: Ports) -> Account:
    """
    The lease is never given back: it keeps a second message, or an impatient tenant, from a second call within minutes.
    Time is taken before the call, so that the token never lives shorter than we think.
    """
    now = ports.now()
    if not ports.accounts.lease(account, now, now + refreshes.LEASE):
        raise ConflictError("refresh_in_progress", retry_after=ceil(refreshes.LEASE.total_seconds()))
    opened = ports.renewals.open(account)
    found = ports.refresh[account.login](account, opened.token)
    if timedelta(seconds=found.expires_in) <= refreshes.YOUNGEST:
        raise InstagramUnavailableError("The refreshed token is said to die before it could be refreshed.")
    renewed = _renewed(account, now, found.expires_in, ports)
    _keep(opened, renewed, found, ports)
    return renewed


def _renewed(account: Account, now: datetime, expires_in: int, ports: Ports) -> Account:
    """
    An owner who had to act on the token (a checkpoint) has done so; a restriction of the account stays. One that a post
    has met since the account was read is lost here, and the next post meets it again.
    """
    has_acted = account.state is AccountState.ACTION_REQUIRED and _is_about_the_token(account.last_problem)
    renewed = replace(
        account,
        state=AccountState.CONNECTED if has_acted else account.state,
        last_problem=account.last_problem if account.state is AccountState.ACTION_REQUIRED and not has_acted else None,
        token_issued_at=now,
        token_expires_at=now + timedelta(seconds=expires_in),
        token_version=account.token_version + 1,
        warned_days=None,
        untold=(),
        version=account.version + 1,
    )
    return replace(renewed, refresh_at=refreshes.first_try(renewed, ports.standing.chance))


def _is_about_the_token(problem: dict[str, Any] | None) -> bool:
    return problem is not None and problem.get("instagram", {}).get("code") == 190


def _keep(opened: Renewal, renewed: Account, successor: Successor, ports: Ports) -> None:
    for pause in _PAUSES:
        try:
            return opened.keep(renewed, successor)
        except StoreUnavailableError:
            ports.sleep(pause)
    return opened.keep(renewed, successor)


def _fail(account: Account, error: InstagramError | DarkroomError, ports: Ports) -> str:
    """
    Only what Instagram proves changes the account; all else is tried again, and warned of when time runs short. A token
    that was replaced meanwhile condemns nobody, and its failure says nothing about the next.
    """
    problem = problems.describe(error)
    stored = standing.flag(account, problem, ports.standing)
    is_replaced = stored.token_version != account.token_version
    if not is_replaced and stored.state is not AccountState.REAUTHORIZATION_REQUIRED:
        _try_again_later(stored, problem, ports)
    return str(problem["code"])


def _try_again_later(account: Account, problem: dict[str, Any], ports: Ports) -> None:
    """One warning at a time: the event of one that is untold would become that of the next."""
    later = replace(_later(account, ports), last_problem=problem)
    days = refreshes.warning(account, ports.now())
    if days is not None and standing.TOKEN_EXPIRING not in account.untold:
        later = replace(later, warned_days=days, untold=(*account.untold, standing.TOKEN_EXPIRING))
    if not ports.accounts.look_again(later, account):  # somebody was faster, or this very write and its answer was lost
        later = ports.accounts.get(account.tenant_id, account.id)
    standing.tell_untold(later, ports.standing)
