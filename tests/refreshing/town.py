"""
A town of accounts over hundreds of virtual days: the real dispatcher, refresher, connecting and failing of posts, over
the fakes that the contract suite proves, with Instagram's rules on the other side and bad weather in between.
"""

import heapq
import itertools
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from darkroom import (
    announcing,
    confirming,
    connection,
    dispatching,
    problems,
    refreshing,
    reloading,
    standing,
    workflow,
)
from darkroom.accounts import AccountState
from darkroom.errors import DarkroomError, NotFoundError, StoreUnavailableError
from darkroom.instagram.codes import PROVES_REVOCATION
from darkroom.instagram.errors import InstagramError, InstagramUnavailableError, TokenInvalidError
from darkroom.instagram.models import Access, LongLivedToken, Media
from darkroom.posts import PostState
from tests.builders import NOW, a_caller, a_post, a_session
from tests.fakes import Clock, FakeBus, FakeOutages, FakePosts, FakeQuota, FakeRenewals, FakeTokens, Killed
from tests.refreshing.ledger import Key, Ledger, WatchedAccounts, WatchedEvents
from tests.refreshing.rules import LIFETIME, TokenRules
from tests.refreshing.weather import Through, Weather, checkpoint

MODES = ("same", "same", "rotate_keep", "rotate_keep", "rotate_kill")
VISIBILITY, MOST_RECEIVES = timedelta(minutes=12), 5  # RefreshQueue in template.yaml
CALM = 80  # days without faults at the end, in which everything that is due comes to its end
SCOPES = ("instagram_business_basic", "instagram_business_content_publish")
# Mean days between what the owner of one account does, or what befalls it.
REVOKES, RECONNECTS, LEAVES, IS_CHECKED, ASKS, IS_REFUSED = 1300, 1000, 9000, 2000, 700, 1500


def _key(owner: str) -> Key:
    return f"tenant-{int(owner) % 97}", f"acc_{owner}"


class Queue:
    """Late, twice, and in any order; some of a batch are not taken."""

    def __init__(self, town: "Town") -> None:
        self.town = town

    def send(self, bodies: Sequence[str]) -> tuple[bool, ...]:
        town = self.town
        taken = tuple(town.weather.is_over or town.random.random() > town.weather.rate for _ in bodies)
        for body, is_taken in zip(bodies, taken, strict=True):
            if is_taken:
                town.later(town.random.uniform(0, 0.2), town.deliver, body, 1)
                if town.random.random() < 0.05:
                    town.later(town.random.uniform(0, 3), town.deliver, body, 1)
        return taken


class Town:
    def __init__(self, seed: int, accounts: int, days: int, rate: float = 0.01) -> None:
        self.random, self.clock, self.days = Random(seed), Clock(NOW), days
        self.rules = TokenRules(self.clock)
        self.weather = Weather(self.random, self.clock, rate)
        self.weather.forecast(NOW, days)
        self.ledger = Ledger(self.clock, self.rules, self.weather)
        self.accounts, self.events, self.bus = WatchedAccounts(self.ledger), WatchedEvents(self.ledger), FakeBus()
        self.counts: Counter[str] = Counter()
        self.blocked: set[str] = set()
        self.refused_until: dict[str, Any] = {}
        self._agenda: list[tuple[Any, int, Callable[..., object], tuple[Any, ...]]] = []
        self._numbers = itertools.count()
        self._make_ports()
        for number in range(accounts):
            self._settle_in(f"{number:026}")

    # What the product sees.

    def _make_ports(self) -> None:
        through = lambda name, port: Through(name, port, self.weather)  # noqa: E731 — a word for the next lines
        accounts, events, bus = (
            through("accounts", self.accounts),
            through("events", self.events),
            through("bus", self.bus),
        )
        renewals = FakeRenewals(self.accounts)

        class Renewals:
            def open(self, account: Any) -> Any:
                return through("renewal", renewals.open(account))

        announce = lambda name, detail: bus.announce(name, detail, self.clock.now)  # noqa: E731 — as above
        telling = announcing.Ports(events, announce, self.clock)
        self.standing = standing.Ports(accounts, telling, self.random.random, self.clock)
        self.refreshing = refreshing.Ports(
            accounts=accounts,
            renewals=through("renewals", Renewals()),
            refresh={"instagram": refreshing.by_instagram(through("instagram", self).refresh)},
            standing=self.standing,
            now=self.clock,
            sleep=lambda _seconds: None,
        )
        queue = through("queue", Queue(self))
        self.dispatching = dispatching.Ports(accounts, queue, self.clock, self._told)
        self.posts = FakePosts()
        self.failing = workflow.Ports(
            self.posts, accounts, FakeQuota(), FakeOutages(), self.standing, announce, self.clock
        )

    def _told(self, error: Exception) -> None:
        if not isinstance(error, StoreUnavailableError):
            self.ledger.breach(f"the dispatcher met {type(error).__name__}")

    def refresh(self, text: str) -> LongLivedToken:
        """Instagram's answer; one that is checked or refused gets none."""
        token = self.rules.tokens[text]
        key = _key(token.owner)
        if account := self.accounts.stored.get(key):
            self.ledger.asked_for(key, account, text)
        if self.rules.dead_with(text) is None:
            if token.owner in self.blocked:
                raise checkpoint()
            if self.refused_until.get(token.owner, NOW) > self.clock.now:
                raise InstagramUnavailableError(status=503)
        answer = self.rules.refresh(text)
        if not self.weather.is_over and self.random.random() < 5 * self.weather.rate:
            self._publish(key, 0)  # of all moments now, when the old token may be dead and the new one is not stored
        return answer

    # Time.

    def later(self, hours: float, act: Callable[..., object], *arguments: Any) -> None:
        heapq.heappush(self._agenda, (self.clock.now + timedelta(hours=hours), next(self._numbers), act, arguments))

    def run(self) -> Ledger:
        self.later(0.5, self._dispatch)
        self.later(24 * 3, self._look_around)
        self._until(self.days)
        self.weather.is_over = True
        self.blocked.clear()
        self.refused_until.clear()
        self._until(self.days + CALM)
        self.ledger.settle(self.accounts, self.events)
        return self.ledger

    def _until(self, days: int) -> None:
        end = NOW + timedelta(days=days)
        while self._agenda and self._agenda[0][0] < end:
            self.clock.now, _, act, arguments = heapq.heappop(self._agenda)
            act(*arguments)
        self.clock.now = end

    def _look_around(self) -> None:
        self.later(24 * 3, self._look_around)
        for key, account in self.accounts.stored.items():
            self.ledger.look_at(key, account, self.events)

    # The schedule and the queue.

    def _dispatch(self) -> None:
        self.later(1, self._dispatch)
        if self.weather.is_out("dispatch") and not self.weather.is_over:
            return
        try:
            dispatching.dispatch(self.dispatching, lambda: self.random.random() > self.weather.rate)
        except (Killed, StoreUnavailableError):
            self.counts["dispatches cut short"] += 1

    def deliver(self, body: str, receives: int) -> None:
        self.counts["messages"] += 1
        task = refreshing.RefreshTask(**json.loads(body))
        try:
            self._at_work_on((task.tenant_id, task.account_id), lambda: refreshing.refresh_due(task, self.refreshing))
        except (Killed, StoreUnavailableError):
            if receives < MOST_RECEIVES:
                self.later(VISIBILITY / timedelta(hours=1), self.deliver, body, receives + 1)
            else:
                self.counts["dead letters"] += 1
        except Exception as error:  # noqa: BLE001 — that is what is looked for
            self.ledger.breach(f"the refresher raised {type(error).__name__}", (task.tenant_id, task.account_id))

    def _at_work_on(self, key: Key, work: Callable[[], Any]) -> Any:
        """Who else may come meanwhile: another worker with the same message, the owner."""
        weather, before = self.weather, (self.weather.current, self.weather.meanwhile)
        weather.current, weather.meanwhile = key[1], self._meanwhile(key)
        try:
            return work()
        finally:
            weather.current, weather.meanwhile = before

    def _meanwhile(self, key: Key) -> list[Callable[[], object]]:
        def another_worker() -> None:
            version = self.accounts.stored[key].token_version if key in self.accounts.stored else 1
            task = refreshing.RefreshTask(*key, version)
            try:
                refreshing.refresh_due(task, self.refreshing)
            except (Killed, StoreUnavailableError):
                self.counts["second workers cut short"] += 1

        return [
            another_worker,
            another_worker,
            lambda: self._publish(key, 0),
            lambda: self._publish(key, self.random.uniform(0.0001, 0.02)),
            lambda: self._reconnect(key),
            lambda: self._reconnect(key),
            lambda: self._revoke(key),
            self._dispatch_once,
        ]

    def _dispatch_once(self) -> None:
        try:
            dispatching.dispatch(self.dispatching, lambda: self.random.random() > 0.5)
        except (Killed, StoreUnavailableError):
            self.counts["dispatches cut short"] += 1

    # Owners and tenants.

    def _settle_in(self, owner: str) -> None:
        key = _key(owner)
        self.later(self.random.uniform(0, 24 * 30), self._connect, key)
        for mean, act in (
            (REVOKES, self._revoke),
            (RECONNECTS, self._reconnect),
            (LEAVES, self._leave),
            (IS_CHECKED, self._check),
            (ASKS, self._ask),
            (IS_REFUSED, self._refuse),
        ):
            self._again(mean, act, key)

    def _again(self, mean: float, act: Callable[[Key], object], key: Key) -> None:
        """As long as the weather lasts."""

        def do() -> None:
            if not self.weather.is_over:
                act(key)
                self._again(mean, act, key)

        self.later(24 * self.random.expovariate(1 / mean), do)

    def _connect(self, key: Key) -> None:
        """First connection or another one: the owner tries until it has come about."""
        owner = key[1].removeprefix("acc_")
        known = self.accounts.stored.get(key)
        mode = self.random.choice(MODES) if known is None else self.rules.tokens[self.ledger.token_of(known)].mode
        text = self.rules.connect(owner, mode)
        session = replace(a_session(), tenant_id=key[0])
        found = connection.Found(
            ig_user_id=f"17841{owner}",
            app_scoped_id=f"254{owner}",
            username=f"owner.{owner}",
            name=None,
            scopes=SCOPES,
            token_expires_at=self.clock.now + LIFETIME,
        )
        if known is None:
            self._found_first(key, session, found, text)
            return
        try:
            connection.connected(session, found, text, None, self.standing.accounts, self, self.standing)
        except (Killed, StoreUnavailableError, NotFoundError):
            if key in self.accounts.stored and not self.weather.is_over:
                self.later(0.2, self._connect, key)

    def _found_first(self, key: Key, session: Any, found: connection.Found, text: str) -> None:
        """With an id of our choosing, so that a run repeats itself."""
        account = connection._account(session, found, self.accounts, self.clock.now)
        account = replace(account, id=key[1])
        self.accounts.connect(account, text)
        try:
            standing.tell_untold(account, self.standing)
        except (Killed, StoreUnavailableError):
            self.counts["connections told later"] += 1

    def subscribe_webhooks(self, *_: Any) -> None:
        """No scope of these accounts has webhooks."""

    def _reconnect(self, key: Key) -> None:
        if key in self.accounts.stored:
            self.counts["reconnects"] += 1
            self._connect(key)

    def _revoke(self, key: Key) -> None:
        if key not in self.accounts.stored:
            return
        self.counts["revocations"] += 1
        subcodes = [subcode for subcode in PROVES_REVOCATION if subcode != 463]
        self.rules.revoke(key[1].removeprefix("acc_"), self.random.choice(subcodes))
        self.later(self.random.uniform(0, 24 * 40), self._notice, key)
        if self.random.random() < 0.5:
            self.later(self.random.uniform(0, 24 * 20), self._publish, key)

    def _notice(self, key: Key) -> None:
        """Eight in ten owners connect again; the others are for ever dead."""
        if self.random.random() < 0.8 and not self.weather.is_over:
            self._reconnect(key)

    def _leave(self, key: Key) -> None:
        if key in self.accounts.stored:
            self.accounts.erase(self.accounts.stored[key])

    def _check(self, key: Key) -> None:
        owner = key[1].removeprefix("acc_")
        self.blocked.add(owner)
        self.ledger.spelled.setdefault(key, "checkpointed for up to 15 days")
        self.later(self.random.uniform(24, 24 * 15), self.blocked.discard, owner)

    def _refuse(self, key: Key) -> None:
        """Instagram fails for this account alone, until 6 to 20 days before its token dies."""
        if account := self.accounts.stored.get(key):
            self.ledger.spelled[key] = "refused by Instagram for weeks"
            until = account.token_expires_at - timedelta(days=self.random.uniform(6, 20))
            self.refused_until[key[1].removeprefix("acc_")] = until

    def _ask(self, key: Key) -> None:
        """The tenant wants a refresh at once."""
        try:
            self._at_work_on(key, lambda: refreshing.refresh_now(a_caller(key[0]), key[1], self.refreshing))
        except (Killed, DarkroomError, InstagramError):
            self.counts["refreshes at once refused"] += 1

    def _publish(self, key: Key, hours: float = 0.05) -> None:
        """A post is on its way with the token of this moment; in a while Instagram is asked with it."""
        if key in self.accounts.stored:
            post = a_post(tenant_id=key[0], account_id=key[1], accepted_at=self.clock.now, state=PostState.PROCESSING)
            post = replace(post, id=f"post_{next(self._numbers):026}")
            self.posts.add(post)
            access = workflow.AccountAccess.by(self.accounts.stored[key], FakeTokens(self.accounts))
            if hours:
                self.later(hours, self._ask_instagram, post.id, access)
            else:
                self._ask_instagram(post.id, access)

    def recent_media(self, access: Access) -> tuple[Media, ...]:
        """Instagram's answer to a step of a post."""
        if (subcode := self.rules.dead_with(access.token)) is not None:
            raise TokenInvalidError(code=190, subcode=subcode)
        return ()

    def _ask_instagram(self, post_id: str, access: workflow.AccountAccess) -> None:
        account = access.account
        instagram: Any = self  # as much of it as is needed
        try:
            reloading.ReloadingInstagram(instagram, self.accounts, FakeTokens(self.accounts)).recent_media(access)
        except TokenInvalidError as error:
            stored = self.accounts.stored.get((account.tenant_id, account.id))
            if stored is not None and not self.ledger.is_dead(stored):
                self.ledger.breach("a post failed by a token that had been replaced", (account.tenant_id, account.id))
            cause = {"Error": "TokenInvalidError", "Cause": json.dumps({"errorMessage": problems.dump(error)})}
            delay = self.random.choice((0, 0.001, 0.01))  # a step, a task and a queue of Step Functions
            self.later(delay, self._be_refused, workflow.FailureTask(account.tenant_id, post_id, cause))

    def _be_refused(self, task: workflow.FailureTask) -> None:
        try:
            confirming.mark_failed(task, self.failing)
        except (Killed, StoreUnavailableError):
            self.later(0.02, self._be_refused, task)

    def figures(self) -> dict[str, Any]:
        """What came of it, beside the ledger."""
        states = Counter(account.state for account in self.accounts.stored.values())
        kinds = Counter(event.type for event in self.events.stored.values())
        return {
            "calls": self.rules.calls,
            "refreshed": self.ledger.renewals,
            "struck": sum(self.weather.struck.values()),
            "orphaned": self.ledger.orphaned,
            "dead": states[AccountState.REAUTHORIZATION_REQUIRED],
            **{kind.removeprefix("account."): kinds[kind] for kind in sorted(kinds)},
            **self.counts,
        }
