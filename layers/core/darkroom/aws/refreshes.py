"""Accounts as the refresher sees them: an index of what is due, a lease, and a token replaced by its successor."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any

from botocore.exceptions import ClientError

from darkroom.accounts import Account, AccountState
from darkroom.aws import keys
from darkroom.aws.accounts import (
    REFRESH_AT,
    SAME_TOKEN,
    DynamoDBAccounts,
    sealed_item,
    sealed_of,
    two_tokens,
    update_of,
)
from darkroom.aws.dynamodb import is_condition_failure, marshal, text, translated, unless_in_vain, unmarshal
from darkroom.aws.sealed import DOCUMENT, SealedToken
from darkroom.aws.vault import DataKey, Vault
from darkroom.errors import ConflictError, NotFoundError
from darkroom.refreshes import Due, Successor
from darkroom.values import Value

_RENEWED = (
    "state",
    "token_issued_at",
    "token_expires_at",
    "token_version",
    "last_problem",
    "warned_days",
    "untold",
    "leased_until",
    "leased_by",
    *REFRESH_AT,
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBRefreshes(DynamoDBAccounts):
    """Implements the `Accounts` ports of dispatching.py and refreshing.py. Opens no token."""

    def due_before(self, moment: datetime, limit: int, after: Due | None) -> tuple[Due, ...]:
        start: dict[str, Any] = {"ExclusiveStartKey": _place(after)} if after else {}
        with translated():
            answer = self.client.query(
                TableName=self.table,
                IndexName=keys.REFRESH_DUE,
                KeyConditionExpression="refresh_pk = :pk AND refresh_at < :moment",
                ExpressionAttributeValues={":pk": {"S": keys.REFRESH_PARTITION}, ":moment": {"S": text(moment)}},
                Limit=limit,
                **start,
            )
        return tuple(_due(unmarshal(item)) for item in answer["Items"])

    def put_off(self, due: Due, until: datetime) -> None:
        with unless_in_vain():
            self.client.update_item(
                TableName=self.table,
                Key=keys.account(due.tenant_id, due.account_id),
                UpdateExpression="SET refresh_at = :until",
                ConditionExpression="refresh_at = :seen",
                ExpressionAttributeValues=marshal({":until": until, ":seen": due.refresh_at}),
            )

    def lease(self, account: Account, now: datetime, until: datetime) -> bool:
        """
        Not a field of the account: nobody else has any use for it. A new connection or token begins without. The SDK
        sends again when an answer is lost: `leased_by` lets whoever has the lease already find that out.
        """
        values = {":token_version": account.token_version, ":until": until, ":now": now, ":me": token_hex(8)}
        is_free = "(attribute_not_exists(leased_until) OR leased_until <= :now OR leased_by = :me)"
        try:
            with translated():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.account(account.tenant_id, account.id),
                    UpdateExpression="SET leased_until = :until, leased_by = :me",
                    ConditionExpression=f"{SAME_TOKEN} AND {is_free}",
                    ExpressionAttributeValues=marshal(values),
                )
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True

    def look_again(self, account: Account, seen: Account) -> bool:
        return self.changed(account, ("last_problem", "warned_days", "untold", *REFRESH_AT), seen)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VaultedRenewals(Value):
    """Implements the `Renewals` port of refreshing.py: may decrypt tokens and encrypt them."""

    accounts: DynamoDBAccounts
    vault: Vault

    def open(self, account: Account) -> "VaultedRenewal":
        with translated():
            answer = self.accounts.client.get_item(
                TableName=self.accounts.table, Key=keys.token(account.tenant_id, account.id), ConsistentRead=True
            )
        if "Item" not in answer:
            raise NotFoundError("account_gone")
        item = unmarshal(answer["Item"])
        if int(item["token_version"]) != account.token_version:
            raise ConflictError
        sealed = sealed_of(item)
        secret = self.vault.open(sealed, account.tenant_id, account.id)
        token: str = json.loads(secret)["user_token"] if sealed.format == DOCUMENT else secret
        return VaultedRenewal(self.accounts, token, self.vault.new_key(account.tenant_id, account.id))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VaultedRenewal(Value):
    accounts: DynamoDBAccounts
    token: str = field(repr=False)
    key: DataKey

    def keep(self, renewed: Account, successor: Successor) -> None:
        """The condition fails also for the second of two attempts of which the first one's answer was lost."""
        update = update_of(renewed, _RENEWED, "token_version = :before", {":before": renewed.token_version - 1})
        sealed = marshal(sealed_item(self._sealed(successor), renewed.token_version))
        table = {"TableName": self.accounts.table}
        put = table | {"Item": keys.token(renewed.tenant_id, renewed.id) | sealed}
        writes: Any = [{"Update": table | update}, {"Put": put}]
        try:
            with translated():
                self.accounts.client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            if not self._is_kept(renewed):
                raise ConflictError from error

    def _sealed(self, successor: Successor) -> SealedToken:
        if successor.user_token is None:
            return self.key.seal(successor.token)
        return self.key.seal(two_tokens(successor.token, successor.user_token), DOCUMENT)

    def _is_kept(self, renewed: Account) -> bool:
        """By this refresh: no two begin at the same microsecond, and a connection has a time of its own."""
        try:
            stored = self.accounts.get(renewed.tenant_id, renewed.id)
        except NotFoundError:
            return False
        ours = (renewed.token_version, renewed.token_issued_at)
        return (stored.token_version, stored.token_issued_at) == ours


def _place(due: Due) -> Any:
    """Of an entry in the index."""
    place = {"refresh_pk": keys.REFRESH_PARTITION, "refresh_at": due.refresh_at}
    return keys.account(due.tenant_id, due.account_id) | marshal(place)


def _due(item: dict[str, Any]) -> Due:
    return Due(
        tenant_id=item["tenant_id"],
        account_id=item["id"],
        refresh_at=datetime.fromisoformat(item["refresh_at"]),
        state=AccountState(item["state"]),
        token_version=int(item["token_version"]),
        token_expires_at=datetime.fromisoformat(item["token_expires_at"]),
    )
