"""
What an account leaves behind, kind by kind, and how it is erased: always by queries of one tenant's partition, a page
at a time. A new kind of thing that is stored for an account belongs here; tests/contracts/test_belongings.py finds one
that was forgotten.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from darkroom.aws import deliveries, keys
from darkroom.aws.dynamodb import translated
from darkroom.errors import StoreUnavailableError
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_scheduler import EventBridgeSchedulerClient

_MOST_IN_A_BATCH = 25  # of BatchWriteItem
_MOST_TRIES = 5  # of a batch that was done in part

type Steps = Iterator[tuple[int, str | None]]
type Asked = Callable[[str, str], dict[str, Any]]
"""The arguments of a query, from tenant and account id."""


def with_prefix(prefix: Callable[[str], str]) -> Asked:
    """Items of the tenant whose sort key begins so, by account id."""

    def asked(tenant_id: str, account_id: str) -> dict[str, Any]:
        values = {":pk": {"S": keys.tenant(tenant_id)}, ":prefix": {"S": prefix(account_id)}}
        return {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }

    return asked


def of_account(tenant_id: str, account_id: str) -> dict[str, Any]:
    """Items of the tenant that say whose they are. Reads all of them."""
    return {
        "KeyConditionExpression": "pk = :pk",
        "FilterExpression": "account_id = :account",
        "ExpressionAttributeValues": {":pk": {"S": keys.tenant(tenant_id)}, ":account": {"S": account_id}},
        "ConsistentRead": True,
    }


def answers_about(tenant_id: str, account_id: str) -> dict[str, Any]:
    """Kept answers that name the account, of the tenant's last seven days."""
    return {
        "IndexName": keys.BY_TENANT,
        "KeyConditionExpression": "tenant_pk = :pk",
        "FilterExpression": "contains(answer, :account)",
        "ExpressionAttributeValues": {":pk": {"S": keys.tenant(tenant_id)}, ":account": {"S": account_id}},
    }


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Items(Value):
    """Implements the `Belongings` port of erasing.py for what one query finds."""

    client: "DynamoDBClient"
    table: str
    kind: str
    asked: Asked

    def erase(self, tenant_id: str, account_id: str, after: str | None) -> Steps:
        """Goes on where it stopped: what a query passes over, because it is of others, is still there the next time."""
        for found, rest in pages(self.client, self.table, self.asked(tenant_id, account_id), after):
            delete(self.client, self.table, found)
            yield len(found), rest


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Posts(Value):
    """Posts with their schedules and timelines, these first: without its post nobody would find them."""

    client: "DynamoDBClient"
    table: str
    scheduler: "EventBridgeSchedulerClient"
    schedule_group: str
    kind: str = "posts"

    def erase(self, tenant_id: str, account_id: str, _after: str | None) -> Steps:
        for found, _ in pages(self.client, self.table, self._of(tenant_id, account_id)):
            for item in found:
                yield from self._erase_what_hangs_on(tenant_id, item)
            delete(self.client, self.table, found)
            yield len(found), None  # all that is found is erased, so the next time begins with what is left

    def _of(self, tenant_id: str, account_id: str) -> dict[str, Any]:
        return {
            "IndexName": keys.BY_ACCOUNT,
            "KeyConditionExpression": "account_pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": keys.account_posts(tenant_id, account_id)}},
            "ProjectionExpression": "pk, sk, publish_at",
        }

    def _erase_what_hangs_on(self, tenant_id: str, item: dict[str, Any]) -> Steps:
        _, post_id = keys.post_of(item["pk"]["S"], item["sk"]["S"])
        if "publish_at" in item:
            self._unschedule(post_id)
        timeline = with_prefix(keys.timeline_prefix)(tenant_id, post_id)
        for entries, _ in pages(self.client, self.table, timeline):
            delete(self.client, self.table, entries)
            yield 0, None  # they are part of their post

    def _unschedule(self, post_id: str) -> None:
        try:
            with translated():
                self.scheduler.delete_schedule(Name=post_id, GroupName=self.schedule_group)
        except self.scheduler.exceptions.ResourceNotFoundException:
            return  # it has fired
        except self.scheduler.exceptions.ConflictException as error:
            raise StoreUnavailableError from error


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Consents(Value):
    """Whoever has ever let us use the account, by either login: of the account nothing is left to withdraw."""

    client: "DynamoDBClient"
    table: str
    kind: str = "consents"

    def erase(self, tenant_id: str, account_id: str, _after: str | None) -> Steps:
        partition = {":pk": {"S": keys.consents(tenant_id, account_id)}}
        asked = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": partition, "ConsistentRead": True}
        for found, _ in pages(self.client, self.table, asked):
            people = (keys.person_of_consent(item["sk"]["S"]) for item in found)
            given = [keys.consent(*person, tenant_id, account_id) for person in people]
            delete(self.client, self.table, [*given, *found])  # these last: they are how the others are found
            yield len(found), None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RawDeliveries(Value):
    """What Meta posted about the account, as it came."""

    client: "S3Client"
    bucket: str
    kind: str = "deliveries"

    def erase(self, tenant_id: str, account_id: str, _after: str | None) -> Steps:
        prefix = deliveries.prefix_of(tenant_id, account_id)
        listed = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        with translated():
            for page in listed:
                found: list[Any] = [{"Key": each["Key"]} for each in page.get("Contents", [])]
                if found:
                    self._delete(found)
                yield len(found), None

    def _delete(self, found: list[Any]) -> None:
        answer = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": found, "Quiet": True})
        if answer.get("Errors"):
            raise StoreUnavailableError


def pages(
    client: "DynamoDBClient", table: str, asked: dict[str, Any], after: str | None = None
) -> Iterator[tuple[list[dict[str, Any]], str | None]]:
    """
    Keys of what a query finds, unless it asks for more: an index may know no more. A page may well be empty. With each
    comes what to ask `after` if this was the last one for now; after the end of all, the last page again.
    """
    request = {"TableName": table, "ProjectionExpression": "pk, sk", **asked}
    while True:
        start: dict[str, Any] = {"ExclusiveStartKey": json.loads(after)} if after else {}
        with translated():
            answer = client.query(**request, **start)
        has_more = "LastEvaluatedKey" in answer
        after = json.dumps(answer["LastEvaluatedKey"]) if has_more else after
        yield answer["Items"], after
        if not has_more:
            return


def delete(client: "DynamoDBClient", table: str, found: Iterable[dict[str, Any]]) -> None:
    """What is gone already is fine. StoreUnavailableError when some are left."""
    for batch in batched(found, _MOST_IN_A_BATCH, strict=False):
        wishes: Any = {table: [{"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}} for item in batch]}
        for _ in range(_MOST_TRIES):
            with translated():
                wishes = client.batch_write_item(RequestItems=wishes)["UnprocessedItems"]
            if not wishes:
                break
        else:
            raise StoreUnavailableError
