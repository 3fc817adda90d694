"""From one event to a delivery for each endpoint that wants it."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from darkroom.outgoing_deliveries import OutgoingDelivery, DeliveryTask, delivery_of
from darkroom.endpoints import Endpoint
from darkroom.errors import NotFoundError
from darkroom.events import Event


class MalformedAnnouncementError(Exception):
    """Somebody else put something of our source on the bus: no repetition mends it."""


class Events(Protocol):
    def get(self, tenant_id: str, event_id: str) -> Event: ...


class Endpoints(Protocol):
    def of(self, tenant_id: str) -> tuple[Endpoint, ...]: ...


class Deliveries(Protocol):
    def add(self, delivery: OutgoingDelivery) -> bool:
        """Whether it is new."""
        ...


class Queue(Protocol):
    def send(self, tasks: Iterable[DeliveryTask]) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    events: Events
    endpoints: Endpoints
    deliveries: Deliveries
    queue: Queue
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Announced:
    """An event as the event bus tells of it."""

    tenant_id: str
    event_id: str


def announced(body: str) -> Announced:
    """From EventBridge's envelope. Raises MalformedAnnouncementError."""
    try:
        detail = json.loads(body)["detail"]
        return Announced(str(detail["tenant_id"]), str(detail["event_id"]))
    except (ValueError, RecursionError, KeyError, TypeError):
        raise MalformedAnnouncementError from None


def fan_out(tenant_id: str, event_id: str, ports: Ports) -> int:
    """
    How many deliveries are new. May be done again: a delivery is made once, and one that was made and not queued is
    found by the sweep. What is stored counts, not what the event bus said of it.
    """
    try:
        event = ports.events.get(tenant_id, event_id)
    except NotFoundError:
        return 0  # erased since
    wanting = [endpoint for endpoint in ports.endpoints.of(tenant_id) if endpoint.wants(event)]
    made = [delivery_of(event, endpoint.id, ports.now()) for endpoint in wanting]
    new = [delivery.task for delivery in made if ports.deliveries.add(delivery)]
    ports.queue.send(new)
    return len(new)
