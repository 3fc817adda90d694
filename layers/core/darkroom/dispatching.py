"""
Whose token is due? Asks an index, never the whole table, and makes one message an account, so that none can hold up
another. What is due is what the index says, however long nobody has asked. An account that is queued is put off for
some hours; so the next run, after a time-out or beside this one, goes on where this one stopped.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from typing import Any, Protocol

from darkroom.accounts import AccountState
from darkroom.refreshes import PUT_OFF, Due

MOST_IN_A_PAGE = 100
_MOST_IN_A_BATCH = 10  # that SQS takes


class Accounts(Protocol):
    def due_before(self, moment: datetime, limit: int, after: Due | None) -> tuple[Due, ...]:
        """The one due longest first; some may have been refreshed or erased since. `after` is where a page begins."""
        ...

    def put_off(self, due: Due, until: datetime) -> None:
        """Nothing happens when somebody has set another time."""
        ...


class Queue(Protocol):
    def send(self, bodies: Sequence[str]) -> tuple[bool, ...]:
        """At most ten. Which of them were taken. StoreUnavailableError when that is not known."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    """`tell` is told what kept an account from being queued."""

    accounts: Accounts
    queue: Queue
    now: Callable[[], datetime]
    tell: Callable[[Exception], None]


class IncompleteError(Exception):
    """Some account could not be queued; all the others were."""


def dispatch(ports: Ports, is_time_left: Callable[[], bool]) -> dict[str, Any]:
    """
    Answers how many were due, queued, and failed to be; whether all were looked at; and the fewest days to expiry of a
    connected account among them, None where there was none.
    """
    now, counts, is_finished = ports.now(), Counter[str](), True
    shortest: timedelta | None = None
    for batch in _batches(now, ports):
        if not is_time_left():
            is_finished = False
            break
        counts["due"] += len(batch)
        counts["queued"] += (queued := _queued(batch, now, ports))
        counts["failed"] += len(batch) - queued
        shortest = min((each for each in (shortest, _shortest(batch, now)) if each is not None), default=None)
    days = None if shortest is None else round(shortest / timedelta(days=1), 2)
    return {
        **{name: counts[name] for name in ("due", "queued", "failed")},
        "is_finished": is_finished,
        "days_to_expiry_min": days,
    }


def _batches(now: datetime, ports: Ports) -> Iterator[tuple[Due, ...]]:
    """What was put off is behind `now`, so the next page is asked for by where this one ended."""
    page: tuple[Due, ...] = ports.accounts.due_before(now, MOST_IN_A_PAGE, None)
    while page:
        yield from batched(page, _MOST_IN_A_BATCH, strict=False)
        page = ports.accounts.due_before(now, MOST_IN_A_PAGE, page[-1])


def _queued(batch: tuple[Due, ...], now: datetime, ports: Ports) -> int:
    """
    How many were queued and put off. Queued first: a run that dies between leaves a message twice, which does no harm,
    and never none. What the queue does not take even the second time stays due.
    """
    queued = 0
    try:
        taken = _taken(batch, ports)
        for due in taken:
            ports.accounts.put_off(due, now + PUT_OFF)
            queued += 1
    except Exception as error:  # noqa: BLE001 — whatever is wrong with some, the others are queued; it is told
        ports.tell(error)
    return queued


def _taken(batch: tuple[Due, ...], ports: Ports) -> list[Due]:
    taken, rest = _sent(batch, ports)
    if rest:
        again, _ = _sent(rest, ports)
        taken += again
    return taken


def _sent(batch: Sequence[Due], ports: Ports) -> tuple[list[Due], list[Due]]:
    answers = ports.queue.send([_message(due) for due in batch])
    answered = list(zip(batch, answers, strict=True))
    return [due for due, is_taken in answered if is_taken], [due for due, is_taken in answered if not is_taken]


def _message(due: Due) -> str:
    task = {"tenant_id": due.tenant_id, "account_id": due.account_id, "token_version": due.token_version}
    return json.dumps(task)


def _shortest(batch: Sequence[Due], now: datetime) -> timedelta | None:
    connected = (due.token_expires_at - now for due in batch if due.state is AccountState.CONNECTED)
    return min(connected, default=None)
