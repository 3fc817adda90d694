"""Deletions in DynamoDB: beside the accounts, because asking for one erases them in the same transaction."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.accounts import Account, Consent
from darkroom.aws import keys
from darkroom.aws.accounts import consent, erasing
from darkroom.aws.dynamodb import (
    attribute,
    is_condition_failure,
    marshal,
    moment,
    translated,
    unless_in_vain,
    unmarshal,
)
from darkroom.deletions import Deletion, Doomed, Place
from darkroom.errors import ConflictError, NotFoundError
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_PLACE = ("tenant_id", "account_id", "kind", "after")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBDeletions(Value):
    """Implements the `Deletions` port of erasing.py."""

    client: "DynamoDBClient"
    table: str

    def latest(self, user_hash: str) -> Deletion | None:
        item = self._item(keys.latest_deletion(user_hash))
        return self.get(item["code"]) if item else None

    def get(self, code: str) -> Deletion:
        item = self._item(keys.deletion(code))
        if item is None:
            raise NotFoundError
        return _deletion(item)

    def add(self, deletion: Deletion, instead_of: Deletion | None) -> None:
        values = {":before": {"S": instead_of.code}} if instead_of else None
        latest = self._put(keys.latest_deletion(deletion.user_hash), {"code": deletion.code})
        latest["Put"]["ConditionExpression"] = "code = :before" if instead_of else "attribute_not_exists(pk)"
        if values:
            latest["Put"]["ExpressionAttributeValues"] = values
        self._all_or_nothing(
            latest,
            self._put(keys.deletion(deletion.code), _stored(deletion)),
            self._put(keys.open_deletion(deletion.code), {"requested_at": deletion.requested_at}),
        )

    def doom(self, deletion: Deletion, consents: tuple[Consent, ...]) -> None:
        more = [{"tenant_id": each.tenant_id, "account_id": each.account_id} for each in consents]
        update = {
            "TableName": self.table,
            "Key": keys.deletion(deletion.code),
            "UpdateExpression": "SET accounts = list_append(accounts, :more),"
            " erased.accounts = if_not_exists(erased.accounts, :zero) + :number",
            "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(done_at)",
            "ExpressionAttributeValues": marshal({":more": more, ":zero": 0, ":number": len(more)}),
        }
        self._all_or_nothing({"Update": update}, *(write for each in consents for write in self._withdrawing(each)))
        for each in consents:
            self._forget_default(each)

    def note(self, deletion: Deletion, place: Place | None, erased: Mapping[str, int], now: datetime) -> bool:
        names = {f"#{number}": kind for number, kind in enumerate(kind for kind in erased if erased[kind])}
        counts = [f"erased.{name} = if_not_exists(erased.{name}, :zero) + :{name[1:]}" for name in names]
        values: dict[str, Any] = {f":{name[1:]}": erased[kind] for name, kind in names.items()}
        values |= {":zero": 0} if names else {}
        changes = ", ".join(["place = :place", "runs = :runs", "seen_at = :now", *counts])
        values |= {":place": _place(place), ":runs": deletion.runs + 1, ":now": now, ":before": deletion.runs}
        named: Any = {"ExpressionAttributeNames": names} if names else {}
        try:
            with translated():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.deletion(deletion.code),
                    UpdateExpression=f"SET {changes}",
                    ConditionExpression="runs = :before AND attribute_not_exists(done_at)",
                    ExpressionAttributeValues={name: attribute(value) for name, value in values.items()},
                    **named,
                )
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True

    def finish(self, deletion: Deletion, now: datetime) -> bool:
        values = {":now": now, ":accounts": _plain(deletion), ":none": []}
        update = {
            "TableName": self.table,
            "Key": keys.deletion(deletion.code),
            "UpdateExpression": "SET done_at = :now, accounts = :none REMOVE place",
            "ConditionExpression": "accounts = :accounts AND attribute_not_exists(done_at)",
            "ExpressionAttributeValues": marshal(values),
        }
        delete = {"TableName": self.table, "Key": keys.open_deletion(deletion.code)}
        try:
            self._all_or_nothing({"Update": update}, {"Delete": delete})
        except ConflictError:
            return self.get(deletion.code).is_done
        return True

    def open_before(self, moment: datetime) -> Iterator[Deletion]:
        """In no order."""
        request: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": "requested_at < :moment",
            "ExpressionAttributeValues": marshal({":pk": keys.OPEN_DELETIONS, ":moment": moment}),
        }
        while True:
            with translated():
                answer = self.client.query(**request)
            for item in answer["Items"]:
                yield self.get(item["sk"]["S"].removeprefix(keys.OPEN_DELETION_PREFIX))
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _withdrawing(self, withdrawn: Consent) -> Iterator[dict[str, Any]]:
        """That of the connection goes too, whoever gave it; the job finds the others by the account."""
        named = keys.consent(withdrawn.login, withdrawn.app_scoped_id, withdrawn.tenant_id, withdrawn.account_id)
        yield {"Delete": {"TableName": self.table, "Key": named, "ConditionExpression": "attribute_exists(pk)"}}
        if withdrawn.account is not None:
            yield from self._erasing(withdrawn.account)
            if not withdrawn.is_current:
                yield {"Delete": {"TableName": self.table, "Key": consent(withdrawn.account)}}

    def _erasing(self, account: Account) -> Iterator[dict[str, Any]]:
        """On condition that nobody has connected it anew since it was read."""
        for write in erasing(self.table, account):
            if write["Delete"]["Key"] == keys.account(account.tenant_id, account.id):
                write["Delete"] |= {
                    "ConditionExpression": "connected_at = :connected_at",
                    "ExpressionAttributeValues": marshal({":connected_at": account.connected_at}),
                }
            yield write

    def _forget_default(self, withdrawn: Consent) -> None:
        with unless_in_vain():
            self.client.delete_item(
                TableName=self.table,
                Key=keys.default_account(withdrawn.tenant_id),
                ConditionExpression="account_id = :id",
                ExpressionAttributeValues={":id": {"S": withdrawn.account_id}},
            )

    def _put(self, key: keys.Key, item: dict[str, Any]) -> dict[str, Any]:
        return {"Put": {"TableName": self.table, "Item": {**key, **marshal(item)}}}

    def _all_or_nothing(self, *writes: Any) -> None:
        try:
            with translated():
                self.client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if is_condition_failure(error):
                raise ConflictError from error
            raise

    def _item(self, key: keys.Key) -> dict[str, Any] | None:
        with translated():
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return unmarshal(answer["Item"]) if "Item" in answer else None


def _stored(deletion: Deletion) -> dict[str, Any]:
    return {
        "code": deletion.code,
        "user_hash": deletion.user_hash,
        "requested_at": deletion.requested_at,
        "accounts": _plain(deletion),
        "done_at": deletion.done_at,
        "erased": dict(deletion.erased),
        "place": _place(deletion.place),
        "runs": deletion.runs,
        "seen_at": deletion.seen_at,
    }


def _place(place: Place | None) -> dict[str, str | None] | None:
    return {name: getattr(place, name) for name in _PLACE} if place else None


def _plain(deletion: Deletion) -> list[dict[str, str]]:
    return [{"tenant_id": each.tenant_id, "account_id": each.account_id} for each in deletion.accounts]


def _deletion(item: dict[str, Any]) -> Deletion:
    return Deletion(
        code=item["code"],
        user_hash=item["user_hash"],
        requested_at=datetime.fromisoformat(item["requested_at"]),
        accounts=tuple(Doomed(**each) for each in item["accounts"]),
        done_at=moment(item.get("done_at")),
        erased={kind: int(number) for kind, number in item["erased"].items()},
        place=Place(**item["place"]) if item.get("place") else None,
        runs=int(item["runs"]),
        seen_at=moment(item.get("seen_at")),
    )
