"""
Choices of an account on their way, in DynamoDB, each with the sealed token of the person who is to choose. Under the
session's id as encryption context: whoever may open these may not open an account's token, nor the other way round.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.accounts import Candidate, ConnectChoice
from darkroom.aws import keys
from darkroom.aws.accounts import sealed_item, sealed_of
from darkroom.aws.callers import session_item, session_of
from darkroom.aws.dynamodb import is_condition_failure, marshal, translated, unmarshal
from darkroom.errors import ConnectError
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from darkroom.aws.vault import Vault


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBConnectChoices(Value):
    """DynamoDB deletes expired items when it likes; taking also looks at the time."""

    client: "DynamoDBClient"
    table: str
    vault: "Vault"

    def hold(self, choice: ConnectChoice, user_token: str) -> None:
        session = choice.session
        sealed = self.vault.seal(user_token, session.tenant_id, session.id)
        item = {
            **session_item(session),
            **sealed_item(sealed),
            "user_id": choice.user_id,
            "granted": choice.scopes,
            "token_expires_at": choice.token_expires_at,
            "candidates": json.dumps([asdict(each) for each in choice.candidates]),
            "session_expires_at": int(session.expires_at.timestamp()),
            "expires_at": int(choice.expires_at.timestamp()),
        }
        with translated():
            self.client.put_item(TableName=self.table, Item={**keys.connect_choice(session.id), **marshal(item)})

    def take(self, session_id: str, state_hash: str, browser_hash: str, now: datetime) -> tuple[ConnectChoice, str]:
        values = {":state": state_hash, ":browser": browser_hash, ":now": int(now.timestamp())}
        try:
            with translated():
                answer = self.client.delete_item(
                    TableName=self.table,
                    Key=keys.connect_choice(session_id),
                    ConditionExpression="state_hash = :state AND browser_hash = :browser AND expires_at > :now",
                    ExpressionAttributeValues=marshal(values),
                    ReturnValues="ALL_OLD",
                )
        except ClientError as error:
            if is_condition_failure(error):
                raise ConnectError from error
            raise
        item = unmarshal(answer["Attributes"])
        choice = _choice(item)
        return choice, self.vault.open(sealed_of(item), choice.session.tenant_id, choice.session.id)


def _choice(item: dict[str, Any]) -> ConnectChoice:
    return ConnectChoice(
        session=session_of({**item, "expires_at": item["session_expires_at"]}),
        user_id=item["user_id"],
        scopes=tuple(item["granted"]),
        token_expires_at=datetime.fromisoformat(item["token_expires_at"]),
        candidates=tuple(Candidate(**each) for each in json.loads(item["candidates"])),
        expires_at=datetime.fromtimestamp(int(item["expires_at"]), UTC),
    )
