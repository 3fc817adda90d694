"""What may never happen, told from Instagram's side and from every write, not from what the product believes."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from darkroom import standing
from darkroom.accounts import Account, AccountState
from darkroom.events import Effect, Event
from darkroom.refreshes import Successor
from tests.fakes import Clock, FakeAccounts, FakeEvents
from tests.refreshing.rules import YOUNGEST, TokenRules
from tests.refreshing.weather import Weather

type Key = tuple[str, str]

DEAD = AccountState.REAUTHORIZATION_REQUIRED
MOST_TOLD = 20
# A warning of 14 days is due at the next try, and tries may be held up by several outages in a row.
WARNED_BY = timedelta(days=9.5)


@dataclass
class Ledger:
    """
    `texts` are the tokens that each account has had, by version. `excused` are events of versions that were replaced
    before anybody could tell them. `spelled` are accounts that Instagram refused for longer than random faults do, and
    why. `orphaned` counts tokens that Instagram replaced and killed while nobody lived to hear of the successor.
    """

    clock: Clock
    rules: TokenRules
    weather: Weather
    texts: dict[tuple[Key, int], str] = field(default_factory=dict)
    connections: dict[Key, int] = field(default_factory=dict)
    flags: Counter[tuple[Key, int, AccountState]] = field(default_factory=Counter)
    excused: set[tuple[str, str, str]] = field(default_factory=set)
    spelled: dict[Key, str] = field(default_factory=dict)
    fewest_days: dict[str, float] = field(default_factory=dict)
    renewals: int = 0
    orphaned: int = 0
    breaks: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def breach(self, what: str, key: Key | None = None) -> None:
        self.counts[what] += 1
        if len(self.breaks) < MOST_TOLD:
            self.breaks.append(f"{self.clock.now:%Y-%m-%d %H:%M} {what} {key or ''}")

    def token_of(self, account: Account) -> str:
        return self.texts[(account.tenant_id, account.id), account.token_version]

    def is_dead(self, account: Account) -> bool:
        return self.rules.dead_with(self.token_of(account)) is not None

    def replaced(self, before: Account | None, after: Account, text: str) -> None:
        key = (after.tenant_id, after.id)
        self.texts[key, after.token_version] = text
        self.weather.unlucky.discard(after.id)
        if before is not None:
            self._close(key, before)

    def _close(self, key: Key, before: Account) -> None:
        self.excused.update((before.id, str(before.token_version), kind) for kind in before.untold)
        if not self.is_dead(before) or before.state is AccountState.CONNECTED:
            left = (before.token_expires_at - self.clock.now) / timedelta(days=1)
            kind = self.spelled.get(key, "random faults only")
            self.fewest_days[kind] = min(left, self.fewest_days.get(kind, 60.0))

    def asked_for(self, key: Key, account: Account, text: str) -> None:
        """Of Instagram, just now."""
        if self.token_of(account) == text and self.clock.now < account.token_issued_at + YOUNGEST:
            self.breach("Instagram was asked to refresh a token of today", key)

    # Every few days.

    def look_at(self, key: Key, account: Account, events: FakeEvents) -> None:
        text = self.texts[key, account.token_version]
        token, dead_with = self.rules.tokens[text], self.rules.dead_with(text)
        if token.connection != self.connections[key]:
            self.breach("an older connection has overwritten a newer one", key)
        if dead_with == 463 and token.revoked_with is None:
            self.breach("a valid token was left to expire", key)
        if token.rotated and account.id not in self.weather.unlucky and token.revoked_with == 467:
            self.breach("a refreshed token was lost though nobody died", key)
        left = account.token_expires_at - self.clock.now
        if dead_with is None and left < WARNED_BY and not self._is_warned(account, events):
            self.breach("nobody was warned", key)

    def _is_warned(self, account: Account, events: FakeEvents) -> bool:
        warned = standing.event(replace(account, warned_days=14), standing.TOKEN_EXPIRING, self.clock.now)
        return (account.tenant_id, warned.id) in events.stored

    # When the weather has been fine for long enough.

    def settle(self, accounts: FakeAccounts, events: FakeEvents) -> None:
        told = Counter(
            (event.account_id, event.refs["token_version"], event.type, event.refs.get("days_left"))
            for event in events.stored.values()
        )
        for (account_id, _, kind, _), times in told.items():
            if times > 1:
                self.breach(f"{kind} was told {times} times", ("", account_id or ""))
        for key, account in accounts.stored.items():
            self._settle(key, account, told)
        self._settle_flags(told)
        self._settle_events(events)
        if self.rules.hasty:
            self.breach("a token was tried again within ten minutes")

    def _settle_flags(self, told: Counter[Any]) -> None:
        for (key, version, state), times in self.flags.items():
            name = standing.REAUTHORIZATION_REQUIRED if state is DEAD else standing.ACTION_REQUIRED
            one = (key[1], str(version), name)
            if times > 1 and state is DEAD:
                self.breach("flagged twice", key)
            if not told[(*one, None)] and one not in self.excused:
                self.breach(f"{name} was never told", key)

    def _settle_events(self, events: FakeEvents) -> None:
        for event in events.stored.values():
            one = (event.account_id or "", event.refs["token_version"], event.type)
            if event.id not in events.announced and one not in self.excused:
                self.breach(f"{event.type} is stored and was never announced", ("", event.account_id or ""))

    def _settle(self, key: Key, account: Account, told: Counter[Any]) -> None:
        one = (account.id, str(account.token_version), standing.REAUTHORIZATION_REQUIRED, None)
        is_dead, is_flagged = self.is_dead(account), account.state is DEAD
        if is_dead != is_flagged:
            self.breach("a dead token nobody knows of" if is_dead else "a living token is flagged as dead", key)
        if is_flagged and told[one] != 1:
            self.breach(f"a dead token was told {told[one]} times", key)
        for kind in account.untold:
            self.breach(f"{kind} is still untold", key)


class WatchedAccounts(FakeAccounts):
    """Tells the ledger of every write that counts."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger

    def connect(self, account: Account, token: str, user_token: str | None = None) -> None:
        key = (account.tenant_id, account.id)
        before = self.stored.get(key)
        super().connect(account, token, user_token)
        self.ledger.connections[key] = self.ledger.rules.tokens[token].connection
        self.ledger.replaced(before, account, token)

    def renew(self, renewed: Account, successor: Successor) -> None:
        key = (renewed.tenant_id, renewed.id)
        before = self.stored.get(key)
        super().renew(renewed, successor)
        after = self.stored[key]
        if before is not None and before.token_version < after.token_version:
            self.ledger.renewals += 1
            self.ledger.replaced(before, after, successor.token)

    def flag(self, account: Account, seen: Account) -> bool:
        is_written = super().flag(account, seen)
        if is_written:
            self.ledger.flags[(account.tenant_id, account.id), account.token_version, account.state] += 1
            is_orphaned = self.ledger.rules.tokens[self.ledger.token_of(account)].rotated
            self.ledger.orphaned += is_orphaned and account.state is DEAD
        return is_written

    def erase(self, account: Account) -> None:
        stored = self.stored.get((account.tenant_id, account.id))
        super().erase(account)
        if stored is not None:
            self.ledger.excused.update((stored.id, str(stored.token_version), kind) for kind in stored.untold)


class WatchedEvents(FakeEvents):
    """Nobody is told that a living token is dead."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.clock)
        self.ledger = ledger

    def add(self, event: Event, effect: Effect | None = None) -> bool:
        is_new = (event.tenant_id, event.id) not in self.stored
        if is_new and event.type == standing.REAUTHORIZATION_REQUIRED:
            key = (event.tenant_id, event.account_id or "")
            text = self.ledger.texts[key, int(event.refs["token_version"])]
            if self.ledger.rules.dead_with(text) is None:
                self.ledger.breach("a living token was called dead", key)
        return super().add(event, effect)
