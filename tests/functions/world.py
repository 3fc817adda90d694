"""The functions as AWS calls them: their own `app.py`, over the ports in memory."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from darkroom import (
    announcing,
    authenticating,
    connecting,
    deauthorizing,
    delivering,
    disconnecting,
    erasing,
    fanning_out,
    linking,
    metering,
    processing,
    receiving,
    recounting,
    registering,
    reloading,
    resending,
    submission,
    watching,
    workflow,
)
from darkroom.accounts import Account
from darkroom.aws.inbox import SqsInbox
from darkroom.deliveries import Keys
from darkroom.health import Setup
from darkroom.observability import log_unforeseen
from tests.builders import an_account, an_attempt
from tests.compliance_fakes import FakeBelongings, FakeDeletions, FakeMetaUsers, FakeSecrets, FakeShelf
from tests.events import event
from tests.fake_facebook import FakeFacebook
from tests.fakes import (
    Clock,
    FakeAccounts,
    FakeApiKeys,
    FakeBlockedSubjects,
    FakeBus,
    FakeChoices,
    FakeDeliveries,
    FakeEvents,
    FakeFingerprints,
    FakeInstagram,
    FakeKeyRing,
    FakeOutages,
    FakePosts,
    FakeQuota,
    FakeRates,
    FakeRecords,
    FakeSchedules,
    FakeSessions,
    FakeTokens,
    FakeWorkflows,
    standing_ports,
)
from tests.outgoing_fakes import (
    FakeDeliveryQueue,
    FakeEndpoints,
    FakeEndpointSecrets,
    FakeEventLists,
    FakeOutgoingDeliveries,
    FakeReceiver,
)
from tests.queues import MemoryQueues

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
    blocked: FakeBlockedSubjects = field(default_factory=FakeBlockedSubjects)
    choices: FakeChoices = field(default_factory=FakeChoices)
    sessions: FakeSessions = field(default_factory=FakeSessions)
    records: FakeRecords = field(default_factory=FakeRecords)
    quota: FakeQuota = field(default_factory=FakeQuota)
    outages: FakeOutages = field(default_factory=FakeOutages)
    bus: FakeBus = field(default_factory=FakeBus)
    fingerprints: FakeFingerprints = field(default_factory=FakeFingerprints)
    rates: FakeRates = field(default_factory=FakeRates)
    schedules: FakeSchedules = field(default_factory=FakeSchedules)
    workflows: FakeWorkflows = field(default_factory=FakeWorkflows)
    instagram: FakeInstagram = field(default_factory=FakeInstagram)
    key_ring: FakeKeyRing = field(
        default_factory=lambda: FakeKeyRing(Keys({"instagram": "CANARY-app-secret"}, "CANARY-verify-token"))
    )
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    deliveries: FakeDeliveries = field(default_factory=FakeDeliveries)
    facebook: FakeFacebook = field(default_factory=FakeFacebook)
    endpoints: FakeEndpoints = field(default_factory=FakeEndpoints)
    outgoing_queue: FakeDeliveryQueue = field(default_factory=FakeDeliveryQueue)
    receiver: FakeReceiver = field(default_factory=lambda: FakeReceiver([an_attempt(200)]))

    def __post_init__(self) -> None:
        self.outgoing = FakeOutgoingDeliveries(self.clock)
        self.accounts.connect(self.account, f"CANARY-token-of-{self.account.id}")
        self.instagram.clock = self.clock
        self.tokens = FakeTokens(self.accounts)
        self.events = FakeEvents(self.clock)
        self.users, self.deletions = FakeMetaUsers(self.accounts), FakeDeletions(self.accounts)
        self.erasures: list[str] = []
        self.belongings, self.shelf = FakeBelongings("posts", 2), FakeShelf()
        self.queue = self.queues.create("webhooks", self.queues.create("dead"))
        self.inbox = SqsInbox(self.queues, self.queue, 4000, lambda: self.deliveries)
        self.standing = standing_ports(self.accounts, self.clock, self.events, self.bus)

    def ports(self) -> dict[str, Any]:
        """A builder of bootstrap's to what it answers here."""
        return {
            **self._compliance(),
            "accounts": self.accounts,
            "authenticating_ports": authenticating.Ports(self.keys, self.blocked, None, "tenant_id", "test"),
            "calling_ports": workflow.CallingPorts(
                **self._recording(),
                tokens=self.tokens,
                instagram=reloading.ReloadingInstagram(self.instagram, self.accounts, self.tokens),
                sleep=self.clock.sleep,
            ),
            "connect_callback_ports": connecting.CallbackPorts(
                self.sessions, self.accounts, lambda: self.instagram, self.standing, self.clock, ""
            ),
            "connect_ports": connecting.StartPorts(
                self.sessions,
                self.clock,
                {
                    "instagram": connecting.Dialogue("https://www.instagram.com/oauth/authorize", lambda: "1234567890"),
                    "facebook": connecting.Dialogue("https://www.facebook.com/v25.0/dialog/oauth", lambda: "870"),
                },
                "",
                frozenset({"https://app.example.com"}),
            ),
            "raw_deliveries": self.deliveries,
            "linking_ports": linking.Ports(
                self.sessions, self.choices, self.accounts, self.standing, lambda: self.facebook, self.clock, ""
            ),
            "disconnecting_ports": disconnecting.Ports(
                self.accounts, self.tokens, self.instagram, self.posts, self.standing.telling, self.clock
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
                self.rates,
                self.clock,
                log_unforeseen,
            ),
            "processing_ports": processing.Ports(
                self.accounts,
                self.deliveries,
                self._telling(),
            ),
            "receiving_ports": receiving.Ports(self.key_ring, self.inbox, self.clock),
            "recounting_ports": recounting.Ports(self.posts, self.posts.timeline, self.clock),
            "recording_ports": workflow.Ports(**self._recording()),
            "stage": "test",
            **self._outgoing(),
            "watching_ports": watching.Ports(self.posts, self.workflows, self.quota, self.clock, log_unforeseen),
        }

    def _compliance(self) -> dict[str, Any]:
        secrets, telling, queue = FakeSecrets(), self._telling(), self.erasures.append
        return {
            "deauthorizing_ports": deauthorizing.Ports(secrets, self.users, self.standing, self.clock),
            "deletion_ports": erasing.RequestPorts(secrets, self.users, self.deletions, queue, telling, self.clock),
            "deletions": self.deletions,
            "erasing_ports": erasing.ErasingPorts(self.deletions, (self.belongings,), queue, telling, self.clock),
            "public_url": "",
            "quota": self.quota,
            "setup": Setup("https://api.example.com"),
            "shelves": (self.shelf,),
            "watching_deletions_ports": erasing.WatchingPorts(self.deletions, queue, self.clock),
        }

    def _telling(self) -> announcing.Ports:
        return announcing.Ports(
            self.events, lambda name, detail: self.bus.announce(name, detail, self.clock()), self.clock
        )

    def _outgoing(self) -> dict[str, Any]:
        telling = self._telling()
        return {
            "announcing_ports": telling,
            "delivering_ports": delivering.Ports(
                self.events,
                self.endpoints,
                FakeEndpointSecrets(self.endpoints),
                self.outgoing,
                self.receiver,
                telling,
                self.clock,
            ),
            "event_lists": FakeEventLists(self.events),
            "fanning_out_ports": fanning_out.Ports(
                self.events, self.endpoints, self.outgoing, self.outgoing_queue, self.clock
            ),
            "registering_ports": registering.Ports(self.endpoints, self.clock),
            "resending_ports": resending.Ports(
                self.endpoints, self.events, self.outgoing, self.outgoing_queue, self.clock
            ),
            "sweeping_ports": delivering.SweepPorts(self.outgoing, self.outgoing_queue, self.clock),
        }

    def _recording(self) -> dict[str, Any]:
        return {
            "posts": self.posts,
            "accounts": self.accounts,
            "quota": self.quota,
            "outages": self.outages,
            "standing": self.standing,
            "announce": lambda name, detail: self.bus.announce(name, detail, self.clock()),
            "now": self.clock,
        }


def call(name: str, payload: Any) -> Any:
    return call_with(name, payload, None)


def call_with(name: str, payload: Any, context: Any) -> Any:
    """`context` as Lambda hands it over: its `function_name`, and how much time is left."""
    return app(name).handler(payload, context)
