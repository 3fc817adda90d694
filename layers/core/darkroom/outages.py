"""
Outages of Instagram's: when one step fails with the same platform error on several accounts, the fault is not theirs.
The breaker opens, posts wait, and every few minutes one is let through to find out whether it is over.

A breaker that is open holds nobody for ever. Each probe is let through by the clock alone: when the worker that took
one dies, or its post ends in some other way, the next one is due PROBE_EVERY later. When nobody reports any more and
no post is waiting, the first that comes is let through at once, because the probe has long been due.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from darkroom.values import Value

THRESHOLD = 3  # distinct accounts: one has its own trouble, a second may be chance
WINDOW = timedelta(minutes=10)  # the first retries of a step are over by then, and a passing fault with them
PROBE_EVERY = timedelta(minutes=2)  # after an outage nobody waits much longer than this; during it, 30 calls an hour
GRAIN = timedelta(seconds=1)  # reports closer together are one: thousands at once must not queue for one item

BEGAN = "PlatformOutageBegan"
ENDED = "PlatformOutageEnded"

# Meta's "not visible (yet)": about one object of one account, however many have such a day.
_ABOUT_ONE_OBJECT = frozenset({(100, 33)})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Outage(Value):
    """`id` is `<step>:<signature>`. `probe_at`: when the next post may be let through."""

    id: str
    opened_at: datetime
    probe_at: datetime

    def facts(self) -> dict[str, str]:
        """What an event tells of it (docs/events.md)."""
        step, _, _ = self.id.partition(":")
        return {"outage_id": self.id, "step": step, "opened_at": self.opened_at.isoformat()}


class Outages(Protocol):
    """Every promise of "one caller" holds for any number of workers at once."""

    def report(self, step: str, signature: str, account_id: str, now: datetime) -> Outage | None:
        """
        Counts the account. Answers the outage to the one caller whose report opened it, to announce it. While it is
        open a report only puts the next probe off. Reporting again is harmless.
        """
        ...

    def current(self) -> Outage | None:
        """The open outage, the oldest if there are several."""
        ...

    def take_probe(self, outage: Outage, now: datetime) -> bool:
        """True for one caller in PROBE_EVERY, once `probe_at` has come."""
        ...

    def close(self, outage_id: str, now: datetime) -> Outage | None:
        """Answers the outage to the one caller that closed it; None when there was nothing to close."""
        ...


def outage_id(step: str, signature: str) -> str:
    return f"{step}:{signature}"


def is_platforms(problem: Mapping[str, Any]) -> bool:
    """
    Whether a problem (as problems.describe makes it) is Instagram's own trouble. Not the media's host, which is the
    caller's (`media_unreachable`); not a throttle or a quota, which say themselves how long to wait; and not an unknown
    outcome, which has to be asked about first.
    """
    return problem["code"] == "instagram_unavailable" and _numbers(problem) not in _ABOUT_ONE_OBJECT


def signature(problem: Mapping[str, Any]) -> str:
    """
    Tells one kind of trouble from another: `2`, `-1.2207001`, `*.2207053` of a container that failed (which tells a
    subcode only), or our own code where Instagram gave no number: no answer, a time-out, or nonsense instead of JSON.
    """
    code, subcode = _numbers(problem)
    if code is None and subcode is None:
        return str(problem["code"])
    number = "*" if code is None else str(code)
    return number if subcode is None else f"{number}.{subcode}"


def _numbers(problem: Mapping[str, Any]) -> tuple[int | None, int | None]:
    facts = problem.get("instagram", {})
    return facts.get("code"), facts.get("error_subcode")


def counted(seen: Mapping[str, datetime], account_id: str, now: datetime) -> dict[str, datetime]:
    """
    The accounts that failed within the window, this one among them, each with its latest report. There are never more
    than THRESHOLD: that many open the breaker, and then nobody is counted.
    """
    recent = {account: at for account, at in seen.items() if at > now - WINDOW}
    return {**recent, account_id: max(now, recent.get(account_id, now))}


def is_news(last: datetime | None, now: datetime) -> bool:
    """Whether a report is worth a write, `last` being the one that is stored."""
    return last is None or now - last >= GRAIN


def opened(outage_id: str, now: datetime) -> Outage:
    return Outage(outage_id, opened_at=now, probe_at=now + PROBE_EVERY)
