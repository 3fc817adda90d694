"""
Somebody removed our app in Instagram's settings, and Meta tells us: the token is erased at once, the account stays and
waits to be connected again. Its posts fail, each at its own time, with whose turn it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from darkroom import problems, standing
from darkroom.accounts import Account, AccountState, Consent
from darkroom.consents import MetaUsers, Secrets, withdrawn
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
    Saying it again changes nothing, and nothing happens for somebody unknown or to an account that was connected since,
    or is disconnected. Raises BadRequestError(signed_request_invalid).
    """
    withdrawal = withdrawn(signed_request, ports.secrets, ports.users, with_past=False)
    for consent in withdrawal.consents:
        _end(consent, withdrawal.request.issued_at, ports)
    return Outcome(withdrawal.request.key_slot, len(withdrawal.consents), withdrawal.stale)


def _end(consent: Consent, issued_at: datetime, ports: Ports) -> None:
    """Tells also what was ended and not told: whoever did it may have died in between."""
    for _ in range(_TRIES):
        account = consent.account
        if account is None or not consent.is_current or not consent.is_meant(issued_at):
            return
        if _is_ended(account):
            standing.tell_untold(account, ports.standing)
            return
        ended = _ended(account, ports.now())
        if ports.users.deauthorize(ended):
            standing.tell_untold(ended, ports.standing)
            return
        consent = _again(consent, ports)
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


def _again(consent: Consent, ports: Ports) -> Consent:
    known = ports.users.consents_of(consent.login, consent.app_scoped_id)
    whose = (consent.tenant_id, consent.account_id)
    return next((one for one in known if (one.tenant_id, one.account_id) == whose), replace(consent, account=None))
