"""What the API takes and shows of events and of outgoing webhooks; openapi.json is made from these classes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any, TypedDict

from annotated_types import Ge, Le, MaxLen, MinLen

from darkroom.endpoints import LONGEST_URL, MOST_TYPES, DisabledReason, Endpoint
from darkroom.errors import BadRequestError, FieldError
from darkroom.event_queries import EventQuery
from darkroom.events import Event
from darkroom.http_events import Answer
from darkroom.outgoing_deliveries import Attempt, DeliveryState, Failure, OutgoingDelivery
from darkroom.pages import Page, opened_moment
from darkroom.tenants import Caller
from darkroom.values import Value

_REFUSE_UNKNOWN = {"extra": "forbid"}
_Id = Annotated[str, MinLen(1), MaxLen(128)]
_Type = Annotated[str, MinLen(1), MaxLen(130)]
_Time = Annotated[str, MinLen(1), MaxLen(64)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnreadQuery(Value):
    """`type` may be `comment.*` for all of a resource."""

    __pydantic_config__ = _REFUSE_UNKNOWN

    account_id: _Id | None = None
    type: _Type | None = None

    def asked(self) -> EventQuery:
        return EventQuery(account_id=self.account_id, type=self.type)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EventsQuery(Value):
    """
    `since` is inside, `until` outside; both are RFC 3339 with an offset and meant of `occurred_at`. `type` may be
    `comment.*` for all of a resource; `unread=true` leaves out what was read.
    """

    __pydantic_config__ = _REFUSE_UNKNOWN

    limit: Annotated[int, Ge(1), Le(100)] = 25
    cursor: Annotated[str, MaxLen(200)] | None = None
    account_id: _Id | None = None
    type: _Type | None = None
    unread: bool = False
    since: _Time | None = None
    until: _Time | None = None

    def asked(self, tenant_id: str) -> EventQuery:
        """Raises BadRequestError for a time that is none, and for a cursor that is not this tenant's."""
        return EventQuery(
            account_id=self.account_id,
            type=self.type,
            is_unread=self.unread,
            since=_moment(self.since, "?since"),
            until=_moment(self.until, "?until"),
            after=opened_moment(self.cursor, tenant_id) if self.cursor else None,
            limit=self.limit,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EventView(Value):
    """`refs` are ids and codes, `data` is content; which of them there are depends on `type` (docs/events.md)."""

    id: str
    type: str
    account_id: str | None
    occurred_at: datetime
    received_at: datetime
    is_read: bool
    refs: Mapping[str, str]
    data: Mapping[str, Any]

    @classmethod
    def of(cls, event: Event) -> "EventView":
        return cls(**{field.name: getattr(event, field.name) for field in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ReadMark(Value):
    """
    Either `ids`, or `all`, which may be held to one account and to what occurred before `until`; without it, before
    this request. `cursor` is the `next_cursor` of the answer before.
    """

    __pydantic_config__ = _REFUSE_UNKNOWN

    ids: Annotated[tuple[_Id, ...], MinLen(1), MaxLen(100)] | None = None
    all: bool = False
    account_id: _Id | None = None
    until: _Time | None = None
    cursor: Annotated[str, MaxLen(200)] | None = None

    def asked(self, tenant_id: str, now: datetime) -> EventQuery:
        """
        For `all`. Raises BadRequestError where it is not said which events are meant, and for a cursor that is not this
        tenant's.
        """
        if self.ids is not None or not self.all:
            message = "Send ids, or all with or without account_id and until."
            raise BadRequestError(errors=(FieldError("/ids", "not_possible", message),))
        until = _moment(self.until, "/until") or now
        after = opened_moment(self.cursor, tenant_id) if self.cursor else None
        return EventQuery(account_id=self.account_id, until=until, after=after)

    def named(self) -> tuple[str, ...] | None:
        """Raises BadRequestError where both ways are mixed."""
        others = (self.account_id, self.until, self.cursor)
        if self.ids is not None and (self.all or any(each is not None for each in others)):
            message = "Events that are named by their ids need nothing else."
            raise BadRequestError(errors=(FieldError("/ids", "not_possible", message),))
        return self.ids


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ReadView(Value):
    """
    `ids` are read now. `not_found` were named and are not there. `has_more`: send the same request again, with
    `next_cursor` as its `cursor`; it may have marked nothing and still have to go on.
    """

    ids: tuple[str, ...]
    not_found: tuple[str, ...] = ()
    has_more: bool = False
    next_cursor: str | None = None

    @classmethod
    def named(cls, asked: tuple[str, ...], found: tuple[str, ...]) -> "ReadView":
        return cls(ids=found, not_found=tuple(each for each in asked if each not in found))

    @classmethod
    def of(cls, marked: Page[str]) -> "ReadView":
        return cls(ids=marked.data, has_more=marked.next_cursor is not None, next_cursor=marked.next_cursor)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NewEndpoint(Value):
    """
    Without `types` every event is sent, without `account_ids` those of every account. `types` are such as
    `comment.created` or `comment.*`.
    """

    __pydantic_config__ = _REFUSE_UNKNOWN

    url: Annotated[str, MinLen(1), MaxLen(LONGEST_URL)]
    types: Annotated[tuple[_Type, ...], MinLen(1), MaxLen(MOST_TYPES)] | None = None
    account_ids: Annotated[tuple[_Id, ...], MinLen(1), MaxLen(50)] | None = None
    description: Annotated[str, MaxLen(200)] | None = None

    def endpoint(self, endpoint_id: str, caller: Caller, now: datetime) -> Endpoint:
        wishes = {field.name: getattr(self, field.name) for field in fields(self)}
        return Endpoint(id=endpoint_id, tenant_id=caller.tenant_id, created_at=now, **wishes)


class EndpointPatch(TypedDict, total=False):
    """What is named changes, null takes it away; what is not named stays."""

    __pydantic_config__ = _REFUSE_UNKNOWN  # type: ignore[misc] # pydantic's way to configure a TypedDict

    url: Annotated[str, MinLen(1), MaxLen(LONGEST_URL)]
    types: Annotated[tuple[_Type, ...], MinLen(1), MaxLen(MOST_TYPES)] | None
    account_ids: Annotated[tuple[_Id, ...], MinLen(1), MaxLen(50)] | None
    description: Annotated[str, MaxLen(200)] | None
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EndpointView(Value):
    """`version` is what If-Match takes."""

    id: str
    url: str
    types: tuple[str, ...] | None
    account_ids: tuple[str, ...] | None
    description: str | None
    is_enabled: bool
    disabled_reason: DisabledReason | None
    disabled_at: datetime | None
    failing_since: datetime | None
    created_at: datetime
    version: int

    @classmethod
    def of(cls, endpoint: Endpoint) -> "EndpointView":
        return cls(**{field.name: getattr(endpoint, field.name) for field in fields(EndpointView)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EndpointsView(Value):
    """All there are: a tenant has twenty at most."""

    data: tuple[EndpointView, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NewEndpointView(EndpointView):
    """`secret` is shown this once."""

    secret: str

    @classmethod
    def made(cls, endpoint: Endpoint, secret: str) -> "NewEndpointView":
        own = {field.name: getattr(endpoint, field.name) for field in fields(EndpointView)}
        return cls(**own, secret=secret)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SecretView(Value):
    """`secret` is shown this once. Until `old_secret_valid_until` every delivery is signed with both."""

    id: str
    secret: str
    old_secret_valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DeletedView(Value):
    id: str


def endpoint_answer(endpoint: Endpoint) -> Answer:
    """Its version is its entity tag."""
    return Answer(200, EndpointView.of(endpoint), {"etag": f'"{endpoint.version}"'})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DeliveryView(Value):
    """
    `next_attempt_at` is null when none will be made. `failure` says why the latest attempt failed without an answer, or
    why none is made any more.
    """

    id: str
    event_id: str
    event_type: str
    state: DeliveryState
    failure: Failure | None
    created_at: datetime
    next_attempt_at: datetime | None
    attempts: tuple[Attempt, ...]

    @classmethod
    def of(cls, delivery: OutgoingDelivery) -> "DeliveryView":
        own = {field.name for field in fields(cls)} - {"next_attempt_at"}
        return cls(**{name: getattr(delivery, name) for name in own}, next_attempt_at=delivery.due_at)


def _moment(text: str | None, pointer: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1970 <= found.year <= 9000:
        message = "A time looks like 2026-11-23T09:30:00Z, with its offset."
        raise BadRequestError(errors=(FieldError(pointer, "datetime_parsing", message),))
    return found
