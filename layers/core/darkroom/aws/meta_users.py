"""Accounts by the person who let us use them: what Meta's callbacks name."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.accounts import Account, AccountState
from darkroom.aws import keys
from darkroom.aws.accounts import DynamoDBAccounts
from darkroom.aws.dynamodb import is_condition_failure, marshal, translated
from darkroom.errors import NotFoundError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoDBMetaUsers:
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

    def deauthorize(self, account: Account, problem: dict[str, Any]) -> bool:
        """
        Erases the token and says why, in one. False, and nothing happens, when the account was connected anew or its
        token was refreshed since it was read, or when it is gone.
        """
        values = {
            ":state": AccountState.REAUTHORIZATION_REQUIRED.value,
            ":problem": json.dumps(problem),
            ":token_version": account.token_version,
            ":false": False,
            ":one": 1,
        }
        update = {
            "TableName": self.table,
            "Key": keys.account(account.tenant_id, account.id),
            "UpdateExpression": "SET #state = :state, last_problem = :problem, is_webhook_subscribed = :false"
            " ADD version :one",
            "ConditionExpression": "token_version = :token_version",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": marshal(values),
        }
        delete = {"TableName": self.table, "Key": keys.token(account.tenant_id, account.id)}
        writes: Any = [{"Update": update}, {"Delete": delete}]
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
