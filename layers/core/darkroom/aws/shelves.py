"""Where things of a tenant are kept, for an export. Only kinds that are named here ever leave: secrets are not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from darkroom.aws import deliveries, keys
from darkroom.aws.dynamodb import translated, unmarshal
from darkroom.exports import Record
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

# By what a sort key begins with. TOKEN# and SECRETS# are sealed secrets and stay.
OF_ACCOUNTS = {keys.ACCOUNT_PREFIX: "account", "DEFAULT": "default_account"}
OF_POSTS = {
    keys.POST_PREFIX: "post",
    "TIMELINE#": "timeline_entry",
    "FINGERPRINT#": "fingerprint",
    "QUOTA#": "quota",
}
OF_EVENTS = {
    keys.EVENT_PREFIX: "event",
    "MESSAGE#": "message",
    "THREAD#": "conversation",
    "COMMENTS#": "comment_count",
    "STORY#": "story_figures",
}
OF_ENDPOINTS = {keys.ENDPOINT_PREFIX: "endpoint", "DELIVERY#": "outgoing_delivery"}
_INDEXES = frozenset(
    {"pk", "sk", "account_pk", "open_pk", "open_since", "events_pk", "events_sk", "unread_pk", "due_pk", "look_at"}
)
_JSON_TEXTS = ("content", "data", "last_problem", "problem", "state")  # stored as text, and shown as what it means
_LONGEST_BODY = 1_000_000  # bytes; of what is longer only the key is told
_MOST_BYTES = 3_000_000  # of one page


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TenantItems(Value):
    """Implements the `Shelf` port of exporting.py: a tenant's partition of one table."""

    client: "DynamoDBClient"
    table: str
    kinds: Mapping[str, str]

    def page(self, tenant_id: str, after: str | None, limit: int) -> tuple[tuple[Record, ...], str | None]:
        partition = {"S": keys.tenant(tenant_id)}
        start: dict[str, Any] = {"ExclusiveStartKey": {"pk": partition, "sk": {"S": after}}} if after else {}
        with translated():
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": partition},
                Limit=limit,
                ConsistentRead=True,
                **start,
            )
        found = tuple(self._record(kind, item) for item in answer["Items"] if (kind := self._kind(item)))
        return found, answer["LastEvaluatedKey"]["sk"]["S"] if "LastEvaluatedKey" in answer else None

    def _kind(self, item: dict[str, Any]) -> str | None:
        return next((kind for prefix, kind in self.kinds.items() if item["sk"]["S"].startswith(prefix)), None)

    def _record(self, kind: str, item: dict[str, Any]) -> Record:
        shown = {name: _shown(name, value) for name, value in unmarshal(item).items() if name not in _INDEXES}
        return Record(kind=kind, key=item["sk"]["S"], record=shown)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TenantDeliveries(Value):
    """Implements the `Shelf` port of exporting.py: what Meta posted about a tenant's accounts, as it came."""

    client: "S3Client"
    bucket: str

    def page(self, tenant_id: str, after: str | None, limit: int) -> tuple[tuple[Record, ...], str | None]:
        prefix = deliveries.prefix_of(tenant_id)
        with translated():
            listed = self.client.list_objects_v2(
                Bucket=self.bucket, Prefix=prefix, StartAfter=after or prefix, MaxKeys=min(limit, 100)
            )
            found: list[Record] = []
            total = 0
            for each in listed.get("Contents", []):
                if total + each["Size"] > _MOST_BYTES and found:
                    return tuple(found), prefix + found[-1].key
                found.append(self._record(each["Key"], prefix, each["Size"]))
                total += min(each["Size"], _LONGEST_BODY)
        return tuple(found), listed["Contents"][-1]["Key"] if listed["IsTruncated"] else None

    def _record(self, key: str, prefix: str, size: int) -> Record:
        record: dict[str, Any] = {"bytes": size}
        if size <= _LONGEST_BODY:
            body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            record["body"] = body.decode(errors="replace")
        return Record(kind="delivery", key=key.removeprefix(prefix), record=record)


def _shown(name: str, value: Any) -> Any:
    if name in _JSON_TEXTS and isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return _plain(value)


def _plain(value: Any) -> Any:
    """What DynamoDB's deserializer makes of numbers, sets and bytes, as JSON has it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return value
