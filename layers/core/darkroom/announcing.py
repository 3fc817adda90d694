"""
Telling an event: stored, put on the event bus, and marked as told, in this order. A worker that dies between leaves an
event that is known but not marked; telling it again finishes that. So everybody who tells has somebody who tells again:
a queue that delivers once more, or a sweep.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from darkroom.events import Effect, Event, Events, detail_type

type Announce = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    """`announce` puts a detail type and its detail on the event bus, or raises StoreUnavailableError."""

    events: Events
    announce: Announce
    now: Callable[[], datetime]


def tell(event: Event, ports: Ports, effect: Effect | None = None) -> bool:
    """
    Whether there was anything left to do. `effect` happens together with storing the event, so once. Any number of
    workers may tell the same event: it is stored once, and announced at least once; the bus's readers go by `event_id`.
    StoreUnavailableError: tell it again.
    """
    if not ports.events.add(event, effect):
        return False
    ports.announce(detail_type(event.type), event.facts())
    ports.events.mark_announced(event, ports.now())
    return True
