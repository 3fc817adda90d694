"""
When a token is refreshed. Instagram refuses one younger than a day and forgets one of sixty; so the first try is at day
30, or half of a shorter life, and a try that fails is made again at a twentieth of what is left: some 40 tries before
the token dies, and more of them the nearer that is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from darkroom.accounts import Account, AccountState
from darkroom.values import Value

type Chance = Callable[[], float]  # from 0 to 1, another each time

YOUNGEST = timedelta(days=1)  # Instagram refuses younger tokens; one that lives no longer can never be refreshed
FIRST_TRY = timedelta(days=30)
WARNINGS = (1, 7, 14)  # days before expiry
PUT_OFF = timedelta(hours=6)  # by the dispatcher; comes true only for a message that was lost
LEASE = timedelta(minutes=10)  # longer than a refresher lives
LONGEST = timedelta(seconds=60)  # one refresh: its calls, then five attempts to write down the only copy of a token
_SPREAD = timedelta(days=1)  # accounts that were connected together are not refreshed together
_SHORTEST, _LONGEST = timedelta(hours=1), timedelta(hours=18)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Due(Value):
    """An account that the refresher has to look at, as the index knows it: perhaps no longer so."""

    tenant_id: str
    account_id: str
    refresh_at: datetime
    state: AccountState
    token_version: int
    token_expires_at: datetime


def first_try(account: Account, chance: Chance) -> datetime:
    life = account.token_expires_at - account.token_issued_at
    return account.token_issued_at + max(min(FIRST_TRY, life / 2), YOUNGEST) + chance() * min(_SPREAD, life / 20)


def next_try(account: Account, now: datetime, chance: Chance) -> datetime:
    """Past its expiry too: only Instagram's word makes it dead."""
    wait = min(max((account.token_expires_at - now) / 20, _SHORTEST), _LONGEST)
    return now + wait * (0.75 + chance() / 2)


def next_look(account: Account, now: datetime, chance: Chance) -> datetime | None:
    """After whatever was to be done now; None for a token that is dead."""
    if account.state is AccountState.REAUTHORIZATION_REQUIRED:
        return None
    first = first_try(account, chance)
    return first if first > now else next_try(account, now, chance)


def opens_at(account: Account) -> datetime:
    """Earlier than this Instagram does not refresh it."""
    return account.token_issued_at + YOUNGEST


def warning(account: Account, now: datetime) -> int | None:
    """The days of the warning that is due and was not given."""
    left = account.token_expires_at - now
    days = next((days for days in WARNINGS if left <= timedelta(days=days)), None)
    if days is None or (account.warned_days is not None and account.warned_days <= days):
        return None
    return days


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Successor(Value):
    """What replaces what was there. `user_token` is the person's, with Facebook Login, and then `expires_in` its."""

    token: str = field(repr=False)
    user_token: str | None = field(default=None, repr=False)
    expires_in: int = 0
