"""
Events: what happened, told once however often we hear of it. A change that a webhook brought, a post that went live, a
token that died. People read them for 90 days; the event bus and outgoing webhooks carry them on (docs/events.md).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from darkroom.ids import hashed_id
from darkroom.values import Value

KEPT = timedelta(days=90)
ERASED = {"is_deleted": True}  # the data of an event whose content had to go


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Event(Value):
    """
    `type` is a fact in the past tense about a resource: `comment.created`. `refs` are ids and codes, which the event
    bus may carry; `data` is content (texts, names, URLs), which stays in the table and goes to the tenant's endpoints.
    `occurred_at` is when it happened by the word of whoever told us, `received_at` when we heard.
    """

    id: str
    tenant_id: str
    account_id: str | None = None
    type: str
    occurred_at: datetime
    received_at: datetime
    refs: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    is_read: bool = False

    @property
    def expires_at(self) -> datetime:
        return self.received_at + KEPT

    def facts(self) -> dict[str, str]:
        """What the event bus is told."""
        whose = {"tenant_id": self.tenant_id} | ({"account_id": self.account_id} if self.account_id else {})
        when = {"occurred_at": self.occurred_at.isoformat()}
        return {"event_id": self.id, "type": self.type, **whose, **when, **self.refs}


type State = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Applied(Value):
    """
    What an effect makes of an event and the items that it touches. `edited` are additions to the data of earlier
    events, by id; `erased` are earlier events whose content is to go.
    """

    event: Event
    after: Mapping[str, State] = field(default_factory=dict)
    edited: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    erased: tuple[str, ...] = ()


class Effect(Protocol):
    """
    What an event changes besides being stored, as a value: `items` names what it reads and writes, below the event's
    tenant, and `applied` is a pure function of what was there. So it may be computed again when somebody was faster.
    """

    @property
    def items(self) -> tuple[str, ...]: ...

    def applied(self, event: Event, before: Mapping[str, State]) -> Applied:
        """`before` has each item, empty where there was none."""
        ...


class Events(Protocol):
    def add(self, event: Event, effect: Effect | None = None) -> bool:
        """
        Stores it with all of its effect unless it is known: both or neither. True while nobody has said
        `mark_announced`, so that whoever adds an event a second time, because the first worker died, goes on where that
        one stopped. StoreUnavailableError also while others keep changing what the effect needs.
        """
        ...

    def mark_announced(self, event: Event, now: datetime) -> None: ...

    def told(self, tenant_id: str, event_ids: Iterable[str]) -> frozenset[str]:
        """
        Those of them that were marked, so that nothing is left to do for them. It may be a moment behind, and leave out
        what it cannot find out at once: of the others `add` knows.
        """
        ...


def event_id(tenant_id: str, *natural: str) -> str:
    """
    The id of a fact, from what makes it that fact (Meta's own ids, a type, a time). The same for each delivery of it,
    which is what keeps an event from being stored twice.
    """
    return hashed_id("evt", hashlib.sha256("\n".join((tenant_id, *natural)).encode()).digest())


def is_of_type(event_type: str, wanted: str) -> bool:
    """`wanted` is a type, or `comment.*` for all of a resource, or `*`."""
    return wanted in ("*", event_type) or (wanted.endswith(".*") and event_type.startswith(wanted[:-1]))


def message(event: Event) -> bytes:
    """
    What an endpoint is sent, in the form of Standard Webhooks: the same bytes in every attempt, unless content was
    erased meanwhile.
    """
    data = {
        "id": event.id,
        "account_id": event.account_id,
        "received_at": _rfc3339(event.received_at),
        "refs": dict(event.refs),
        "data": dict(event.data),
    }
    return json.dumps({"type": event.type, "timestamp": _rfc3339(event.occurred_at), "data": data}).encode()


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def detail_type(event_type: str) -> str:
    """How the event bus calls it: `comment.created` is `CommentCreated`."""
    return "".join(word.capitalize() for word in event_type.replace(".", "_").split("_"))
