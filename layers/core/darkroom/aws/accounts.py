"""Accounts in DynamoDB: the account, its encrypted token, and the claim that ties an Instagram account to a tenant."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.accounts import Account, AccountState
from darkroom.aws import keys
from darkroom.aws.dynamodb import (
    is_condition_failure,
    is_first_condition,
    marshal,
    moment,
    translated,
    unless_in_vain,
    unmarshal,
)
from darkroom.aws.sealed import DOCUMENT, ONE_TOKEN, SealedToken
from darkroom.errors import AccountUnavailableError, ConflictError, DarkroomError, NotFoundError
from darkroom.pages import Page, PageRequest, cursor
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from darkroom.aws.vault import Vault

REFRESH_AT = ("refresh_at", "refresh_pk")  # the second one puts the account into the index
SAME_TOKEN = "token_version = :token_version"  # noqa: S105 — a condition, no secret


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBAccounts(Value):
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

    def flag(self, account: Account, seen: Account) -> bool:
        return self.changed(account, ("state", "last_problem", "untold", *REFRESH_AT), seen)

    def mark_told(self, account: Account, look_at: datetime | None) -> None:
        told = replace(account, untold=(), refresh_at=look_at)
        self.changed(told, ("untold", *REFRESH_AT), account)

    def changed(self, account: Account, names: tuple[str, ...], seen: Account) -> bool:
        """Whether it stood as in `seen`, and so these fields are stored as the account has them now."""
        stood = {":token_version": seen.token_version, ":stood": seen.state.value, ":told": _untold(seen)}
        untold = "attribute_not_exists(untold)" if stood[":told"] is None else "untold = :told"
        update = update_of(account, names, f"{SAME_TOKEN} AND #state = :stood AND {untold}", stood)
        update["ExpressionAttributeNames"]["#state"] = "state"
        try:
            with translated():
                self.client.update_item(TableName=self.table, **update)
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True

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
        with unless_in_vain():
            self.client.transact_write_items(TransactItems=erasing(self.table, account))

    def _item(self, key: keys.Key) -> dict[str, Any] | None:
        with translated():
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return unmarshal(answer["Item"]) if "Item" in answer else None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBTokens(Value):
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
            raise _tokenless(account)
        sealed = sealed_of(unmarshal(answer["Item"]))
        secret = self.vault.open(sealed, account.tenant_id, account.id)
        tokens: dict[str, str] = json.loads(secret) if sealed.format == DOCUMENT else {"token": secret}
        return tokens


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConnectingAccounts(DynamoDBAccounts):
    """Implements the `Accounts` port of connecting.py: may encrypt tokens."""

    vault: "Vault"

    def connect(self, account: Account, token: str, user_token: str | None = None) -> None:
        sealed = sealed_tokens(self.vault, account, token, user_token)
        puts: tuple[tuple[keys.Key, dict[str, Any]], ...] = (
            (keys.holder(account.ig_user_id), {"tenant_id": account.tenant_id, "account_id": account.id}),
            (keys.account(account.tenant_id, account.id), _stored(account)),
            (keys.token(account.tenant_id, account.id), sealed_item(sealed, account.token_version)),
            (consent(account), {"given_at": account.connected_at}),
            (_consent_by_account(account), {}),
        )
        writes: list[Any] = [{"Put": {"TableName": self.table, "Item": {**key, **marshal(item)}}} for key, item in puts]
        held = _held_by(account)
        writes[0]["Put"] |= {
            **held,
            "ConditionExpression": f"attribute_not_exists(pk) OR ({held['ConditionExpression']})",
        }
        writes[1]["Put"] |= _follows(account)
        try:
            with translated():
                self.client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            is_theirs = is_first_condition(error)
            raise ConflictError("account_connected_elsewhere" if is_theirs else None) from error
        self._default_if_first(account)

    def _default_if_first(self, account: Account) -> None:
        with unless_in_vain():
            self.client.put_item(
                TableName=self.table,
                Item={**keys.default_account(account.tenant_id), "account_id": {"S": account.id}},
                ConditionExpression="attribute_not_exists(pk)",
            )


def _tokenless(account: Account) -> DarkroomError:
    """Its owner has removed the app, which leaves the account and erases the token; or the account is gone."""
    if account.state is AccountState.REAUTHORIZATION_REQUIRED:
        return AccountUnavailableError()
    return NotFoundError("account_gone")


def erasing(table: str, account: Account) -> list[Any]:
    """
    The writes that erase an account, its token and its claim, on condition that it holds the claim. Who let us use it
    stays: they may want deleted what it leaves.
    """
    doomed = (
        keys.holder(account.ig_user_id),
        keys.account(account.tenant_id, account.id),
        keys.token(account.tenant_id, account.id),
    )
    deletes: list[Any] = [{"Delete": {"TableName": table, "Key": key}} for key in doomed]
    deletes[0]["Delete"] |= _held_by(account)
    return deletes


def consent(account: Account) -> keys.Key:
    """What ties the account to the person who let us use it: Meta's callbacks name that person and nothing else."""
    return keys.consent(account.login, account.app_scoped_id, account.tenant_id, account.id)


def _consent_by_account(account: Account) -> keys.Key:
    return keys.consent_by_account(account.login, account.app_scoped_id, account.tenant_id, account.id)


def _follows(account: Account) -> dict[str, Any]:
    """The condition that it is new, or comes after what is stored: an account that was erased stays erased."""
    if account.token_version == 1:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    version = {":token_version": {"N": str(account.token_version)}}
    return {"ConditionExpression": "token_version < :token_version", "ExpressionAttributeValues": version}


def _held_by(account: Account) -> dict[str, Any]:
    """The condition that this account holds the claim."""
    return {
        "ConditionExpression": "tenant_id = :tenant AND account_id = :account",
        "ExpressionAttributeValues": {":tenant": {"S": account.tenant_id}, ":account": {"S": account.id}},
    }


def update_of(account: Account, names: tuple[str, ...], condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The update that stores these fields of the account. None takes the attribute away, and so out of an index."""
    stored = _stored(account)
    kept = [name for name in names if stored[name] is not None]
    gone = [name for name in names if stored[name] is None]
    sets = f"SET {', '.join(f'#{name} = :{name}' for name in kept)} " if kept else ""
    removes = f"REMOVE {', '.join(f'#{name}' for name in gone)} " if gone else ""
    return {
        "Key": keys.account(account.tenant_id, account.id),
        "UpdateExpression": f"{sets}{removes}ADD version :one",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        "ExpressionAttributeValues": marshal({f":{name}": stored[name] for name in kept} | {":one": 1, **values}),
    }


def sealed_tokens(vault: "Vault", account: Account, token: str, user_token: str | None) -> SealedToken:
    """Two tokens are sealed together, so that they are read and replaced together."""
    if user_token is None:
        return vault.seal(token, account.tenant_id, account.id, ONE_TOKEN)
    return vault.seal(two_tokens(token, user_token), account.tenant_id, account.id, DOCUMENT)


def two_tokens(token: str, user_token: str) -> str:
    """The Page's, which acts for the account, and the person's, of which it is made anew."""
    return json.dumps({"token": token, "user_token": user_token})


def sealed_of(item: dict[str, Any]) -> SealedToken:
    return SealedToken(item["ciphertext"], item["wrapped_key"], item["key_arn"], int(item["format"]))


def sealed_item(sealed: SealedToken, token_version: int | None = None) -> dict[str, Any]:
    return {
        "ciphertext": sealed.ciphertext,
        "wrapped_key": sealed.wrapped_key,
        "key_arn": sealed.key_arn,
        "format": sealed.format,
        "token_version": token_version,
    }


_FIELDS = ("id", "tenant_id", "login", "ig_user_id", "app_scoped_id", "username", "name", "account_type", "page_id")


def _stored(account: Account) -> dict[str, Any]:
    return {
        **{name: getattr(account, name) for name in _FIELDS},
        "state": account.state.value,
        "scopes": account.scopes,
        "connected_at": account.connected_at,
        "token_issued_at": account.token_issued_at,
        "token_expires_at": account.token_expires_at,
        "token_version": account.token_version,
        "refresh_at": account.refresh_at,
        "refresh_pk": keys.REFRESH_PARTITION if account.refresh_at else None,
        "warned_days": account.warned_days,
        "untold": _untold(account),
        "leased_until": None,  # of one token's refresh; a new token begins without
        "leased_by": None,
        "is_webhook_subscribed": account.is_webhook_subscribed,
        "last_problem": json.dumps(account.last_problem) if account.last_problem else None,
        "version": account.version,
    }


def _untold(account: Account) -> str | None:
    """Types of events, which have no spaces: a text is compared as a whole, and one type looks as it always did."""
    return " ".join(account.untold) or None


def _account(item: dict[str, Any]) -> Account:
    text: dict[str, Any] = {name: item.get(name) for name in _FIELDS}
    return Account(
        **text,
        state=AccountState(item["state"]),
        scopes=tuple(item["scopes"]),
        connected_at=datetime.fromisoformat(item["connected_at"]),
        token_issued_at=datetime.fromisoformat(item["token_issued_at"]),
        token_expires_at=datetime.fromisoformat(item["token_expires_at"]),
        token_version=int(item["token_version"]),
        refresh_at=moment(item.get("refresh_at")),
        warned_days=int(item["warned_days"]) if "warned_days" in item else None,
        untold=tuple(item.get("untold", "").split()),
        is_webhook_subscribed=item["is_webhook_subscribed"],
        last_problem=json.loads(item["last_problem"]) if "last_problem" in item else None,
        version=int(item["version"]),
    )
