"""Endpoints for outgoing webhooks in DynamoDB, their sealed secrets beside them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, moment, text, translated, unless_in_vain, unmarshal
from darkroom.aws.sealed import SealedToken
from darkroom.endpoints import OLD_SECRET_VALID, DisabledReason, Endpoint
from darkroom.errors import ConflictError, NotFoundError
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from darkroom.aws.vault import Vault

_CHANGEABLE = ("url", "types", "account_ids", "description", "disabled_at", "disabled_reason")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBEndpoints(Value):
    """Implements the `Endpoints` ports; registering.py needs a vault besides: see RegisteringEndpoints."""

    client: "DynamoDBClient"
    table: str

    def get(self, tenant_id: str, endpoint_id: str) -> Endpoint:
        with translated():
            answer = self.client.get_item(
                TableName=self.table, Key=keys.endpoint(tenant_id, endpoint_id), ConsistentRead=True
            )
        if "Item" not in answer:
            raise NotFoundError
        return _endpoint(unmarshal(answer["Item"]))

    def of(self, tenant_id: str) -> tuple[Endpoint, ...]:
        """All of them, in the order in which they were made. A tenant has a score at most, which is one page."""
        with translated():
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                ExpressionAttributeValues=marshal({":pk": keys.tenant(tenant_id), ":prefix": keys.ENDPOINT_PREFIX}),
                ConsistentRead=True,
            )
        return tuple(_endpoint(unmarshal(item)) for item in answer["Items"])

    def save(self, endpoint: Endpoint) -> Endpoint:
        """Its failures are forgotten: what was changed begins anew. Raises ConflictError."""
        saved = replace(endpoint, version=endpoint.version + 1, failing_since=None)
        changes = {name: getattr(saved, name) for name in _CHANGEABLE}
        kept = {f":{name}": value for name, value in marshal(changes).items()}
        gone = [f"#{name}" for name, value in changes.items() if value is None]
        sets = ", ".join(f"#{name[1:]} = {name}" for name in kept)
        try:
            with translated():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.endpoint(endpoint.tenant_id, endpoint.id),
                    UpdateExpression=f"SET {sets}, #version = :next REMOVE {', '.join(['failing_since', *gone])}",
                    ConditionExpression="#version = :expected",
                    ExpressionAttributeNames={"#version": "version", **{f"#{name}": name for name in changes}},
                    ExpressionAttributeValues=kept | marshal({":next": saved.version, ":expected": endpoint.version}),
                )
        except ClientError as error:
            if is_condition_failure(error):
                raise ConflictError from error
            raise
        return saved

    def remove(self, endpoint: Endpoint) -> None:
        doomed = (
            keys.endpoint(endpoint.tenant_id, endpoint.id),
            keys.endpoint_secrets(endpoint.tenant_id, endpoint.id),
        )
        with translated():
            self.client.transact_write_items(
                TransactItems=[{"Delete": {"TableName": self.table, "Key": key}} for key in doomed]
            )

    def mark_failing(self, endpoint: Endpoint, now: datetime) -> None:
        self._mark(endpoint, "SET failing_since = if_not_exists(failing_since, :now)", {":now": now})

    def mark_working(self, endpoint: Endpoint) -> None:
        self._mark(endpoint, "REMOVE failing_since", {})

    def disable(self, endpoint: Endpoint, reason: DisabledReason, now: datetime) -> Endpoint:
        """As it is then: the first to disable it said why. Raises NotFoundError."""
        with unless_in_vain():
            self.client.update_item(
                TableName=self.table,
                Key=keys.endpoint(endpoint.tenant_id, endpoint.id),
                UpdateExpression="SET disabled_at = :now, disabled_reason = :reason ADD version :one",
                ConditionExpression="attribute_exists(pk) AND attribute_not_exists(disabled_at)",
                ExpressionAttributeValues=marshal({":now": now, ":reason": reason, ":one": 1}),
            )
        return self.get(endpoint.tenant_id, endpoint.id)

    def _mark(self, endpoint: Endpoint, update: str, values: dict[str, Any]) -> None:
        """Without a new version: whoever is editing the endpoint is not disturbed."""
        values = {"ExpressionAttributeValues": marshal(values)} if values else {}
        with unless_in_vain():
            self.client.update_item(
                TableName=self.table,
                Key=keys.endpoint(endpoint.tenant_id, endpoint.id),
                UpdateExpression=update,
                ConditionExpression="attribute_exists(pk)",
                **values,
            )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RegisteringEndpoints(DynamoDBEndpoints):
    """Implements the `Endpoints` port of registering.py: may seal secrets, and opens none."""

    vault: "Vault"

    def add(self, endpoint: Endpoint, secret: str) -> None:
        puts = (
            {**keys.endpoint(endpoint.tenant_id, endpoint.id), **marshal(_stored(endpoint))},
            {
                **keys.endpoint_secrets(endpoint.tenant_id, endpoint.id),
                **marshal({"current": self._sealed(endpoint, secret)}),
            },
        )
        with translated():
            self.client.transact_write_items(
                TransactItems=[{"Put": {"TableName": self.table, "Item": item}} for item in puts]
            )

    def rotate(self, endpoint: Endpoint, secret: str, now: datetime) -> datetime:
        """The current secret becomes the old one, which nobody has to open for that. Answers until when it is valid."""
        until = now + OLD_SECRET_VALID
        try:
            with translated():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.endpoint_secrets(endpoint.tenant_id, endpoint.id),
                    UpdateExpression="SET #old = #current, #current = :new, old_until = :until",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeNames={"#old": "old", "#current": "current"},
                    ExpressionAttributeValues=marshal({":new": self._sealed(endpoint, secret), ":until": until}),
                )
        except ClientError as error:
            if is_condition_failure(error):
                raise NotFoundError from error
            raise
        return until

    def _sealed(self, endpoint: Endpoint, secret: str) -> dict[str, Any]:
        sealed = self.vault.seal_for_endpoint(secret, endpoint.tenant_id, endpoint.id)
        return {
            "ciphertext": sealed.ciphertext,
            "wrapped_key": sealed.wrapped_key,
            "key_arn": sealed.key_arn,
            "format": sealed.format,
        }


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBEndpointSecrets(Value):
    """Implements the `Secrets` port of delivering.py."""

    client: "DynamoDBClient"
    table: str
    vault: "Vault"

    def valid(self, endpoint: Endpoint, now: datetime) -> tuple[str, ...]:
        """The newest first. Raises NotFoundError when the endpoint is gone, TokenUnreadableError when KMS refuses."""
        with translated():
            answer = self.client.get_item(
                TableName=self.table, Key=keys.endpoint_secrets(endpoint.tenant_id, endpoint.id), ConsistentRead=True
            )
        if "Item" not in answer:
            raise NotFoundError
        item = unmarshal(answer["Item"])
        sealed = [item["current"]]
        if "old" in item and item["old_until"] > text(now):
            sealed.append(item["old"])
        return tuple(self._opened(endpoint, each) for each in sealed)

    def _opened(self, endpoint: Endpoint, stored: dict[str, Any]) -> str:
        sealed = SealedToken(stored["ciphertext"], stored["wrapped_key"], stored["key_arn"], int(stored["format"]))
        return self.vault.open_for_endpoint(sealed, endpoint.tenant_id, endpoint.id)


_FIELDS = ("id", "tenant_id", "created_at", "failing_since", "version", *_CHANGEABLE)


def _stored(endpoint: Endpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in _FIELDS}


def _endpoint(item: dict[str, Any]) -> Endpoint:
    return Endpoint(
        id=item["id"],
        tenant_id=item["tenant_id"],
        url=item["url"],
        types=tuple(item["types"]) if "types" in item else None,
        account_ids=tuple(item["account_ids"]) if "account_ids" in item else None,
        description=item.get("description"),
        created_at=datetime.fromisoformat(item["created_at"]),
        failing_since=moment(item.get("failing_since")),
        disabled_at=moment(item.get("disabled_at")),
        disabled_reason=item.get("disabled_reason"),
        version=int(item["version"]),
    )
