"""
What goes wrong, and when: single faults at any call, before or after its effect, and spells in which a whole service is
out. Everything comes from one seeded generator.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from darkroom.errors import DarkroomError, StoreUnavailableError, TokenUnreadableError
from darkroom.instagram.errors import (
    AccountRestrictedError,
    AppCredentialsError,
    InstagramUnavailableError,
    InvalidRequestError,
    PermissionDeniedError,
    RateLimitedError,
    TokenInvalidError,
)
from darkroom.instagram.models import LongLivedToken
from tests.fakes import Clock, Killed

type Action = Callable[[], object]

# The answers of a bad day that prove nothing about the token.
PASSING: tuple[Callable[[], Exception], ...] = (
    lambda: InstagramUnavailableError(status=503),
    lambda: InstagramUnavailableError(code=2),
    lambda: InstagramUnavailableError(code=100, subcode=33),
    lambda: RateLimitedError(code=4),
    lambda: RateLimitedError(status=429, retry_after=3600.0),
    lambda: InvalidRequestError(code=100),
    lambda: PermissionDeniedError(code=10),
    lambda: AppCredentialsError(code=104),
    lambda: TokenInvalidError(code=190),
)
# What is out: the points it concerns, how often in 400 days, and the longest in hours.
SPELLS: dict[str, tuple[tuple[str, ...], int, float]] = {
    "dispatcher": (("dispatch",), 8, 72),
    "instagram": (("instagram.",), 6, 48),
    "kms": (("renewals.",), 4, 48),
    "table": (("accounts.", "renewal."), 8, 6),
    "events": (("events.", "bus."), 6, 24),
    "queue": (("queue.",), 4, 12),
}
TABLES = ("accounts.", "renewal.", "events.")


@dataclass
class Weather:
    """
    `rate` of calls are struck, and as many of those to a table are made twice. `meanwhile` are things that may happen
    just then, somewhere else. `unlucky` are the accounts (`current` is the one being worked on) of which the only copy
    of a new token may have been lost by no fault of ours: Instagram's answer never came, the worker died, or the table
    was out for longer than anybody waits.
    """

    random: Random
    clock: Clock
    rate: float
    spells: list[tuple[datetime, datetime, str]] = field(default_factory=list)
    meanwhile: list[Action] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    unlucky: set[str] = field(default_factory=set)
    current: str = ""
    is_over: bool = False
    _depth: int = 0

    def forecast(self, start: datetime, days: int) -> None:
        for name, (_, often, hours) in SPELLS.items():
            for _ in range(round(often * days / 400)):
                begins = start + timedelta(days=self.random.uniform(1, days))
                self.spells.append((begins, begins + timedelta(hours=self.random.uniform(1, hours)), name))
        self.spells.sort()

    def is_out(self, point: str) -> bool:
        """Of the few spells of a run, those that have not passed."""
        now = self.clock.now
        while self.spells and self.spells[0][1] <= now - timedelta(days=4):
            self.spells.pop(0)
        return any(
            begins <= now < ends and point.startswith(SPELLS[name][0])
            for begins, ends, name in self.spells
            if begins <= now
        )

    def through(self, point: str, call: Callable[..., Any], *arguments: Any) -> Any:
        if self.is_over:
            return call(*arguments)
        if self.is_out(point):
            if point.startswith("renewal."):
                self.unlucky.add(self.current)
            raise self._outage(point)
        if self.random.random() < self.rate:
            return self._strike(point, call, *arguments)
        if point.startswith(TABLES) and self.random.random() < self.rate:
            return self._repeated(point, call, *arguments)
        return call(*arguments)

    def _outage(self, point: str) -> Exception:
        if point.startswith("instagram."):
            return InstagramUnavailableError(status=503)
        return TokenUnreadableError() if point.startswith("renewals.") else StoreUnavailableError()

    def _strike(self, point: str, call: Callable[..., Any], *arguments: Any) -> Any:
        kind = self.random.choice(("killed", "lost", "refused", "meanwhile", "meanwhile"))
        when = self.random.choice(("before", "after"))
        self.struck[f"{kind} {when} {point.partition('.')[0]}"] += 1
        if kind == "meanwhile":
            return self._meanwhile(when, call, *arguments)
        error = self._error(kind, point)
        if kind == "killed" or point.startswith("instagram."):
            self.unlucky.add(self.current)
        if when == "before" or kind == "refused":
            raise error
        answer = call(*arguments)
        if isinstance(answer, LongLivedToken) and self.random.random() < 0.2:
            return LongLivedToken(answer.token, 60)  # nonsense: it would die before it could be refreshed
        raise error

    def _meanwhile(self, when: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Not within itself: two at once is what this is about."""
        if self._depth or not self.meanwhile:
            return call(*arguments)
        answer = call(*arguments) if when == "after" else None
        self._depth += 1
        try:
            self.random.choice(self.meanwhile)()
        finally:
            self._depth -= 1
        return answer if when == "after" else call(*arguments)

    def _repeated(self, point: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """The first answer is lost, the SDK sends again by itself, and the second one is all that anybody hears."""
        self.struck[f"repeated {point.partition('.')[0]}"] += 1
        with suppress(DarkroomError):
            call(*arguments)
        return call(*arguments)

    def _error(self, kind: str, point: str) -> BaseException:
        if kind == "killed":
            return Killed()
        if point.startswith("instagram."):
            return InstagramUnavailableError() if kind == "lost" else self.random.choice(PASSING)()
        if point.startswith("renewals."):
            return TokenUnreadableError() if kind == "refused" else StoreUnavailableError()
        return StoreUnavailableError()


class Through:
    """A port whose every call goes through the weather."""

    def __init__(self, name: str, port: object, weather: Weather) -> None:
        self._name, self._port, self._weather = name, port, weather

    def __getattr__(self, method: str) -> Any:
        point, real, through = f"{self._name}.{method}", getattr(self._port, method), self._weather.through
        if not callable(real):
            return real

        def call(*arguments: Any) -> Any:
            return through(point, real, *arguments)

        self.__dict__[method] = call
        return call


def checkpoint() -> AccountRestrictedError:
    return AccountRestrictedError(code=190, subcode=459)
