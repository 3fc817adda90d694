"""Deliveries in DynamoDB: one item an event and endpoint; the sparse index Due finds what has an attempt before it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, moment, text, translated, unless_in_vain, unmarshal
from darkroom.errors import ConflictError, NotFoundError
from darkroom.outgoing_deliveries import Attempt, DeliveryTask, OutgoingDelivery
from darkroom.pages import Page, PageRequest, cursor
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# A new delivery is queued by whoever made it; by then the sweep may look whether that went wrong.
_QUEUED_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBOutgoingDeliveries(Value):
    """Implements the `Deliveries` ports of fanning_out.py, delivering.py and registering.py."""

    client: "DynamoDBClient"
    table: str
    now: Callable[[], datetime]

    def add(self, delivery: OutgoingDelivery) -> bool:
        """Whether it is new."""
        look_at = delivery.due_at + _QUEUED_WITHIN if delivery.due_at else None
        try:
            with translated():
                self.client.put_item(
                    TableName=self.table,
                    Item={**_key(delivery), **marshal(_stored(delivery) | _dueness(delivery, look_at))},
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True

    def get(self, tenant_id: str, endpoint_id: str, delivery_id: str) -> OutgoingDelivery:
        """Raises NotFoundError, also for one that has expired and still lies there."""
        with translated():
            answer = self.client.get_item(
                TableName=self.table, Key=keys.delivery(tenant_id, endpoint_id, delivery_id), ConsistentRead=True
            )
        if "Item" not in answer or not self._is_kept(answer["Item"]):
            raise NotFoundError
        return _delivery(unmarshal(answer["Item"]))

    def save(self, delivery: OutgoingDelivery) -> OutgoingDelivery:
        """Raises ConflictError when somebody else has saved it meanwhile."""
        saved = replace(delivery, version=delivery.version + 1)
        try:
            with translated():
                self.client.put_item(
                    TableName=self.table,
                    Item={**_key(saved), **marshal(_stored(saved) | _dueness(saved, saved.due_at))},
                    ConditionExpression="version = :expected",
                    ExpressionAttributeValues=marshal({":expected": delivery.version}),
                )
        except ClientError as error:
            if is_condition_failure(error):
                raise ConflictError from error
            raise
        return saved

    def page(self, tenant_id: str, endpoint_id: str, page: PageRequest) -> Page[OutgoingDelivery]:
        """Newest first."""
        start: dict[str, Any] = {}
        if page.after is not None:
            start["ExclusiveStartKey"] = keys.delivery(tenant_id, endpoint_id, page.after)
        with translated():
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                ExpressionAttributeValues=marshal(
                    {":pk": keys.tenant(tenant_id), ":prefix": keys.delivery_prefix(endpoint_id)}
                ),
                ScanIndexForward=False,
                Limit=page.limit + 1,  # one more tells whether there are more
                **start,
            )
        found = [_delivery(unmarshal(item)) for item in answer["Items"] if self._is_kept(item)]
        more = cursor(tenant_id, found[page.limit - 1].id) if len(found) > page.limit else None
        return Page(tuple(found[: page.limit]), more)

    def due_before(self, moment: datetime, limit: int) -> tuple[DeliveryTask, ...]:
        """Eventually consistent: an attempt may have been made since."""
        with translated():
            answer = self.client.query(
                TableName=self.table,
                IndexName=keys.DUE,
                KeyConditionExpression="due_pk = :due AND look_at < :moment",
                ExpressionAttributeValues=marshal({":due": keys.DUE_PARTITION, ":moment": moment}),
                Limit=limit,
            )
        return tuple(DeliveryTask(*keys.delivery_of(item["pk"]["S"], item["sk"]["S"])) for item in answer["Items"])

    def look_again_after(self, tasks: Iterable[DeliveryTask], seen: datetime, moment: datetime) -> None:
        for task in tasks:
            with unless_in_vain():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.delivery(task.tenant_id, task.endpoint_id, task.delivery_id),
                    UpdateExpression="SET look_at = :moment",
                    ConditionExpression="due_pk = :due AND look_at < :seen",
                    ExpressionAttributeValues=marshal({":moment": moment, ":due": keys.DUE_PARTITION, ":seen": seen}),
                )

    def _is_kept(self, item: dict[str, Any]) -> bool:
        return int(item["expires_at"]["N"]) > self.now().timestamp()


def _key(delivery: OutgoingDelivery) -> keys.Key:
    return keys.delivery(delivery.tenant_id, delivery.endpoint_id, delivery.id)


def _dueness(delivery: OutgoingDelivery, look_at: datetime | None) -> dict[str, Any]:
    """Only pending deliveries have these, and so only they are in the Due index."""
    if delivery.state != "pending":
        return {}
    return {"due_pk": keys.DUE_PARTITION, "look_at": look_at}


_TEXTS = ("id", "tenant_id", "endpoint_id", "event_id", "event_type", "state", "failure")


def _stored(delivery: OutgoingDelivery) -> dict[str, Any]:
    return {
        **{name: getattr(delivery, name) for name in _TEXTS},
        "created_at": delivery.created_at,
        "due_at": delivery.due_at,
        "attempts": [_attempt_item(attempt) for attempt in delivery.attempts],
        "failures": delivery.failures,
        "version": delivery.version,
        "expires_at": int(delivery.expires_at.timestamp()),
    }


def _attempt_item(attempt: Attempt) -> dict[str, Any]:
    facts = {"at": text(attempt.at), "status": attempt.status, "failure": attempt.failure}
    return {name: value for name, value in facts.items() if value is not None} | {"duration_ms": attempt.duration_ms}


def _delivery(item: dict[str, Any]) -> OutgoingDelivery:
    texts: dict[str, Any] = {name: item.get(name) for name in _TEXTS}
    return OutgoingDelivery(
        **texts,
        created_at=datetime.fromisoformat(item["created_at"]),
        due_at=moment(item.get("due_at")),
        attempts=tuple(_attempt(each) for each in item["attempts"]),
        failures=int(item["failures"]),
        version=int(item["version"]),
    )


def _attempt(stored: dict[str, Any]) -> Attempt:
    return Attempt(
        at=datetime.fromisoformat(stored["at"]),
        status=int(stored["status"]) if "status" in stored else None,
        failure=stored.get("failure"),
        duration_ms=int(stored["duration_ms"]),
    )
