"""A tenant's events as people read them: by time, or only those that nobody has read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import batched, islice
from typing import TYPE_CHECKING, Any

from darkroom.aws import keys
from darkroom.aws.dynamodb import marshal, text, translated, unless_in_vain, unmarshal
from darkroom.aws.events import DynamoDBEvents, event_of
from darkroom.errors import StoreUnavailableError
from darkroom.event_queries import EventQuery
from darkroom.events import Event
from darkroom.pages import Page, Position, moment_cursor
from darkroom.values import Value

if TYPE_CHECKING:
    pass

MOST_EXAMINED = 1_000  # for one answer, when a filter lets little through
_FILTERED = 250  # asked of DynamoDB at once when most of them may not be wanted
_MOST_IN_A_BATCH = 100  # of BatchGetItem
_MOST_TRIES = 4  # of a batch that DynamoDB answered in part


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Place(Value):
    """What an index knows of an event."""

    id: str
    occurred_at: datetime
    account_id: str | None
    type: str
    expires_at: float
    item: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBEventLists(DynamoDBEvents):
    """Implements the `EventLists` port of reading.py."""

    def page(self, tenant_id: str, query: EventQuery) -> Page[Event]:
        """An index follows its table by moments: a new event may be a moment late, one just read may still be there."""
        index = keys.UNREAD if query.is_unread else keys.BY_TIME
        found, more = self._found(tenant_id, query, index)
        events = self._unread_of(tenant_id, found) if query.is_unread else [event_of(place.item) for place in found]
        return Page(tuple(events), more)

    def find(self, tenant_id: str, event_ids: Iterable[str]) -> tuple[Event, ...]:
        asked = [keys.event(tenant_id, event_id) for event_id in event_ids]
        now = self.now().timestamp()
        return tuple(event_of(item) for item in self._got(asked) if int(item["expires_at"]["N"]) > now)

    def unread(self, tenant_id: str, query: EventQuery) -> Page[str]:
        found, more = self._found(tenant_id, query, keys.UNREAD)
        return Page(tuple(place.id for place in found), more)

    def mark_read(self, tenant_id: str, event_ids: Iterable[str]) -> None:
        for event_id in event_ids:
            with unless_in_vain():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.event(tenant_id, event_id),
                    UpdateExpression="REMOVE unread_pk",
                    ConditionExpression="attribute_exists(pk)",
                )

    def _found(self, tenant_id: str, query: EventQuery, index: str) -> tuple[list[_Place], str | None]:
        """And a cursor, when there are more places, wanted or not. However little is wanted, so many are examined."""
        places = self._places(tenant_id, query, index, _FILTERED if query.is_narrow else query.limit + 1)
        found: list[_Place] = []
        last: Position | None = None
        for place in islice(places, MOST_EXAMINED):
            last = place.occurred_at, place.id
            if self._is_wanted(place, query):
                found.append(place)
            if len(found) == query.limit:
                break
        if last is None or next(places, None) is None:
            return found, None
        return found, moment_cursor(tenant_id, last)

    def _is_wanted(self, place: _Place, query: EventQuery) -> bool:
        return place.expires_at > self.now().timestamp() and query.admits(place.account_id, place.type)

    def _unread_of(self, tenant_id: str, places: list[_Place]) -> list[Event]:
        """In their order, without those that were read a moment ago."""
        known = {event.id: event for event in self.find(tenant_id, [place.id for place in places])}
        return [known[place.id] for place in places if place.id in known and not known[place.id].is_read]

    def _places(self, tenant_id: str, query: EventQuery, index: str, at_once: int) -> Iterator[_Place]:
        """Newest first, as many queries as it takes."""
        (lowest, highest), name = _bounds(query), keys.EVENT_INDEXES[index]
        if lowest > highest:
            return
        request: dict[str, Any] = {
            "TableName": self.table,
            "IndexName": index,
            "KeyConditionExpression": f"{name} = :tenant AND events_sk BETWEEN :lowest AND :highest",
            "ExpressionAttributeValues": marshal(
                {":tenant": keys.tenant(tenant_id), ":lowest": lowest, ":highest": highest}
            ),
            "ScanIndexForward": False,
            "Limit": at_once,
        }
        while True:
            with translated():
                answer = self.client.query(**request)
            yield from (_place(item) for item in answer["Items"] if item["events_sk"]["S"] != _after(query))
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _got(self, asked: list[keys.Key]) -> Iterator[dict[str, Any]]:
        for batch in batched(asked, _MOST_IN_A_BATCH, strict=False):
            wanted: Any = {self.table: {"Keys": list(batch), "ConsistentRead": True}}
            for _ in range(_MOST_TRIES):
                with translated():
                    answer = self.client.batch_get_item(RequestItems=wanted)
                yield from answer["Responses"].get(self.table, [])
                wanted = answer.get("UnprocessedKeys")
                if not wanted:
                    break
            else:
                raise StoreUnavailableError


def _place(item: dict[str, Any]) -> _Place:
    plain = unmarshal({name: item[name] for name in ("events_sk", "account_id", "type", "expires_at") if name in item})
    moment, _, event_id = plain["events_sk"].partition("#")
    return _Place(
        id=event_id,
        occurred_at=datetime.fromisoformat(moment),
        account_id=plain.get("account_id"),
        type=plain["type"],
        expires_at=float(plain["expires_at"]),
        item=item,
    )


def _bounds(query: EventQuery) -> tuple[str, str]:
    """Of the sort key. `until` itself is outside: every key of that moment is longer than its text."""
    lowest = text(query.since) if query.since else "0"
    highest = text(query.until) if query.until else "~"
    after = _after(query)
    return lowest, min(highest, after) if after else highest


def _after(query: EventQuery) -> str | None:
    return f"{text(query.after[0])}#{query.after[1]}" if query.after else None
