"""The product with one safeguard taken away. A proof that lets one of them live proves nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from darkroom import confirming, dispatching, problems, refreshes, refreshing, standing
from darkroom.accounts import Account, AccountState
from darkroom.events import Event
from darkroom.reloading import ReloadingInstagram
from tests.fakes import FakeAccounts

_renew, _due_before, _verdict, _event = (
    FakeAccounts.renew,
    FakeAccounts.due_before,
    standing._verdict,
    standing.event,
)
_numbers = count()


@dataclass(frozen=True)
class Mutant:
    """`taken` is a context in which the product is without it."""

    without: str
    taken: Callable[[], Any]


def _nothing(*_: Any) -> None:
    return None


def _renewed_in_any_case(self: FakeAccounts, renewed: Account, successor: Any) -> None:
    if stored := self.stored.get((renewed.tenant_id, renewed.id)):
        _renew(self, replace(renewed, token_version=stored.token_version + 1), successor)


def _any_version(self: FakeAccounts, account: Account) -> Account | None:
    return self.stored.get((account.tenant_id, account.id))


def _flagged_again(self: FakeAccounts, account: Account, _seen: Account) -> bool:
    if self._same_token(account) is None:
        return False
    self._change(account, ("state", "last_problem", "untold", "refresh_at"))
    return True


def _any_error_is_death(_account: Account, _problem: Any, _now: datetime) -> AccountState:
    return AccountState.REAUTHORIZATION_REQUIRED


def _any_190_is_death(account: Account, problem: dict[str, Any], now: datetime) -> AccountState | None:
    if problem.get("instagram", {}).get("code") == 190:
        return AccountState.REAUTHORIZATION_REQUIRED
    return _verdict(account, problem, now)


def _another_id_each_time(account: Account, kind: str, now: datetime) -> Event:
    event = _event(account, kind, now)
    return replace(event, id=f"{event.id}-{next(_numbers)}")


def _kept_at_once_or_never(opened: Any, renewed: Account, successor: Any, _ports: Any) -> None:
    opened.keep(renewed, successor)


def _due_within_the_hour(self: FakeAccounts, moment: datetime, limit: int, after: Any) -> Any:
    due = _due_before(self, moment, limit, after)
    return tuple(each for each in due if each.refresh_at > moment - timedelta(hours=1))


def _at_day_58(account: Account, _chance: Any) -> datetime:
    return account.token_issued_at + timedelta(days=58)


def _gives_up(account: Account, error: Exception, ports: refreshing.Ports) -> str:
    problem = problems.describe(error)
    account = standing.flag(account, problem, ports.standing)
    ports.accounts.look_again(replace(account, refresh_at=None, last_problem=problem), account)
    return str(problem["code"])


def _whoever_is_stored(*_: Any) -> bool:
    return True


def _never_reloaded(*_: Any) -> None:
    return None


def _seen_or_not(self: FakeAccounts, account: Account, _seen: Account) -> bool:
    if self._same_token(account) is None:
        return False
    self._change(account, ("refresh_at", "last_problem", "warned_days", "untold"))
    return True


def _not_read_again(account: Account, problem: dict[str, Any], ports: standing.Ports) -> Account:
    state = _verdict(account, problem, ports.now())
    if state is None or account.state in {state, AccountState.REAUTHORIZATION_REQUIRED}:
        return account
    untold = (*account.untold, standing._MAKES[state])
    flagged = replace(account, state=state, last_problem=problem, untold=untold, refresh_at=ports.now())
    return standing._told_or_left(flagged, ports) if ports.accounts.flag(flagged, account) else account


@contextmanager
def _stale() -> Iterator[None]:
    with patch.object(standing, "flag", _not_read_again), patch.object(FakeAccounts, "look_again", _seen_or_not):
        yield


def _taken(target: Any, **changes: Any) -> Callable[[], Any]:
    return lambda: patch.multiple(target, **changes)


_MUTE = SimpleNamespace(**vars(standing) | {"tell_untold": lambda account, _ports: account})

MUTANTS = (
    Mutant("the version in the condition of a new token", _taken(FakeAccounts, renew=_renewed_in_any_case)),
    Mutant("the version in every other condition", _taken(FakeAccounts, _same_token=_any_version)),
    Mutant("the condition that keeps a flag from being written twice", _taken(FakeAccounts, flag=_flagged_again)),
    Mutant("the lease", _taken(FakeAccounts, lease=lambda *_: True)),
    Mutant("proof of a revocation: any error is one", _taken(standing, _verdict=_any_error_is_death)),
    Mutant("proof of a revocation: any 190 is one", _taken(standing, _verdict=_any_190_is_death)),
    Mutant("flags", _taken(standing, _verdict=_nothing)),
    Mutant("the natural key of an event", _taken(standing, event=_another_id_each_time)),
    Mutant("telling what somebody else has left untold", _taken(refreshing, standing=_MUTE)),
    Mutant("the age check", _taken(refreshes, FIRST_TRY=timedelta(0), YOUNGEST=timedelta(0))),
    Mutant("an early start: the first try is on day 58", _taken(refreshes, first_try=_at_day_58)),
    Mutant("another try after one that failed", _taken(refreshing, _fail=_gives_up)),
    Mutant("repeating the write of the only copy", _taken(refreshing, _keep=_kept_at_once_or_never)),
    Mutant("what was due before this hour", _taken(FakeAccounts, due_before=_due_within_the_hour)),
    Mutant("coming back to what was queued and lost", _taken(dispatching, PUT_OFF=timedelta(days=999))),
    Mutant("warnings", _taken(refreshes, warning=_nothing)),
    Mutant("whose token a post's step was refused with", _taken(confirming, _is_to_blame=_whoever_is_stored)),
    Mutant("reading the token again that Instagram refuses", _taken(ReloadingInstagram, _newer=_never_reloaded)),
    Mutant("finding out what is stored when a flag was not written", _stale),
)
