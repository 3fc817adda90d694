"""
How an account stands: a dead token, an owner who has to act, a token that will die. Each change is written together
with the type of the event it makes, `untold`, in one conditional write that one worker wins; then the event is told,
then `untold` is taken away. Whoever dies between leaves an account that the refresher looks at and finishes. The
event's id comes from the account, the version of its token and the type, so that telling again is no second event.
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
    def flag(self, account: Account) -> bool:
        """
        Writes `state`, `last_problem`, `untold` and `refresh_at` of the account as it is given. False, and nothing
        happens: its token is another by now, or it is flagged so or as dead already.
        """
        ...

    def mark_told(self, account: Account, look_at: datetime | None) -> None:
        """Takes `untold` away, unless it or the token is another by now. The refresher looks again at `look_at`."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    accounts: Accounts
    telling: announcing.Ports
    chance: refreshes.Chance
    now: Callable[[], datetime]


def flag(account: Account, problem: dict[str, Any], ports: Ports) -> Account:
    """What `problem`, an answer of Instagram's, proves about the account: written, told, once. Most proves nothing."""
    state = _verdict(account, problem, ports.now())
    if state is None:
        return account
    flagged = replace(account, state=state, last_problem=problem, untold=_MAKES[state], refresh_at=ports.now())
    if not ports.accounts.flag(flagged):
        return account
    with suppress(StoreUnavailableError):  # it is written down, and the refresher tells it within the hour
        return tell_untold(flagged, ports)
    return flagged


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
    if account.untold is None:
        return account
    now = ports.now()
    announcing.tell(event(account, account.untold, now), ports.telling)
    look_at = account.refresh_at
    if look_at is None or look_at <= now:
        look_at = refreshes.next_look(account, now, ports.chance)
    ports.accounts.mark_told(account, look_at)
    return replace(account, untold=None, refresh_at=look_at, version=account.version + 1)


def event(account: Account, kind: str, now: datetime) -> Event:
    days = str(account.warned_days) if kind == TOKEN_EXPIRING else ""
    facts = {"token_version": str(account.token_version)} | ({"days_left": days} if days else {})
    data = {
        "username": account.username,
        "token_expires_at": account.token_expires_at.isoformat(),
        "advice": _ADVICE.get(kind),
        "problem": account.last_problem,
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
