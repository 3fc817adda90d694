"""
One event on its way to one endpoint: the attempts that were made, and when the next one is due. Eight attempts over a
day, then it is given up; resending begins anew.
"""

import hashlib
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from darkroom.events import Event
from darkroom.ids import timed_id
from darkroom.values import Value

KEPT = timedelta(days=30)
LEASE = timedelta(seconds=60)  # of one attempt: longer than the function may run
UNSIGNED = timedelta(minutes=15)  # until the secret is asked for again that could not be opened
MOST_LOGGED = 20  # attempts; resending by hand may make any number
# After a failed attempt; the first one is made at once.
WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=8),
    timedelta(hours=9),
)
_JITTER = 0.1  # of the wait, so that what failed together does not come back together

DeliveryState = Literal["pending", "delivered", "failed"]
# Why an attempt failed where there is no status to tell, or why nothing is attempted any more.
Failure = Literal[
    "timeout",
    "connection_failed",
    "tls_failed",
    "address_refused",
    "invalid_answer",
    "endpoint_disabled",
    "endpoint_deleted",
    "event_gone",
]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DeliveryTask(Value):
    """What the queue carries."""

    tenant_id: str
    endpoint_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Attempt(Value):
    """`status` is None where no answer came, and then `failure` says why. Nothing of the answer's body is kept."""

    at: datetime
    status: int | None
    failure: Failure | None
    duration_ms: int

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OutgoingDelivery(Value):
    """
    `due_at` is when an attempt may be made: pending deliveries have it, and while one is being attempted it is the end
    of that worker's lease. `failures` counts since it was created or resent.
    """

    id: str
    tenant_id: str
    endpoint_id: str
    event_id: str
    event_type: str
    created_at: datetime
    state: DeliveryState = "pending"
    due_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    failures: int = 0
    failure: Failure | None = None
    version: int = 1

    @property
    def expires_at(self) -> datetime:
        return self.created_at + KEPT

    @property
    def task(self) -> DeliveryTask:
        return DeliveryTask(self.tenant_id, self.endpoint_id, self.id)

    def is_due(self, now: datetime) -> bool:
        return self.state == "pending" and self.due_at is not None and self.due_at <= now

    def leased(self, now: datetime) -> "OutgoingDelivery":
        return replace(self, due_at=now + LEASE)

    def put_off(self, now: datetime) -> "OutgoingDelivery":
        """Nothing was attempted, and that is not the endpoint's fault."""
        return replace(self, due_at=now + UNSIGNED)

    def after(self, attempt: Attempt) -> "OutgoingDelivery":
        """What that attempt made of it."""
        attempts = (*self.attempts, attempt)[-MOST_LOGGED:]
        if attempt.is_success:
            return replace(self, state="delivered", due_at=None, attempts=attempts, failure=None)
        failures = self.failures + 1
        if failures > len(WAITS):
            return replace(
                self, state="failed", due_at=None, attempts=attempts, failures=failures, failure=attempt.failure
            )
        wait = WAITS[failures - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 — spreads load, no secret
        return replace(self, due_at=attempt.at + wait, attempts=attempts, failures=failures, failure=attempt.failure)

    def given_up(self, why: Failure) -> "OutgoingDelivery":
        return replace(self, state="failed", due_at=None, failure=why)

    def again(self, now: datetime) -> "OutgoingDelivery":
        """From the first attempt on, whatever has become of it."""
        return replace(self, state="pending", due_at=now, failures=0, failure=None)


def delivery_of(event: Event, endpoint_id: str, now: datetime) -> OutgoingDelivery:
    """The same id whenever the same event meets the same endpoint, in the event's place in time."""
    digest = hashlib.sha256(f"{endpoint_id}\n{event.id}".encode()).digest()
    return OutgoingDelivery(
        id=timed_id("dlv", event.received_at, digest),
        tenant_id=event.tenant_id,
        endpoint_id=endpoint_id,
        event_id=event.id,
        event_type=event.type,
        created_at=event.received_at,
        due_at=now,
    )
