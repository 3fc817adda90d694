"""The ports of outgoing webhooks and of events for people, in memory; each passes its suite, as in fakes.py."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from darkroom.endpoints import OLD_SECRET_VALID, DisabledReason, Endpoint
from darkroom.errors import ConflictError, NotFoundError, StoreUnavailableError
from darkroom.event_queries import EventQuery
from darkroom.events import Event
from darkroom.outgoing_deliveries import Attempt, DeliveryTask, OutgoingDelivery
from darkroom.pages import Page, PageRequest, cursor, moment_cursor
from tests.fakes import FakeEvents


@dataclass
class FakeEventLists:
    """What `events` stores, as people read it."""

    events: FakeEvents

    def page(self, tenant_id: str, query: EventQuery) -> Page[Event]:
        rest = [event for event in self._listed(tenant_id, query) if _admitted(event, query)]
        found, more = rest[: query.limit], rest[query.limit :]
        return Page(tuple(found), moment_cursor(tenant_id, _place(found[-1])) if more else None)

    def find(self, tenant_id: str, event_ids: Iterable[str]) -> tuple[Event, ...]:
        now = self.events.now()
        found = (self.events.stored.get((tenant_id, event_id)) for event_id in event_ids)
        return tuple(event for event in found if event is not None and event.expires_at > now)

    def unread(self, tenant_id: str, query: EventQuery) -> Page[str]:
        found = self.page(tenant_id, replace(query, is_unread=True))
        return Page(tuple(event.id for event in found.data), found.next_cursor)

    def mark_read(self, tenant_id: str, event_ids: Iterable[str]) -> None:
        for event in self.find(tenant_id, event_ids):
            self.events.stored[tenant_id, event.id] = replace(event, is_read=True)

    def _listed(self, tenant_id: str, query: EventQuery) -> list[Event]:
        now = self.events.now()
        kept = [
            event
            for (tenant, _), event in self.events.stored.items()
            if tenant == tenant_id
            and event.expires_at > now
            and (query.since is None or event.occurred_at >= query.since)
            and (query.until is None or event.occurred_at < query.until)
            and (query.after is None or _place(event) < query.after)
            and not (query.is_unread and event.is_read)
        ]
        return sorted(kept, key=_place, reverse=True)


def _place(event: Event) -> tuple[datetime, str]:
    return event.occurred_at, event.id


def _admitted(event: Event, query: EventQuery) -> bool:
    return query.admits(event.account_id, event.type)


class FakeEndpoints:
    """Endpoints with their secrets; `FakeEndpointSecrets` reads those."""

    def __init__(self, *endpoints: Endpoint) -> None:
        self.stored = {(endpoint.tenant_id, endpoint.id): endpoint for endpoint in endpoints}
        self.secrets = dict.fromkeys(self.stored, ("whsec_Y3VycmVudC1zZWNyZXQtb2YtdGhlLWZha2U=", None, None))

    def add(self, endpoint: Endpoint, secret: str) -> None:
        key = (endpoint.tenant_id, endpoint.id)
        self.stored[key], self.secrets[key] = endpoint, (secret, None, None)

    def get(self, tenant_id: str, endpoint_id: str) -> Endpoint:
        try:
            return self.stored[tenant_id, endpoint_id]
        except KeyError:
            raise NotFoundError from None

    def of(self, tenant_id: str) -> tuple[Endpoint, ...]:
        return tuple(sorted((e for (tenant, _), e in self.stored.items() if tenant == tenant_id), key=lambda e: e.id))

    def save(self, endpoint: Endpoint) -> Endpoint:
        known = self.stored.get((endpoint.tenant_id, endpoint.id))
        if known is None or known.version != endpoint.version:
            raise ConflictError
        saved = replace(endpoint, version=endpoint.version + 1, failing_since=None)
        self.stored[endpoint.tenant_id, endpoint.id] = saved
        return saved

    def remove(self, endpoint: Endpoint) -> None:
        self.stored.pop((endpoint.tenant_id, endpoint.id), None)
        self.secrets.pop((endpoint.tenant_id, endpoint.id), None)

    def rotate(self, endpoint: Endpoint, secret: str, now: datetime) -> datetime:
        key = (endpoint.tenant_id, endpoint.id)
        if key not in self.secrets:
            raise NotFoundError
        self.secrets[key] = (secret, self.secrets[key][0], now + OLD_SECRET_VALID)
        return now + OLD_SECRET_VALID

    def mark_failing(self, endpoint: Endpoint, now: datetime) -> None:
        if known := self.stored.get((endpoint.tenant_id, endpoint.id)):
            self._put(replace(known, failing_since=known.failing_since or now))

    def mark_working(self, endpoint: Endpoint) -> None:
        if known := self.stored.get((endpoint.tenant_id, endpoint.id)):
            self._put(replace(known, failing_since=None))

    def disable(self, endpoint: Endpoint, reason: DisabledReason, now: datetime) -> Endpoint:
        known = self.get(endpoint.tenant_id, endpoint.id)
        if known.is_enabled:
            known = replace(known, disabled_at=now, disabled_reason=reason, version=known.version + 1)
            self._put(known)
        return known

    def _put(self, endpoint: Endpoint) -> None:
        self.stored[endpoint.tenant_id, endpoint.id] = endpoint


@dataclass
class FakeEndpointSecrets:
    """`failure`, when set, is what every secret raises."""

    endpoints: FakeEndpoints
    failure: Exception | None = None

    def valid(self, endpoint: Endpoint, now: datetime) -> tuple[str, ...]:
        if self.failure is not None:
            raise self.failure
        try:
            current, old, old_until = self.endpoints.secrets[endpoint.tenant_id, endpoint.id]
        except KeyError:
            raise NotFoundError from None
        return (current, old) if old is not None and old_until is not None and old_until > now else (current,)


class FakeOutgoingDeliveries:
    """`look_at` says when the sweep is to look at a pending delivery."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.stored: dict[DeliveryTask, OutgoingDelivery] = {}
        self.look_at: dict[DeliveryTask, datetime] = {}

    def add(self, delivery: OutgoingDelivery) -> bool:
        if delivery.task in self.stored:
            return False
        self._put(delivery, delivery.due_at + timedelta(minutes=2) if delivery.due_at else None)
        return True

    def get(self, tenant_id: str, endpoint_id: str, delivery_id: str) -> OutgoingDelivery:
        found = self.stored.get(DeliveryTask(tenant_id, endpoint_id, delivery_id))
        if found is None or found.expires_at <= self.now():
            raise NotFoundError
        return found

    def save(self, delivery: OutgoingDelivery) -> OutgoingDelivery:
        known = self.stored.get(delivery.task)
        if known is None or known.version != delivery.version:
            raise ConflictError
        saved = replace(delivery, version=delivery.version + 1)
        self._put(saved, saved.due_at)
        return saved

    def page(self, tenant_id: str, endpoint_id: str, page: PageRequest) -> Page[OutgoingDelivery]:
        mine = [
            delivery
            for task, delivery in self.stored.items()
            if (task.tenant_id, task.endpoint_id) == (tenant_id, endpoint_id) and delivery.expires_at > self.now()
        ]
        mine.sort(key=lambda delivery: delivery.id, reverse=True)
        rest = [delivery for delivery in mine if page.after is None or delivery.id < page.after]
        found, more = rest[: page.limit], rest[page.limit :]
        return Page(tuple(found), cursor(tenant_id, found[-1].id) if more else None)

    def due_before(self, moment: datetime, limit: int) -> tuple[DeliveryTask, ...]:
        due = sorted((at, task.delivery_id, task) for task, at in self.look_at.items() if at < moment)
        return tuple(task for _, _, task in due)[:limit]

    def look_again_after(self, tasks: Iterable[DeliveryTask], seen: datetime, moment: datetime) -> None:
        for task in tasks:
            if task in self.look_at and self.look_at[task] < seen:
                self.look_at[task] = moment

    def _put(self, delivery: OutgoingDelivery, look_at: datetime | None) -> None:
        self.stored[delivery.task] = delivery
        self.look_at.pop(delivery.task, None)
        if delivery.state == "pending" and look_at is not None:
            self.look_at[delivery.task] = look_at


class FakeDeliveryQueue:
    """`sent` in order. `failure`, when set, is what sending raises."""

    def __init__(self) -> None:
        self.sent: list[DeliveryTask] = []
        self.failure: StoreUnavailableError | None = None

    def send(self, tasks: Iterable[DeliveryTask]) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent += tasks


@dataclass
class FakeReceiver:
    """The other side of an endpoint: answers `answers` one after the other, the last one for ever."""

    answers: list[Attempt] = field(default_factory=list)
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    on_send: Callable[[], None] = lambda: None

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Attempt:
        self.received.append((url, dict(headers), body))
        self.on_send()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return replace(answer, at=now)
