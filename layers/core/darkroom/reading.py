"""Events for people: a tenant's list, how many nobody has read, and marking them read. Nothing here tells one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from darkroom.errors import NotFoundError
from darkroom.event_queries import EventQuery
from darkroom.events import Event
from darkroom.pages import Page
from darkroom.tenants import Caller
from darkroom.values import Value

MOST_COUNTED = 1_000
MOST_MARKED = 500  # in one request: a third of its time


class EventLists(Protocol):
    def page(self, tenant_id: str, query: EventQuery) -> Page[Event]:
        """Without what has expired. May hold fewer than asked for; only its cursor tells whether there are more."""
        ...

    def find(self, tenant_id: str, event_ids: Iterable[str]) -> tuple[Event, ...]:
        """Those that there are, in any order; at most 100 ids."""
        ...

    def unread(self, tenant_id: str, query: EventQuery) -> Page[str]:
        """Ids, as `page` lists their events. Eventually consistent."""
        ...

    def mark_read(self, tenant_id: str, event_ids: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UnreadCount(Value):
    """`is_capped`: not all were counted, so there may be more."""

    unread: int
    is_capped: bool


def list_events(caller: Caller, query: EventQuery, events: EventLists) -> Page[Event]:
    return events.page(caller.tenant_id, _of(caller, query))


def read_event(caller: Caller, event_id: str, events: EventLists) -> Event:
    """Raises NotFoundError, also for another tenant's event and for one of an account that this key may not use."""
    found = _mine(caller, (event_id,), events)
    if not found:
        raise NotFoundError
    return found[0]


def count_unread(caller: Caller, query: EventQuery, events: EventLists) -> UnreadCount:
    """Exact up to MOST_COUNTED, where not more than so many unread events have to be looked at."""
    found = events.unread(caller.tenant_id, replace(_of(caller, query), limit=MOST_COUNTED))
    return UnreadCount(len(found.data), found.next_cursor is not None)


def mark_read(caller: Caller, event_ids: tuple[str, ...], events: EventLists) -> tuple[str, ...]:
    """The ids of those that are read now, in the order asked for; whatever else was named is not there."""
    found = {event.id: event for event in _mine(caller, event_ids, events)}
    events.mark_read(caller.tenant_id, [event.id for event in found.values() if not event.is_read])
    return tuple(event_id for event_id in dict.fromkeys(event_ids) if event_id in found)


def mark_all_read(caller: Caller, query: EventQuery, events: EventLists) -> Page[str]:
    """
    What was marked, the newest first; and whether there may be more to mark: then the request is to be repeated, from
    there on.
    """
    found = events.unread(caller.tenant_id, replace(_of(caller, query), limit=MOST_MARKED))
    events.mark_read(caller.tenant_id, found.data)
    return found


def _of(caller: Caller, query: EventQuery) -> EventQuery:
    return replace(query, account_ids=caller.account_ids)


def _mine(caller: Caller, event_ids: tuple[str, ...], events: EventLists) -> tuple[Event, ...]:
    admits = _of(caller, EventQuery()).admits
    found = events.find(caller.tenant_id, dict.fromkeys(event_ids))
    return tuple(event for event in found if admits(event.account_id, event.type))
