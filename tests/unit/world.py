"""The ports in memory around the use cases: those of the HTTP functions, and those of the workflow's steps."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from darkroom import problems, submission
from darkroom.accounts import Account
from darkroom.posts import Post
from darkroom.reloading import ReloadingInstagram
from darkroom.workflow import CallingPorts, ConfirmTask, ContainerTask, DelayTask, FailureTask, PostTask
from tests.builders import a_post, an_account
from tests.fakes import (
    Clock,
    FakeAccounts,
    FakeBus,
    FakeEvents,
    FakeFingerprints,
    FakeInstagram,
    FakeOutages,
    FakePosts,
    FakeQuota,
    FakeRates,
    FakeSchedules,
    FakeTokens,
    FakeWorkflows,
    Fate,
    standing_ports,
)


def submission_ports(*accounts: Account, **others: Any) -> submission.Ports:
    """Nothing is stored yet. `others` are ports that a test brings along."""
    made = {
        "posts": FakePosts(),
        "accounts": FakeAccounts(*(accounts or (an_account(),))),
        "workflows": FakeWorkflows(),
        "schedules": FakeSchedules(),
        "quota": FakeQuota(),
        "fingerprints": FakeFingerprints(),
        "rates": FakeRates(),
        "now": Clock(),
        "tell": [].append,
    }
    return submission.Ports(**made | others)


def overtaken(store: Any, method: str, act: Callable[[], object]) -> None:
    """Somebody else is faster, once: just before the next call of that method."""
    first = getattr(store, method)

    def late(*arguments: Any, **named: Any) -> Any:
        setattr(store, method, first)
        act()
        return first(*arguments, **named)

    setattr(store, method, late)


def broken(ports: object, method: str, error: type[Exception], when: str = "before") -> None:
    """That call ("posts.add") fails, once, before or after its effect."""
    port, _, name = method.partition(".")
    store = getattr(ports, port)
    works = getattr(store, name)

    def down(*arguments: Any) -> None:
        setattr(store, name, works)
        if when == "after":
            works(*arguments)
        raise error

    setattr(store, name, down)


@dataclass
class StepsWorld:
    """One post, its account, and everything its steps see."""

    first: Post = field(default_factory=a_post)
    account: Account = field(default_factory=an_account)
    clock: Clock = field(default_factory=Clock)
    quota: FakeQuota = field(default_factory=FakeQuota)
    outages: FakeOutages = field(default_factory=FakeOutages)
    bus: FakeBus = field(default_factory=FakeBus)

    def __post_init__(self) -> None:
        self.posts, self.accounts = FakePosts(self.first), FakeAccounts(self.account)
        self.instagram = FakeInstagram(self.clock)
        self.events = FakeEvents(self.clock)
        self.ports = CallingPorts(
            posts=self.posts,
            accounts=self.accounts,
            quota=self.quota,
            outages=self.outages,
            standing=standing_ports(self.accounts, self.clock, self.events, self.bus),
            announce=lambda name, detail: self.bus.announce(name, detail, self.clock()),
            now=self.clock,
            tokens=FakeTokens(self.accounts),
            instagram=self.reloading(self.instagram),
            sleep=self.clock.sleep,
        )
        self.task = PostTask(self.first.tenant_id, self.first.id)

    def reloading(self, instagram: Any) -> ReloadingInstagram:
        return ReloadingInstagram(instagram, self.accounts, FakeTokens(self.accounts))

    def post(self) -> Post:
        return self.posts.get(*self._ids)

    def item(self, item: int | None) -> ContainerTask:
        return ContainerTask(*self._ids, item)

    def confirming(
        self, error: Exception, asks: int = 0, clean_reads: int = 0, attempt: int | None = None
    ) -> ConfirmTask:
        return ConfirmTask(*self._ids, asks, attempt, clean_reads, caught(error))

    def delaying(self, error: Exception, step: str | None = None) -> DelayTask:
        return DelayTask(*self._ids, caught(error, step))

    def failing(self, error: Exception) -> FailureTask:
        return FailureTask(*self._ids, caught(error))

    @property
    def _ids(self) -> tuple[str, str]:
        return self.first.tenant_id, self.first.id


def world_of(**changes: Any) -> StepsWorld:
    """Around a queued post with these changes."""
    return StepsWorld(a_post(**changes))


def caught(error: Exception, step: str | None = None) -> dict[str, str]:
    """What Step Functions keeps of it."""
    return {"Error": type(error).__name__, "Cause": json.dumps({"errorMessage": problems.dump(error, step=step)})}


def doomed(ports: CallingPorts, fate: Fate) -> CallingPorts:
    """The same ports; each call through one of them may be the worker's last."""
    alive = {"now", "sleep", "announce", "standing"}
    made = {each.name: getattr(ports, each.name) for each in fields(ports)}
    return CallingPorts(**{name: port if name in alive else fate.mortal(port) for name, port in made.items()})
