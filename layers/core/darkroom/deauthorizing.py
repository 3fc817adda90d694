"""
Somebody removed our app in Instagram's settings, and Meta tells us: the token is erased at once, the account stays and
waits to be connected again. Its posts fail, each at its own time, with whose turn it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from darkroom import problems, standing
from darkroom.accounts import Account, AccountState
from darkroom.consents import MetaUsers, Secrets, is_meant, withdrawn
from darkroom.errors import AccountUnavailableError, StoreUnavailableError
from darkroom.values import Value

_TRIES = 3  # against a refresh, which comes once a month
_DETAIL = "The owner removed this app in Instagram's settings."


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    secrets: Secrets
    users: MetaUsers
    standing: standing.Ports
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Outcome(Value):
    """For the log; whoever asked learns nothing of it."""

    key_slot: str
    ended: int
    stale: int


def deauthorize(signed_request: str, ports: Ports) -> Outcome:
    """
    Saying it again changes nothing, and nothing happens for somebody unknown or to an account that was connected since.
    Raises BadRequestError(signed_request_invalid).
    """
    consent = withdrawn(signed_request, ports.secrets, ports.users)
    for account in consent.accounts:
        _end(account, consent.request.issued_at, ports)
    return Outcome(consent.request.key_slot, len(consent.accounts), consent.stale)


def _end(account: Account, issued_at: datetime, ports: Ports) -> None:
    """Tells also what was ended and not told: whoever did it may have died in between."""
    current: Account | None = account
    for _ in range(_TRIES):
        if current is None or not is_meant(current, issued_at):
            return
        if _is_ended(current):
            standing.tell_untold(current, ports.standing)
            return
        ended = _ended(current, ports.now())
        if ports.users.deauthorize(ended):
            standing.tell_untold(ended, ports.standing)
            return
        current = _again(account, ports)
    raise StoreUnavailableError


def _ended(account: Account, now: datetime) -> Account:
    """The next version of the token is none: a refresh that is under way must not bring one back."""
    return replace(
        account,
        state=AccountState.REAUTHORIZATION_REQUIRED,
        token_version=account.token_version + 1,
        is_webhook_subscribed=False,
        last_problem=problems.describe(AccountUnavailableError(detail=_DETAIL)),
        untold=(*account.untold, standing.DEAUTHORIZED),
        refresh_at=now,
    )


def _is_ended(account: Account) -> bool:
    told = (account.last_problem or {}).get("detail")
    return account.state is AccountState.REAUTHORIZATION_REQUIRED and told == _DETAIL


def _again(account: Account, ports: Ports) -> Account | None:
    known = ports.users.accounts_of(account.login, account.app_scoped_id)
    return next((each for each in known if each.id == account.id), None)
