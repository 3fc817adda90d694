"""
One attempt to deliver one event to one endpoint, and queueing what is due.

At least once: a worker takes a lease with a conditional write, so two workers rarely make the same attempt; a worker
that dies leaves a lease that ends, and the sweep queues the delivery again. Receivers go by `webhook-id`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from darkroom import announcing, standard_webhooks
from darkroom.endpoints import DisabledReason, Endpoint, disabled
from darkroom.errors import ConflictError, NotFoundError, TokenUnreadableError
from darkroom.events import Event, message
from darkroom.outgoing_deliveries import Attempt, DeliveryTask, OutgoingDelivery

CLOCKS_DIFFER = timedelta(seconds=2)
MOST_AT_ONCE = 500  # the rest is found the next minute
LOOK_AGAIN = timedelta(minutes=15)  # at what was queued, should the queue be that long


class Events(Protocol):
    def get(self, tenant_id: str, event_id: str) -> Event: ...


class Endpoints(Protocol):
    def get(self, tenant_id: str, endpoint_id: str) -> Endpoint: ...
    def mark_failing(self, endpoint: Endpoint, now: datetime) -> None:
        """Since then, unless it was failing before."""
        ...

    def mark_working(self, endpoint: Endpoint) -> None: ...
    def disable(self, endpoint: Endpoint, reason: DisabledReason, now: datetime) -> Endpoint:
        """As it is then; whoever is first says why."""
        ...


class Secrets(Protocol):
    def valid(self, endpoint: Endpoint, now: datetime) -> tuple[str, ...]:
        """The newest first. TokenUnreadableError: KMS refuses; that is for the operator, and nobody is blamed."""
        ...


class Deliveries(Protocol):
    def get(self, tenant_id: str, endpoint_id: str, delivery_id: str) -> OutgoingDelivery: ...
    def save(self, delivery: OutgoingDelivery) -> OutgoingDelivery: ...


class Send(Protocol):
    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Attempt:
        """One POST, and what came of it. Raises nothing, whatever the other side does."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    events: Events
    endpoints: Endpoints
    secrets: Secrets
    deliveries: Deliveries
    send: Send
    telling: announcing.Ports
    now: Callable[[], datetime]


def deliver(task: DeliveryTask, ports: Ports) -> str:
    """What became of it. May be done again, by many at once: whoever is not the first to take it does nothing."""
    now = ports.now()
    try:
        delivery = ports.deliveries.get(task.tenant_id, task.endpoint_id, task.delivery_id)
        if not delivery.is_due(now + CLOCKS_DIFFER):
            return "not due"
        delivery = ports.deliveries.save(delivery.leased(now))
    except NotFoundError:
        return "gone"
    except ConflictError:
        return "taken"
    return _attempted(delivery, ports)


def _attempted(delivery: OutgoingDelivery, ports: Ports) -> str:
    now = ports.now()
    try:
        endpoint = ports.endpoints.get(delivery.tenant_id, delivery.endpoint_id)
        valid_secrets = ports.secrets.valid(endpoint, now) if endpoint.is_enabled else ()
    except NotFoundError:
        return _saved(delivery.given_up("endpoint_deleted"), ports)
    except TokenUnreadableError:
        _saved(delivery.put_off(now), ports)
        return "token_unreadable"
    if not endpoint.is_enabled:
        _tell_if_news(endpoint, ports)  # whoever disabled it may have died before telling
        return _saved(delivery.given_up("endpoint_disabled"), ports)
    try:
        event = ports.events.get(delivery.tenant_id, delivery.event_id)
    except NotFoundError:
        return _saved(delivery.given_up("event_gone"), ports)
    body = message(event)
    attempt = ports.send(endpoint.url, standard_webhooks.headers(event.id, now, body, valid_secrets), body, now)
    outcome = _saved(delivery.after(attempt), ports)
    _remember(endpoint, attempt, ports)
    return outcome


def _saved(delivery: OutgoingDelivery, ports: Ports) -> str:
    try:
        ports.deliveries.save(delivery)
    except ConflictError:
        return "changed meanwhile"  # resent by hand: there will be another attempt, which tells
    return delivery.failure or delivery.state if delivery.state != "pending" else "to be tried again"


def _remember(endpoint: Endpoint, attempt: Attempt, ports: Ports) -> None:
    """How the endpoint is doing; most of the time there is nothing new to write."""
    if attempt.is_success:
        if endpoint.failing_since is not None:
            ports.endpoints.mark_working(endpoint)
    elif attempt.status == 410:
        _disable(endpoint, "gone", ports)
    elif endpoint.is_hopeless(attempt.at):
        _disable(endpoint, "failing", ports)
    elif endpoint.failing_since is None:
        ports.endpoints.mark_failing(endpoint, attempt.at)


def _disable(endpoint: Endpoint, reason: DisabledReason, ports: Ports) -> None:
    _tell_if_news(ports.endpoints.disable(endpoint, reason, ports.now()), ports)


def _tell_if_news(endpoint: Endpoint, ports: Ports) -> None:
    if not endpoint.is_enabled and endpoint.disabled_reason != "caller":
        announcing.tell(disabled(endpoint), ports.telling)


class WaitingDeliveries(Protocol):
    def due_before(self, moment: datetime, limit: int) -> tuple[DeliveryTask, ...]:
        """The one due longest first; some may have been attempted since."""
        ...

    def look_again_after(self, tasks: Iterable[DeliveryTask], seen: datetime, moment: datetime) -> None:
        """So that those behind them get their turn; nothing happens to those that have moved on since `seen`."""
        ...


class Queue(Protocol):
    def send(self, tasks: Iterable[DeliveryTask]) -> None: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SweepPorts:
    deliveries: WaitingDeliveries
    queue: Queue
    now: Callable[[], datetime]


def queue_due(ports: SweepPorts) -> int:
    """How many were queued. Queueing one twice does no harm: the first worker takes it."""
    now = ports.now()
    found = ports.deliveries.due_before(now, MOST_AT_ONCE)
    ports.queue.send(found)
    ports.deliveries.look_again_after(found, now, now + LOOK_AGAIN)
    return len(found)
