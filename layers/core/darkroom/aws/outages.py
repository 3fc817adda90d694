"""
Outages in DynamoDB: one item for each step and signature that was reported, all in one partition, so that asking
whether there is an outage is one query. It goes from counting to open to closed, and back to counting.

Every change of those writes a `mark` of its own. A change is written only over the mark that was read, so that one
worker makes it; and one that finds its own mark made it, although the answer was lost and the SDK asked again.
"""

from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, text, translated, unmarshal
from darkroom.errors import StoreUnavailableError
from darkroom.outages import PROBE_EVERY, THRESHOLD, WINDOW, Outage, counted, is_news, opened, outage_id
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# While counting, an item changes at most once a GRAIN for each of less than THRESHOLD accounts.
_MOST_TRIES = 10
_IS_OPEN = "attribute_exists(opened_at) AND attribute_not_exists(closed_at)"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Stored(Value):
    mark: str | None = None
    seen: dict[str, datetime] = field(default_factory=dict)
    outage: Outage | None = None
    is_closed: bool = False

    @property
    def open(self) -> Outage | None:
        return None if self.is_closed else self.outage


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBOutages(Value):
    """Implements the `Outages` port of outages.py."""

    client: "DynamoDBClient"
    table: str

    def report(self, step: str, signature: str, account_id: str, now: datetime) -> Outage | None:
        wanted, mark = outage_id(step, signature), token_hex(8)
        for _ in range(_MOST_TRIES):
            stored = self._get(wanted)
            if stored.open is not None:
                if stored.mark == mark:
                    return stored.open
                self._put_probe_off(stored.open, now)
                return None
            if not is_news(stored.seen.get(account_id), now):
                return None
            seen = counted(stored.seen, account_id, now)
            outage = opened(wanted, now) if len(seen) >= THRESHOLD else None
            item = _open_item(outage) if outage else _counting_item(seen, now)
            if self._replace(wanted, stored.mark, {**item, "mark": mark}):
                return outage
        raise StoreUnavailableError

    def current(self) -> Outage | None:
        with translated():
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression="pk = :partition",
                FilterExpression=_IS_OPEN,
                ExpressionAttributeValues=marshal({":partition": keys.OUTAGE_PARTITION}),
                ConsistentRead=True,
            )
        found = [_outage(unmarshal(item)) for item in answer["Items"]]
        return min(found, key=lambda outage: (outage.opened_at, outage.id), default=None)

    def take_probe(self, outage: Outage, now: datetime) -> bool:
        values = {":opened_at": outage.opened_at, ":now": now, ":next": now + PROBE_EVERY}
        condition = f"{_IS_OPEN} AND opened_at = :opened_at AND probe_at <= :now"
        return self._update(outage.id, "SET probe_at = :next", values, condition) is not None

    def close(self, outage_id: str, now: datetime) -> Outage | None:
        mark = token_hex(8)
        values = {":now": now, ":mark": mark, ":expires_at": _expiry(now)}
        change = "SET closed_at = :now, mark = :mark, expires_at = :expires_at"
        stored = self._update(outage_id, change, values, _IS_OPEN) or self._get(outage_id)
        return stored.outage if stored.mark == mark else None

    def _put_probe_off(self, outage: Outage, now: datetime) -> None:
        if not is_news(outage.probe_at - PROBE_EVERY, now):
            return
        values = {":opened_at": outage.opened_at, ":next": now + PROBE_EVERY}
        condition = f"{_IS_OPEN} AND opened_at = :opened_at AND probe_at < :next"
        self._update(outage.id, "SET probe_at = :next", values, condition)

    def _get(self, outage_id: str) -> _Stored:
        with translated():
            answer = self.client.get_item(TableName=self.table, Key=keys.outage(outage_id), ConsistentRead=True)
        return _stored(unmarshal(answer["Item"])) if "Item" in answer else _Stored()

    def _replace(self, outage_id: str, mark: str | None, item: dict[str, Any]) -> bool:
        values: dict[str, Any] = {} if mark is None else {"ExpressionAttributeValues": marshal({":mark": mark})}
        try:
            with translated():
                self.client.put_item(
                    TableName=self.table,
                    Item={**keys.outage(outage_id), **marshal(item)},
                    ConditionExpression="attribute_not_exists(pk)" if mark is None else "mark = :mark",
                    **values,
                )
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True

    def _update(self, outage_id: str, change: str, values: dict[str, Any], condition: str) -> _Stored | None:
        """What the item is now; None where the condition did not hold."""
        try:
            with translated():
                answer = self.client.update_item(
                    TableName=self.table,
                    Key=keys.outage(outage_id),
                    UpdateExpression=change,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=marshal(values),
                    ReturnValues="ALL_NEW",
                )
        except ClientError as error:
            if is_condition_failure(error):
                return None
            raise
        return _stored(unmarshal(answer["Attributes"]))


def _counting_item(seen: dict[str, datetime], now: datetime) -> dict[str, Any]:
    return {"seen": {account: text(at) for account, at in seen.items()}, "expires_at": _expiry(now)}


def _open_item(outage: Outage) -> dict[str, Any]:
    """Never expires: an outage that began must also end."""
    return {"id": outage.id, "opened_at": outage.opened_at, "probe_at": outage.probe_at}


def _expiry(now: datetime) -> int:
    """When nothing in the item counts any more."""
    return int((now + WINDOW).timestamp())


def _stored(item: dict[str, Any]) -> _Stored:
    return _Stored(
        mark=item["mark"],
        seen={account: datetime.fromisoformat(at) for account, at in item.get("seen", {}).items()},
        outage=_outage(item) if "opened_at" in item else None,
        is_closed="closed_at" in item,
    )


def _outage(item: dict[str, Any]) -> Outage:
    return Outage(item["id"], datetime.fromisoformat(item["opened_at"]), datetime.fromisoformat(item["probe_at"]))
