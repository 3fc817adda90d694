"""
Events in DynamoDB: one item each, found by its natural key; two indexes list them by time and count the unread. What
an event changes besides lies beside it: see effects.py here.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws import effects, keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, text, translated, unless_in_vain, unmarshal
from darkroom.errors import NotFoundError
from darkroom.events import Effect, Event, State
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_MOST_IN_A_BATCH = 100  # of BatchGetItem


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBEvents(Value):
    """Implements the `Events` port of events.py."""

    client: "DynamoDBClient"
    table: str
    now: Callable[[], datetime]

    def add(self, event: Event, effect: Effect | None = None) -> bool:
        if effect is not None and effect.items:
            return effects.put_with_event(event, effect, self.client, self.table, stored)
        try:
            with translated():
                self.client.put_item(
                    TableName=self.table,
                    Item=stored(event),
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            known: dict[str, Any] = error.response.get("Item", {})  # type: ignore[assignment] # not in the error's type
            return "announced_at" not in known
        return True

    def get(self, tenant_id: str, event_id: str) -> Event:
        """Raises NotFoundError, also for one that has expired and still lies there, and for another tenant's."""
        with translated():
            answer = self.client.get_item(
                TableName=self.table, Key=keys.event(tenant_id, event_id), ConsistentRead=True
            )
        if "Item" not in answer or int(answer["Item"]["expires_at"]["N"]) <= self.now().timestamp():
            raise NotFoundError
        return event_of(answer["Item"])

    def state(self, tenant_id: str, item: str) -> State:
        """What events have made of an item that effects.py of the model names; empty when nothing."""
        return effects.states(self.client, self.table, tenant_id, (item,)).get(item, {})

    def told(self, tenant_id: str, event_ids: Iterable[str]) -> frozenset[str]:
        """Eventually consistent, for half the price; what a busy table leaves unanswered is left out."""
        found: list[dict[str, Any]] = []
        for batch in batched(dict.fromkeys(event_ids), _MOST_IN_A_BATCH, strict=False):
            asked: Any = {
                "Keys": [keys.event(tenant_id, event_id) for event_id in batch],
                "ProjectionExpression": "id, announced_at",
            }
            with translated():
                answer = self.client.batch_get_item(RequestItems={self.table: asked})
            found += answer["Responses"].get(self.table, [])
        return frozenset(item["id"]["S"] for item in found if "announced_at" in item)

    def mark_announced(self, event: Event, now: datetime) -> None:
        with unless_in_vain():
            self.client.update_item(
                TableName=self.table,
                Key=keys.event(event.tenant_id, event.id),
                UpdateExpression="SET announced_at = if_not_exists(announced_at, :now)",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=marshal({":now": now}),
            )


def stored(event: Event) -> dict[str, Any]:
    partition = keys.tenant(event.tenant_id)
    item = {
        "id": event.id,
        "tenant_id": event.tenant_id,
        "account_id": event.account_id,
        "type": event.type,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "refs": dict(event.refs),
        "data": json.dumps(event.data),  # as text: what others send has floats and depths that DynamoDB refuses
        "expires_at": int(event.expires_at.timestamp()),
        "events_pk": partition,
        "events_sk": f"{text(event.occurred_at)}#{event.id}",
        "unread_pk": None if event.is_read else partition,
    }
    return {**keys.event(event.tenant_id, event.id), **marshal(item)}


def event_of(item: dict[str, Any]) -> Event:
    """From an item as DynamoDB gives it."""
    plain = unmarshal(item)
    return Event(
        id=plain["id"],
        tenant_id=plain["tenant_id"],
        account_id=plain.get("account_id"),
        type=plain["type"],
        occurred_at=datetime.fromisoformat(plain["occurred_at"]),
        received_at=datetime.fromisoformat(plain["received_at"]),
        refs=plain["refs"],
        data=json.loads(plain["data"]),
        is_read="unread_pk" not in plain,
    )
