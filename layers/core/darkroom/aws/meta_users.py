"""Accounts by the person who let us use them: what Meta's callbacks name."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.accounts import Account
from darkroom.aws import keys
from darkroom.aws.accounts import REFRESH_AT, DynamoDBAccounts, update_of
from darkroom.aws.dynamodb import is_condition_failure, translated
from darkroom.errors import NotFoundError
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_ENDING = ("state", "token_version", "is_webhook_subscribed", "last_problem", "untold", *REFRESH_AT)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBMetaUsers(Value):
    """Implements the `MetaUsers` ports."""

    client: "DynamoDBClient"
    table: str

    def accounts_of(self, login: str, app_scoped_id: str) -> tuple[Account, ...]:
        """One that somebody else has connected since then is no longer this person's."""
        with translated():
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": keys.meta_user(login, app_scoped_id)}},
                ConsistentRead=True,
            )
            ids = [keys.account_of_consent(item["sk"]["S"]) for page in pages for item in page["Items"]]
        found = (self._account(*each) for each in ids)
        return tuple(account for account in found if account is not None and account.app_scoped_id == app_scoped_id)

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

    def _account(self, tenant_id: str, account_id: str) -> Account | None:
        try:
            return DynamoDBAccounts(self.client, self.table).get(tenant_id, account_id)
        except NotFoundError:
            return None
