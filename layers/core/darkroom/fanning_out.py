"""From one event to a delivery for each endpoint that wants it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from darkroom.endpoints import Endpoint
from darkroom.errors import NotFoundError
from darkroom.events import Event
from darkroom.outgoing_deliveries import DeliveryTask, OutgoingDelivery, delivery_of
from darkroom.values import Value


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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    events: Events
    endpoints: Endpoints
    deliveries: Deliveries
    queue: Queue
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FanOutTask(Value):
    """What the rule of the event bus queues (template.yaml, OutgoingEventsRule)."""

    tenant_id: str
    event_id: str


def fan_out(task: FanOutTask, ports: Ports) -> int:
    """
    How many deliveries are new. May be done again: a delivery is made once, and one that was made and not queued is
    found by the sweep. What is stored counts, not what the event bus said of it.
    """
    try:
        event = ports.events.get(task.tenant_id, task.event_id)
    except NotFoundError:
        return 0  # erased since
    wanting = [endpoint for endpoint in ports.endpoints.of(task.tenant_id) if endpoint.wants(event)]
    made = [delivery_of(event, endpoint.id, ports.now()) for endpoint in wanting]
    new = [delivery.task for delivery in made if ports.deliveries.add(delivery)]
    ports.queue.send(new)
    return len(new)
