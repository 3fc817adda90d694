"""Idempotency records in DynamoDB: one item a key, written before the request runs and answered from after."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, translated, unmarshal
from darkroom.idempotency import Record

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBIdempotency:
    """Implements the `Records` port of idempotency.py. TTL deletes late, so `add` replaces what has expired."""

    client: "DynamoDBClient"
    table: str

    def add(self, record: Record, now: datetime) -> Record | None:
        try:
            with translated():
                self.client.put_item(
                    TableName=self.table,
                    Item={**keys.idempotency(record.digest), **marshal(_item(record))},
                    ConditionExpression="attribute_not_exists(pk) OR expires_at <= :now",
                    ExpressionAttributeValues=marshal({":now": int(now.timestamp())}),
                )
        except ClientError as error:
            if is_condition_failure(error):
                return self._get(record.digest) or self.add(record, now)  # removed between the two: free again
            raise
        return None

    def take_over(self, record: Record, locked_until: datetime) -> bool:
        return self._update(
            record,
            "SET locked_until = :new",
            {":new": locked_until.timestamp(), ":old": record.locked_until},
            "locked_until = :old AND attribute_not_exists(answer)",
        )

    def finish(self, record: Record, answer: str, tenant_id: str) -> None:
        values = {":answer": answer, ":none": 0, ":tenant": keys.tenant(tenant_id)}
        change = "SET answer = :answer, locked_until = :none, tenant_pk = :tenant"
        self._update(record, change, values, "attribute_exists(pk)")

    def release(self, record: Record) -> None:
        condition = "attribute_exists(pk) AND attribute_not_exists(answer)"
        self._update(record, "SET locked_until = :none", {":none": 0}, condition)

    def remove(self, record: Record) -> None:
        with translated():
            self.client.delete_item(TableName=self.table, Key=keys.idempotency(record.digest))

    def _get(self, digest: str) -> Record | None:
        with translated():
            answer = self.client.get_item(TableName=self.table, Key=keys.idempotency(digest), ConsistentRead=True)
        return _record(digest, unmarshal(answer["Item"])) if "Item" in answer else None

    def _update(self, record: Record, expression: str, values: dict[str, Any], condition: str) -> bool:
        try:
            with translated():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.idempotency(record.digest),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=marshal({name: _number(value) for name, value in values.items()}),
                )
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True


def _number(value: Any) -> Any:
    """Seconds, whole: DynamoDB takes no float, and nothing here needs less."""
    return int(value) if isinstance(value, float) else value


def _item(record: Record) -> dict[str, Any]:
    return {
        "body_hash": record.body_hash,
        "ulid": record.ulid,
        "locked_until": record.locked_until,
        "expires_at": record.expires_at,
        "answer": record.answer,
    }


def _record(digest: str, item: dict[str, Any]) -> Record:
    return Record(
        digest=digest,
        body_hash=item["body_hash"],
        ulid=item["ulid"],
        locked_until=int(item["locked_until"]),
        expires_at=int(item["expires_at"]),
        answer=item.get("answer"),
    )
