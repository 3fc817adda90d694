"""
How an account stands: a dead token, an owner who has to act, a token that will die. Each change is written together
with the type of the event it makes, at the end of `untold`, in one write on condition that the account stands as it was
read; then the events are told, then `untold` is emptied. Whoever dies between leaves an account that the refresher
looks at and finishes. An event's id comes from the account, the version of its token and the type, so that telling
again is no second event. What is untold of a token that another replaces is over.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from darkroom import announcing, refreshes
from darkroom.accounts import Account, AccountState
from darkroom.errors import StoreUnavailableError
from darkroom.events import Event, event_id
from darkroom.instagram.codes import proves_revocation

CONNECTED = "account.connected"
DISCONNECTED = "account.disconnected"
TOKEN_EXPIRING = "account.token_expiring"  # noqa: S105 — an event, no secret
REAUTHORIZATION_REQUIRED = "account.reauthorization_required"
ACTION_REQUIRED = "account.action_required"
DEAUTHORIZED = "account.deauthorized"

_TRIES = 5  # against others who write of the same account at the same moment
_MAKES = {
    AccountState.REAUTHORIZATION_REQUIRED: REAUTHORIZATION_REQUIRED,
    AccountState.ACTION_REQUIRED: ACTION_REQUIRED,
}
_ADVICE = {
    REAUTHORIZATION_REQUIRED: "Connect the account again: POST /v1/connect-sessions. Its posts and schedules stay.",
    DEAUTHORIZED: "The owner removed the app. Connect the account again if that was a mistake; its posts stay.",
    ACTION_REQUIRED: "The owner has to open Instagram and follow what it asks; then connect the account again.",
    TOKEN_EXPIRING: "Refreshing has not succeeded yet and is tried on. Connecting again is the sure way.",
}


class Accounts(Protocol):
    def get(self, tenant_id: str, account_id: str) -> Account:
        """Raises NotFoundError."""
        ...

    def flag(self, account: Account, seen: Account) -> bool:
        """
        Writes `state`, `last_problem`, `untold` and `refresh_at` of the account as it is given. False, and nothing
        happens, when token, state or what is untold are not as in `seen`: also because this very write has come
        about before, and its answer was lost.
        """
        ...

    def mark_told(self, account: Account, look_at: datetime | None) -> None:
        """Empties `untold`, unless it or the token is another by now. The refresher looks again at `look_at`."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    accounts: Accounts
    telling: announcing.Ports
    chance: refreshes.Chance
    now: Callable[[], datetime]


def flag(account: Account, problem: dict[str, Any], ports: Ports) -> Account:
    """
    What `problem`, Instagram's answer to the token of `account`, proves about it: written, told, once. Most proves
    nothing. Answers the account as it is known to be stored now, maybe with another token: that one is not flagged.
    """
    token_version = account.token_version
    for _ in range(_TRIES):
        state = _verdict(account, problem, ports.now())
        if state is None or account.token_version != token_version:
            return account
        if account.state in {state, AccountState.REAUTHORIZATION_REQUIRED}:
            return _told_or_left(account, ports)
        untold = (*account.untold, _MAKES[state])
        flagged = replace(account, state=state, last_problem=problem, untold=untold, refresh_at=ports.now())
        if ports.accounts.flag(flagged, account):
            return _told_or_left(flagged, ports)
        account = ports.accounts.get(account.tenant_id, account.id)
    raise StoreUnavailableError


def _told_or_left(account: Account, ports: Ports) -> Account:
    with suppress(StoreUnavailableError):  # it is written down, and the refresher tells it within the hour
        return tell_untold(account, ports)
    return account


def _verdict(account: Account, problem: dict[str, Any], now: datetime) -> AccountState | None:
    """A dead token is one that Instagram calls dead with a reason, or refuses when its time is over anyway."""
    instagram = problem.get("instagram")
    if instagram is None:
        return None
    if problem["code"] == "action_required":
        return AccountState.ACTION_REQUIRED
    is_proven = proves_revocation(instagram.get("code"), instagram.get("error_subcode"))
    if problem["code"] == "reauthorization_required" and (is_proven or account.token_expires_at <= now):
        return AccountState.REAUTHORIZATION_REQUIRED
    return None


def tell_untold(account: Account, ports: Ports) -> Account:
    """StoreUnavailableError: it stays written down, and the refresher tells it."""
    if not account.untold:
        return account
    now = ports.now()
    for kind in account.untold:
        announcing.tell(event(account, kind, now), ports.telling)
    look_at = account.refresh_at
    if look_at is None or look_at <= now:
        look_at = refreshes.next_look(account, now, ports.chance)
    ports.accounts.mark_told(account, look_at)
    return replace(account, untold=(), refresh_at=look_at, version=account.version + 1)


def event(account: Account, kind: str, now: datetime) -> Event:
    days = str(account.warned_days) if kind == TOKEN_EXPIRING else ""
    facts = {"token_version": str(account.token_version)} | ({"days_left": days} if days else {})
    data = {
        "username": account.username,
        "token_expires_at": account.token_expires_at.isoformat(),
        "advice": _ADVICE.get(kind),
        "problem": None if kind == CONNECTED else account.last_problem,  # that came after it
    }
    return Event(
        id=event_id(account.tenant_id, account.id, str(account.token_version), kind, days),
        tenant_id=account.tenant_id,
        account_id=account.id,
        type=kind,
        occurred_at=now,
        received_at=now,
        refs=facts,
        data={name: value for name, value in data.items() if value is not None},
    )
