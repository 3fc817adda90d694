"""
How much an account may publish: what Instagram told of it, and the slots that our posts have taken.

Instagram counts in a moving window. Which total it counts to is disputed even among its own pages (25, 50 and 100 have
been seen), so no number here is ours: until Instagram has told one, there is always room.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from darkroom.limits import MOST_CONTAINERS
from darkroom.values import Value

_DAY = 86_400
# A duration beyond it is nonsense: Instagram's is one day.
LONGEST_WINDOW = timedelta(days=7)
# As far as a search for room looks at what is taken.
HORIZON = timedelta(days=366)
# From here on (per cent of Meta's allowance) calls that only look something up make way for those that publish.
SHED_FROM = 80
_SHED_FOR = timedelta(hours=1)  # Meta speaks of the last hour


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Allowance(Value):
    """
    What Instagram lets one account do, as it last told; None where it has not. `measured_at` dates the quota,
    `usage_at` the `usage_percent` of the account's calls. `quota_duration` is in seconds.
    """

    quota_total: int | None = None
    quota_usage: int | None = None
    quota_duration: int = _DAY
    measured_at: datetime | None = None
    usage_percent: int | None = None
    usage_at: datetime | None = None
    paused_until: datetime | None = None

    @property
    def window(self) -> timedelta:
        longest = int(LONGEST_WINDOW.total_seconds())
        return timedelta(seconds=min(max(self.quota_duration, 1), longest))

    def pause_left(self, now: datetime) -> timedelta:
        """How long no call may be made for the account; zero when none is in the way."""
        return max(self.paused_until - now, timedelta(0)) if self.paused_until else timedelta(0)

    def sheds_reads(self, now: datetime) -> bool:
        return self._shed_left(now) > timedelta(0)

    def reads_wait(self, now: datetime) -> timedelta:
        """How long calls that only look something up are to be left out; zero when they may be made."""
        return max(self.pause_left(now), self._shed_left(now))

    def counts_from(self, at: datetime) -> datetime:
        """Slots from one window before this moment on say how much room there is at `at`."""
        return at if self.measured_at is None or self._is_over(at) else min(at, self.measured_at)

    def _is_over(self, at: datetime) -> bool:
        """What Instagram counted when it was asked no longer counts."""
        return self.measured_at is not None and self.measured_at + self.window <= at

    def untold(self, taken: Iterable[datetime], at: datetime) -> tuple[datetime, ...]:
        """
        The posts of Instagram's count that none of our slots explains, as far as they still count at `at`: somebody
        else's. When they were published is not told, so each stands at the last moment it can have been.
        """
        if self.measured_at is None or self.quota_usage is None or self._is_over(at):
            return ()
        ours = sum(self.measured_at - self.window < each <= self.measured_at for each in taken)
        # Each took a container, so there cannot be more, whatever the answer said.
        return (self.measured_at,) * min(self.quota_usage - ours, MOST_CONTAINERS.value)

    def room_from(self, taken: Sequence[datetime], at: datetime) -> datetime:
        """The earliest moment from `at` on that is sure to have room, somebody else's posts included."""
        if self.quota_total is None:
            return at
        return next_free((*taken, *self.untold(taken, at)), at, self.quota_total, self.window)

    def _shed_left(self, now: datetime) -> timedelta:
        if self.usage_percent is None or self.usage_at is None or self.usage_percent < SHED_FROM:
            return timedelta(0)
        return max(self.usage_at + _SHED_FOR - now, timedelta(0))


def room(taken: Iterable[datetime], at: datetime, total: int, window: timedelta) -> int:
    """
    How many posts still fit in at `at`: what the fullest window of that length around it leaves of `total`. A window
    does not hold its own end: what was published exactly one `window` ago no longer counts.
    """
    return _room(sorted(taken), at, total, window)


def is_full(taken: Iterable[datetime], at: datetime, total: int, window: timedelta) -> bool:
    """Would any window around `at` hold more than `total` posts with one more there?"""
    return room(taken, at, total, window) < 1


def next_free(taken: Iterable[datetime], at: datetime, total: int, window: timedelta) -> datetime:
    """
    The earliest moment from `at` on with room. A total below one leaves no room at all: then it is one window later,
    when Instagram is worth asking again.
    """
    if total < 1:
        return at + window
    times = sorted(taken)
    # Room only comes where a post leaves the window, and behind the last one there is some.
    leaving = (each + window for each in times if each + window > at)
    return next(moment for moment in (at, *leaving) if _room(times, moment, total, window) > 0)


def _room(times: Sequence[datetime], at: datetime, total: int, window: timedelta) -> int:
    """The fullest window begins with a post: one pushed later until it does holds no fewer."""
    starts = [*times[bisect_right(times, at - window) : bisect_right(times, at)], at]
    return total - max(bisect_left(times, start + window) - bisect_left(times, start) for start in starts)
