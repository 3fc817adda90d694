"""The functions as AWS calls them: their own `app.py`, over the ports in memory."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from darkroom import authenticating, connecting, disconnecting, metering, recounting, submission, watching, workflow
from darkroom.accounts import Account
from darkroom.observability import log_unforeseen
from tests.builders import an_account
from tests.events import event
from tests.fakes import (
    Clock,
    FakeAccounts,
    FakeApiKeys,
    FakeBus,
    FakeFingerprints,
    FakeInstagram,
    FakeOutages,
    FakePosts,
    FakeQuota,
    FakeRecords,
    FakeSchedules,
    FakeSessions,
    FakeTokens,
    FakeWorkflows,
)

FOLDER = Path(__file__).parent.parent.parent / "functions"
ACCOUNT_ID = event("disconnect_account")["pathParameters"]["id"]


def app(name: str) -> ModuleType:
    """`functions/<name>/app.py`, as fresh as at a cold start."""
    specification = importlib.util.spec_from_file_location(f"functions.{name}", FOLDER / name / "app.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@dataclass
class World:
    """Everything the functions see of the outside. `account` is connected and the default of its tenant."""

    clock: Clock = field(default_factory=Clock)
    account: Account = field(default_factory=lambda: an_account(id=ACCOUNT_ID))
    posts: FakePosts = field(default_factory=FakePosts)
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    keys: FakeApiKeys = field(default_factory=FakeApiKeys)
    sessions: FakeSessions = field(default_factory=FakeSessions)
    records: FakeRecords = field(default_factory=FakeRecords)
    quota: FakeQuota = field(default_factory=FakeQuota)
    outages: FakeOutages = field(default_factory=FakeOutages)
    bus: FakeBus = field(default_factory=FakeBus)
    fingerprints: FakeFingerprints = field(default_factory=FakeFingerprints)
    schedules: FakeSchedules = field(default_factory=FakeSchedules)
    workflows: FakeWorkflows = field(default_factory=FakeWorkflows)
    instagram: FakeInstagram = field(default_factory=FakeInstagram)

    def __post_init__(self) -> None:
        self.accounts.connect(self.account, f"CANARY-token-of-{self.account.id}")
        self.instagram.clock = self.clock
        self.tokens = FakeTokens(self.accounts)

    def ports(self) -> dict[str, Any]:
        """A builder of bootstrap's to what it answers here."""
        return {
            "accounts": self.accounts,
            "authenticating_ports": authenticating.Ports(self.keys, None, "tenant_id", "test"),
            "calling_ports": workflow.CallingPorts(
                **self._recording(), tokens=self.tokens, instagram=self.instagram, sleep=self.clock.sleep
            ),
            "connect_callback_ports": connecting.CallbackPorts(
                self.sessions, self.accounts, lambda: self.instagram, self.clock, ""
            ),
            "connect_ports": connecting.StartPorts(
                self.sessions,
                self.clock,
                lambda: "1234567890",
                "https://www.instagram.com/oauth/authorize",
                "",
                frozenset({"https://app.example.com"}),
            ),
            "disconnecting_ports": disconnecting.Ports(
                self.accounts, self.tokens, self.instagram, self.posts, self.clock
            ),
            "metering_ports": metering.Ports(self.accounts, self.tokens, self.instagram, self.quota, self.clock),
            "idempotency_records": self.records,
            "now": self.clock(),
            "posting_ports": submission.Ports(
                self.posts,
                self.accounts,
                self.workflows,
                self.schedules,
                self.quota,
                self.fingerprints,
                self.clock,
            ),
            "recounting_ports": recounting.Ports(self.posts, self.posts.timeline, self.clock),
            "recording_ports": workflow.Ports(**self._recording()),
            "stage": "test",
            "watching_ports": watching.Ports(self.posts, self.workflows, self.clock, log_unforeseen),
        }

    def _recording(self) -> dict[str, Any]:
        return {
            "posts": self.posts,
            "accounts": self.accounts,
            "quota": self.quota,
            "outages": self.outages,
            "announce": lambda name, detail: self.bus.announce(name, detail, self.clock()),
            "now": self.clock,
        }


def call(name: str, payload: Any) -> Any:
    return app(name).handler(payload, None)
