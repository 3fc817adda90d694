"""Accounts in DynamoDB: the account, its encrypted token, and the claim that ties an Instagram account to a tenant."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.accounts import Account, AccountState
from darkroom.aws import keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, translated, unless_in_vain, unmarshal
from darkroom.aws.sealed import DOCUMENT, ONE_TOKEN, SealedToken
from darkroom.errors import ConflictError, NotFoundError
from darkroom.pages import Page, PageRequest, cursor

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from darkroom.aws.vault import Vault


@dataclass(frozen=True, slots=True)
class DynamoDBAccounts:
    """Implements the `Accounts` ports of all use cases but `connect`, which needs a vault: see ConnectingAccounts."""

    client: "DynamoDBClient"
    table: str

    def get(self, tenant_id: str, account_id: str) -> Account:
        item = self._item(keys.account(tenant_id, account_id))
        if item is None:
            raise NotFoundError
        return _account(item)

    def holder(self, ig_user_id: str) -> tuple[str, str] | None:
        item = self._item(keys.holder(ig_user_id))
        return (item["tenant_id"], item["account_id"]) if item else None

    def default_id(self, tenant_id: str) -> str | None:
        item = self._item(keys.default_account(tenant_id))
        return item["account_id"] if item else None

    def page(self, tenant_id: str, page: PageRequest) -> Page[Account]:
        """In the order in which they were first connected."""
        start: dict[str, Any] = {}
        if page.after is not None:
            start["ExclusiveStartKey"] = keys.account(tenant_id, page.after)
        with translated():
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={
                    ":pk": {"S": keys.tenant(tenant_id)},
                    ":prefix": {"S": keys.ACCOUNT_PREFIX},
                },
                Limit=page.limit + 1,  # one more tells whether there are more
                ConsistentRead=True,
                **start,
            )
        found = tuple(_account(unmarshal(item)) for item in answer["Items"])
        more = cursor(tenant_id, found[page.limit - 1].id) if len(found) > page.limit else None
        return Page(found[: page.limit], more)

    def choose_default(self, account: Account) -> None:
        with translated():
            self.client.update_item(
                TableName=self.table,
                Key=keys.default_account(account.tenant_id),
                UpdateExpression="SET account_id = :id",
                ExpressionAttributeValues={":id": {"S": account.id}},
            )

    def flag(self, account: Account, state: AccountState, problem: dict[str, Any]) -> None:
        """Nothing happens when the account was connected anew since it was read, or is gone."""
        values = {
            ":state": state.value,
            ":problem": json.dumps(problem),
            ":token_version": account.token_version,
            ":one": 1,
        }
        with unless_in_vain():
            self.client.update_item(
                TableName=self.table,
                Key=keys.account(account.tenant_id, account.id),
                UpdateExpression="SET #state = :state, last_problem = :problem ADD version :one",
                ConditionExpression="token_version = :token_version",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=marshal(values),
            )

    def mark_subscribed(self, account: Account) -> None:
        """Nothing happens when the account is gone."""
        with unless_in_vain():
            self.client.update_item(
                TableName=self.table,
                Key=keys.account(account.tenant_id, account.id),
                UpdateExpression="SET is_webhook_subscribed = :true ADD version :one",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=marshal({":true": True, ":one": 1}),
            )

    def erase(self, account: Account) -> None:
        """The default goes first: what stops half-way is found again by its id. Nothing happens the second time."""
        with unless_in_vain():
            self.client.delete_item(
                TableName=self.table,
                Key=keys.default_account(account.tenant_id),
                ConditionExpression="account_id = :id",
                ExpressionAttributeValues={":id": {"S": account.id}},
            )
        doomed = (
            keys.holder(account.ig_user_id),
            keys.account(account.tenant_id, account.id),
            keys.token(account.tenant_id, account.id),
        )
        deletes: list[Any] = [{"Delete": {"TableName": self.table, "Key": key}} for key in doomed]
        deletes[0]["Delete"] |= _held_by(account)
        with unless_in_vain():
            self.client.transact_write_items(TransactItems=deletes)

    def _item(self, key: keys.Key) -> dict[str, Any] | None:
        with translated():
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return unmarshal(answer["Item"]) if "Item" in answer else None


@dataclass(frozen=True, slots=True)
class DynamoDBTokens:
    """Implements the `Tokens` ports: only functions that may use the token key are built with it."""

    client: "DynamoDBClient"
    table: str
    vault: "Vault"

    def token(self, account: Account) -> str:
        """What acts for the account: with Facebook Login the Page's token."""
        return self._opened(account)["token"]

    def user_token(self, account: Account) -> str:
        """What renews the connection. Only Facebook Login has one beside the account's: the person's."""
        opened = self._opened(account)
        return opened.get("user_token", opened["token"])

    def _opened(self, account: Account) -> dict[str, str]:
        with translated():
            answer = self.client.get_item(
                TableName=self.table, Key=keys.token(account.tenant_id, account.id), ConsistentRead=True
            )
        if "Item" not in answer:
            raise NotFoundError("account_gone")
        sealed = sealed_of(unmarshal(answer["Item"]))
        secret = self.vault.open(sealed, account.tenant_id, account.id)
        tokens: dict[str, str] = json.loads(secret) if sealed.format == DOCUMENT else {"token": secret}
        return tokens


@dataclass(frozen=True, slots=True)
class ConnectingAccounts(DynamoDBAccounts):
    """Implements the `Accounts` port of connecting.py: may encrypt tokens."""

    vault: "Vault"

    def connect(self, account: Account, token: str, user_token: str | None = None) -> None:
        sealed = sealed_tokens(self.vault, account, token, user_token)
        puts = (
            (keys.holder(account.ig_user_id), {"tenant_id": account.tenant_id, "account_id": account.id}),
            (keys.account(account.tenant_id, account.id), _stored(account)),
            (
                keys.token(account.tenant_id, account.id),
                {**sealed_item(sealed), "token_version": account.token_version},
            ),
        )
        writes: list[Any] = [{"Put": {"TableName": self.table, "Item": {**key, **marshal(item)}}} for key, item in puts]
        held = _held_by(account)
        writes[0]["Put"] |= {
            **held,
            "ConditionExpression": f"attribute_not_exists(pk) OR ({held['ConditionExpression']})",
        }
        try:
            with translated():
                self.client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if is_condition_failure(error):
                raise ConflictError("account_connected_elsewhere") from error
            raise
        self._default_if_first(account)

    def _default_if_first(self, account: Account) -> None:
        with unless_in_vain():
            self.client.put_item(
                TableName=self.table,
                Item={**keys.default_account(account.tenant_id), "account_id": {"S": account.id}},
                ConditionExpression="attribute_not_exists(pk)",
            )


def _held_by(account: Account) -> dict[str, Any]:
    """The condition that this account holds the claim."""
    return {
        "ConditionExpression": "tenant_id = :tenant AND account_id = :account",
        "ExpressionAttributeValues": {":tenant": {"S": account.tenant_id}, ":account": {"S": account.id}},
    }


def sealed_tokens(vault: "Vault", account: Account, token: str, user_token: str | None) -> SealedToken:
    """Two tokens are sealed together, so that they are read and replaced together."""
    if user_token is None:
        return vault.seal(token, account.tenant_id, account.id, ONE_TOKEN)
    document = json.dumps({"token": token, "user_token": user_token})
    return vault.seal(document, account.tenant_id, account.id, DOCUMENT)


def sealed_item(sealed: SealedToken) -> dict[str, Any]:
    return {
        "ciphertext": sealed.ciphertext,
        "wrapped_key": sealed.wrapped_key,
        "key_arn": sealed.key_arn,
        "format": sealed.format,
    }


def sealed_of(item: dict[str, Any]) -> SealedToken:
    return SealedToken(item["ciphertext"], item["wrapped_key"], item["key_arn"], int(item["format"]))


_FIELDS = ("id", "tenant_id", "login", "ig_user_id", "app_scoped_id", "username", "name", "account_type", "page_id")


def _stored(account: Account) -> dict[str, Any]:
    return {
        **{name: getattr(account, name) for name in _FIELDS},
        "state": account.state.value,
        "scopes": account.scopes,
        "connected_at": account.connected_at,
        "token_expires_at": account.token_expires_at,
        "token_version": account.token_version,
        "is_webhook_subscribed": account.is_webhook_subscribed,
        "last_problem": json.dumps(account.last_problem) if account.last_problem else None,
        "version": account.version,
    }


def _account(item: dict[str, Any]) -> Account:
    text: dict[str, Any] = {name: item.get(name) for name in _FIELDS}
    return Account(
        **text,
        state=AccountState(item["state"]),
        scopes=tuple(item["scopes"]),
        connected_at=datetime.fromisoformat(item["connected_at"]),
        token_expires_at=datetime.fromisoformat(item["token_expires_at"]),
        token_version=int(item["token_version"]),
        is_webhook_subscribed=item["is_webhook_subscribed"],
        last_problem=json.loads(item["last_problem"]) if "last_problem" in item else None,
        version=int(item["version"]),
    )
