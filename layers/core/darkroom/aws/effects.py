"""
An event and its effect in one transaction: the event only if it is new, each item only if nobody has changed it since
it was read. Who was overtaken reads and computes again. States are JSON text, as the data of events is.
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.dynamodb import failed_conditions, is_conflict, marshal, translated, unmarshal
from darkroom.errors import StoreUnavailableError
from darkroom.events import ERASED, KEPT, Applied, Effect, Event, State

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_ATTEMPTS = 8
_PAUSE = 0.05  # seconds; the longest before the second attempt, and so much more before each further one
_LASTING = ("COMMENTS#", "STORY#")  # figures, which say nothing of a person

type Item = dict[str, Any]


class OvertakenError(Exception):
    """Somebody else changed what the effect was computed from."""


def put_with_event(
    event: Event, effect: Effect, client: "DynamoDBClient", table: str, stored: Callable[[Event], Item]
) -> bool:
    """As `Events.add`; `stored` makes an event an item."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _attempt(event, effect, client, table, stored)
        except OvertakenError:
            time.sleep(random.uniform(0, _PAUSE * attempt))  # noqa: S311 — spreads workers, hides nothing
    raise StoreUnavailableError(detail="Too many at once for one media or conversation.")


def states(client: "DynamoDBClient", table: str, tenant_id: str, items: Iterable[str]) -> dict[str, State]:
    """Of the items that there are."""
    return {item: _state(found) for item, found in _read(client, table, tenant_id, items).items()}


def _attempt(
    event: Event, effect: Effect, client: "DynamoDBClient", table: str, stored: Callable[[Event], Item]
) -> bool:
    found = _read(client, table, event.tenant_id, effect.items)
    applied = effect.applied(event, {item: _state(found.get(item)) for item in effect.items})
    changed = _read(client, table, event.tenant_id, [keys.EVENT_PREFIX + id_ for id_ in applied.edited])
    writes: list[Any] = [
        {"Put": {"Item": stored(applied.event), "ConditionExpression": "attribute_not_exists(pk)"}},
        *({"Put": _put(applied.event, item, state, found.get(item))} for item, state in applied.after.items()),
        *({"Update": each} for each in _rewritten(applied, changed)),
    ]
    for write in writes:
        for details in write.values():
            details["TableName"] = table
    with translated():
        try:
            client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            failed = failed_conditions(error)
            if 0 in failed:
                known = _read(client, table, event.tenant_id, [keys.EVENT_PREFIX + event.id])
                return not any("announced_at" in item for item in known.values())
            if failed or is_conflict(error):
                raise OvertakenError from None
            raise
    return True


def _put(event: Event, item: str, state: State, before: Item | None) -> Item:
    version = before["version"] if before else 0
    is_lasting = item.startswith(_LASTING)
    values = {
        "account_id": event.account_id,
        "state": json.dumps(state),
        "version": version + 1,
        "expires_at": None if is_lasting else int((event.received_at + KEPT).timestamp()),
    }
    unchanged = {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": marshal({":version": version}),
    }
    condition = unchanged if before else {"ConditionExpression": "attribute_not_exists(pk)"}
    return {"Item": {**keys.event_state(event.tenant_id, item), **marshal(values)}, **condition}


def _rewritten(applied: Applied, changed: dict[str, Item]) -> Iterator[Item]:
    """The data of earlier events. One that has expired in the meantime is made again empty, and expires at once."""
    event = applied.event
    for item, was in changed.items():
        data = {**json.loads(was["data"]), **applied.edited[item.removeprefix(keys.EVENT_PREFIX)]}
        yield _data(event, item, data, event.received_at + KEPT)
    for id_ in applied.erased:
        yield _data(event, keys.EVENT_PREFIX + id_, ERASED, event.received_at)


def _data(event: Event, item: str, data: State, expires_at: datetime) -> Item:
    values = {":data": json.dumps(data), ":expires_at": int(expires_at.timestamp())}
    return {
        "Key": keys.event_state(event.tenant_id, item),
        "UpdateExpression": "SET #data = :data, expires_at = if_not_exists(expires_at, :expires_at)",
        "ExpressionAttributeNames": {"#data": "data"},
        "ExpressionAttributeValues": marshal(values),
    }


def _read(client: "DynamoDBClient", table: str, tenant_id: str, items: Iterable[str]) -> dict[str, Item]:
    wanted = [keys.event_state(tenant_id, item) for item in items]
    if not wanted:
        return {}
    with translated():
        answer = client.batch_get_item(RequestItems={table: {"Keys": wanted, "ConsistentRead": True}})
    if answer.get("UnprocessedKeys"):
        raise StoreUnavailableError
    return {item["sk"]["S"]: unmarshal(item) for item in answer["Responses"].get(table, [])}


def _state(item: Item | None) -> State:
    state: State = json.loads(item["state"]) if item else {}
    return state
