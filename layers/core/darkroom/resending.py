"""Sending by hand to an endpoint, and what has been sent to it so far."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from darkroom.endpoints import Endpoint
from darkroom.errors import ConflictError, NotFoundError
from darkroom.events import Event, event_id
from darkroom.outgoing_deliveries import DeliveryTask, OutgoingDelivery, delivery_of
from darkroom.pages import Page, PageRequest
from darkroom.tenants import Caller


class Endpoints(Protocol):
    def get(self, tenant_id: str, endpoint_id: str) -> Endpoint: ...


class Events(Protocol):
    def add(self, event: Event) -> bool: ...


class Deliveries(Protocol):
    def add(self, delivery: OutgoingDelivery) -> bool: ...
    def get(self, tenant_id: str, endpoint_id: str, delivery_id: str) -> OutgoingDelivery: ...
    def save(self, delivery: OutgoingDelivery) -> OutgoingDelivery: ...
    def page(self, tenant_id: str, endpoint_id: str, page: PageRequest) -> Page[OutgoingDelivery]:
        """Newest first, without what has expired."""
        ...


class Queue(Protocol):
    def send(self, tasks: Iterable[DeliveryTask]) -> None: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    endpoints: Endpoints
    events: Events
    deliveries: Deliveries
    queue: Queue
    now: Callable[[], datetime]


def send_test(caller: Caller, endpoint_id: str, ulid: str, ports: Ports) -> OutgoingDelivery:
    """
    An event `test.sent` for this endpoint alone, whatever types and accounts it wants. People find it among the events,
    read. With the same `ulid` it is the same event. Raises NotFoundError, ConflictError(endpoint_disabled).
    """
    endpoint = _enabled(caller, endpoint_id, ports)
    now = ports.now()
    event = Event(
        id=event_id(caller.tenant_id, "test.sent", ulid),
        tenant_id=caller.tenant_id,
        type="test.sent",
        occurred_at=now,
        received_at=now,
        refs={"endpoint_id": endpoint.id},
        is_read=True,
    )
    ports.events.add(event)
    delivery = delivery_of(event, endpoint.id, now)
    ports.deliveries.add(delivery)
    ports.queue.send([delivery.task])
    return delivery


def list_deliveries(caller: Caller, endpoint_id: str, page: PageRequest, ports: Ports) -> Page[OutgoingDelivery]:
    endpoint = _mine(caller, endpoint_id, ports)
    return ports.deliveries.page(caller.tenant_id, endpoint.id, page)


def resend(caller: Caller, endpoint_id: str, delivery_id: str, ports: Ports) -> OutgoingDelivery:
    """
    At once, with all its attempts before it again, whatever has become of it. Raises NotFoundError,
    ConflictError(endpoint_disabled); ConflictError when it is being attempted at this moment.
    """
    endpoint = _enabled(caller, endpoint_id, ports)
    delivery = ports.deliveries.get(caller.tenant_id, endpoint.id, delivery_id)
    delivery = ports.deliveries.save(delivery.again(ports.now()))
    ports.queue.send([delivery.task])
    return delivery


def _mine(caller: Caller, endpoint_id: str, ports: Ports) -> Endpoint:
    endpoint = ports.endpoints.get(caller.tenant_id, endpoint_id)
    if not endpoint.is_for(caller):
        raise NotFoundError
    return endpoint


def _enabled(caller: Caller, endpoint_id: str, ports: Ports) -> Endpoint:
    endpoint = _mine(caller, endpoint_id, ports)
    if not endpoint.is_enabled:
        raise ConflictError("endpoint_disabled")
    return endpoint
