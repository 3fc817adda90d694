"""What callers leave with us, in DynamoDB: hashed API keys, who of an issuer's users is blocked, connect sessions."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.accounts import ConnectSession
from darkroom.aws import keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, moment, translated, unmarshal
from darkroom.errors import ConnectError
from darkroom.tenants import ApiKey
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBApiKeys(Value):
    client: "DynamoDBClient"
    table: str

    def add(self, key: ApiKey) -> None:
        item = {
            "id": key.id,
            "tenant_id": key.tenant_id,
            "sha256": key.sha256,
            "scopes": key.scopes,
            "name": key.name,
            "created_at": key.created_at,
            "valid_until": key.expires_at,
            "account_ids": key.account_ids,
        }
        with translated():
            self.client.put_item(
                TableName=self.table,
                Item={**keys.api_key(key.sha256), **marshal(item)},
                ConditionExpression="attribute_not_exists(pk)",
            )

    def find(self, sha256: str) -> ApiKey | None:
        with translated():
            answer = self.client.get_item(TableName=self.table, Key=keys.api_key(sha256), ConsistentRead=True)
        if "Item" not in answer:
            return None
        item = unmarshal(answer["Item"])
        return ApiKey(
            id=item["id"],
            tenant_id=item["tenant_id"],
            sha256=item["sha256"],
            scopes=tuple(item["scopes"]),
            name=item["name"],
            created_at=datetime.fromisoformat(item["created_at"]),
            expires_at=moment(item.get("valid_until")),
            account_ids=tuple(item["account_ids"]) if "account_ids" in item else None,
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBBlockedSubjects(Value):
    """By `tenants.subject_hash`. Blocks do not expire: the issuer may go on making tokens for them."""

    client: "DynamoDBClient"
    table: str

    def is_blocked(self, sha256: str) -> bool:
        with translated():
            answer = self.client.get_item(TableName=self.table, Key=keys.blocked_subject(sha256), ConsistentRead=True)
        return "Item" in answer

    def block(self, sha256: str, now: datetime) -> None:
        with translated():
            item = {**keys.blocked_subject(sha256), **marshal({"blocked_at": now})}
            self.client.put_item(TableName=self.table, Item=item)

    def unblock(self, sha256: str) -> bool:
        """Whether it was."""
        with translated():
            answer = self.client.delete_item(
                TableName=self.table, Key=keys.blocked_subject(sha256), ReturnValues="ALL_OLD"
            )
        return "Attributes" in answer


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBConnectSessions(Value):
    """DynamoDB deletes expired items when it likes; every condition here also looks at the time."""

    client: "DynamoDBClient"
    table: str

    def add(self, session: ConnectSession) -> None:
        item = session_item(session)
        with translated():
            self.client.put_item(TableName=self.table, Item={**keys.connect_session(session.id), **marshal(item)})

    def bind(
        self, session_id: str, link_hash: str, state_hash: str, browser_hash: str, now: datetime
    ) -> ConnectSession:
        values = {
            ":link": link_hash,
            ":state": state_hash,
            ":browser": browser_hash,
            ":now": int(now.timestamp()),
        }
        return self._changed(
            self.client.update_item,
            Key=keys.connect_session(session_id),
            UpdateExpression="SET state_hash = :state, browser_hash = :browser",
            ConditionExpression="link_hash = :link AND expires_at > :now",
            ExpressionAttributeValues=marshal(values),
            ReturnValues="ALL_NEW",
        )

    def take(self, session_id: str, state_hash: str, now: datetime) -> ConnectSession:
        return self._changed(
            self.client.delete_item,
            Key=keys.connect_session(session_id),
            ConditionExpression="state_hash = :state AND expires_at > :now",
            ExpressionAttributeValues=marshal({":state": state_hash, ":now": int(now.timestamp())}),
            ReturnValues="ALL_OLD",
        )

    def _changed(self, write: Any, **request: Any) -> ConnectSession:
        try:
            with translated():
                answer = write(TableName=self.table, **request)
        except ClientError as error:
            if is_condition_failure(error):
                raise ConnectError from error
            raise
        return session_of(unmarshal(answer["Attributes"]))


def session_item(session: ConnectSession) -> dict[str, Any]:
    """What is not set yet is left out."""
    return {
        "id": session.id,
        "tenant_id": session.tenant_id,
        "login": session.login,
        "scopes": session.scopes,
        "return_url": session.return_url,
        "link_hash": session.link_hash,
        "state_hash": session.state_hash,
        "browser_hash": session.browser_hash,
        "expires_at": int(session.expires_at.timestamp()),
    }


def session_of(item: dict[str, Any]) -> ConnectSession:
    return ConnectSession(
        id=item["id"],
        tenant_id=item["tenant_id"],
        login=item["login"],
        scopes=tuple(item["scopes"]),
        return_url=item.get("return_url"),
        expires_at=datetime.fromtimestamp(int(item["expires_at"]), UTC),
        link_hash=item["link_hash"],
        state_hash=item.get("state_hash"),
        browser_hash=item.get("browser_hash"),
    )
