"""Consents by the person who gave them, whom Meta's callbacks name, and the accounts that they are about."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.accounts import Account, Consent
from darkroom.aws import keys
from darkroom.aws.accounts import REFRESH_AT, DynamoDBAccounts, update_of
from darkroom.aws.dynamodb import is_condition_failure, translated, unmarshal
from darkroom.errors import NotFoundError
from darkroom.logins import Login
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_ENDING = ("state", "token_version", "is_webhook_subscribed", "last_problem", "untold", *REFRESH_AT)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBMetaUsers(Value):
    """Implements the `MetaUsers` ports."""

    client: "DynamoDBClient"
    table: str

    def consents_of(self, login: Login, app_scoped_id: str) -> tuple[Consent, ...]:
        with translated():
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": keys.meta_user(login, app_scoped_id)}},
                ConsistentRead=True,
            )
            items = [unmarshal(item) for page in pages for item in page["Items"]]
        return tuple(self._consent(login, app_scoped_id, item) for item in items)

    def deauthorize(self, ended: Account) -> bool:
        update = update_of(ended, _ENDING, "token_version = :before", {":before": ended.token_version - 1})
        token = {"TableName": self.table, "Key": keys.token(ended.tenant_id, ended.id)}
        writes: Any = [{"Update": {"TableName": self.table, **update}}, {"Delete": token}]
        try:
            with translated():
                self.client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True

    def _consent(self, login: Login, app_scoped_id: str, item: dict[str, Any]) -> Consent:
        tenant_id, account_id = keys.account_of_consent(item["sk"])
        return Consent(
            login=login,
            app_scoped_id=app_scoped_id,
            tenant_id=tenant_id,
            account_id=account_id,
            given_at=datetime.fromisoformat(item["given_at"]),
            account=self._account(tenant_id, account_id),
        )

    def _account(self, tenant_id: str, account_id: str) -> Account | None:
        try:
            return DynamoDBAccounts(self.client, self.table).get(tenant_id, account_id)
        except NotFoundError:
            return None
