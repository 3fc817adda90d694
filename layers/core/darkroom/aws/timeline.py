"""
Timelines in DynamoDB: an item an entry, `TIMELINE#<post>#<time>#…` under its tenant beside the posts, so that reading
one is a query in order of time. Changes of state are written with the post itself (aws/posts.py), in one transaction.
"""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from darkroom import timeline
from darkroom.aws import keys
from darkroom.aws.dynamodb import marshal, text, translated, unmarshal
from darkroom.posts import Post, PostState
from darkroom.timeline import Entry

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_NUMBERS = ("status", "code", "error_subcode", "app_usage_percent", "account_usage_percent")
_TEXTS = ("step", "problem", "method", "path", "error", "fbtrace_id")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBTimeline:
    """Implements the `Timeline` ports of recording.py and recounting.py."""

    client: "DynamoDBClient"
    table: str

    def add(self, tenant_id: str, post_id: str, entry: Entry) -> None:
        """Not for states: those are written with their posts. Adding an entry twice makes two."""
        with translated():
            self.client.put_item(TableName=self.table, Item=_item(tenant_id, post_id, entry, secrets.token_hex(4)))

    def read(self, tenant_id: str, post_id: str, now: datetime, limit: int) -> tuple[Entry, ...]:
        """The newest entries in order of time; none that is to be forgotten, because TTL deletes late."""
        prefix = keys.timeline_prefix(post_id)
        values = {":pk": keys.tenant(tenant_id), ":oldest": prefix + text(now - timeline.KEPT), ":end": prefix + "~"}
        found: list[Entry] = []
        rest: dict[str, Any] = {}
        while len(found) < limit:
            with translated():
                answer = self.client.query(
                    TableName=self.table,
                    KeyConditionExpression="pk = :pk AND sk BETWEEN :oldest AND :end",
                    ExpressionAttributeValues=marshal(values),
                    ScanIndexForward=False,
                    Limit=limit - len(found),
                    ConsistentRead=True,
                    **rest,
                )
            found += [_entry(unmarshal(item)) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            rest = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return tuple(reversed(found))


def state_item(post: Post) -> dict[str, Any]:
    """The item of the state that this post has just come to."""
    return _item(post.tenant_id, post.id, timeline.arrival(post), f"v{post.version:06}")


def _item(tenant_id: str, post_id: str, entry: Entry, mark: str) -> dict[str, Any]:
    """`mark` tells apart what happened in the same microsecond."""
    own_forms = {
        "state": entry.state.value if entry.state else None,
        "duration_ms": Decimal(str(entry.duration_ms)) if entry.duration_ms is not None else None,
        "expires_at": int((entry.at + timeline.KEPT).timestamp()),
    }
    return {
        **keys.timeline(tenant_id, post_id, f"{text(entry.at)}#{mark}"),
        **marshal(asdict(entry) | own_forms),
    }


def _entry(item: dict[str, Any]) -> Entry:
    known: dict[str, Any] = {name: item.get(name) for name in _TEXTS}
    known |= {name: int(item[name]) for name in _NUMBERS if name in item}
    return Entry(
        **known,
        at=datetime.fromisoformat(item["at"]),
        kind=item["kind"],
        state=PostState(item["state"]) if "state" in item else None,
        duration_ms=float(item["duration_ms"]) if "duration_ms" in item else None,
    )
