"""Fingerprints in DynamoDB: beside the posts, one item an account and content, with the latest posts that had it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, text, translated, unmarshal
from darkroom.fingerprints import Claim, Claims

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBFingerprints:
    """
    Each answer is the id of an earlier post with the same content within 24 hours, None if there is none. TTL deletes
    late, so what has expired is passed over where it is read.
    """

    client: "DynamoDBClient"
    table: str

    def claim(self, tenant_id: str, account_id: str, fingerprint: str, post_id: str, now: datetime) -> str | None:
        """Remembers the post. Claiming again changes nothing and answers the same."""
        return self._claim(keys.fingerprint(tenant_id, account_id, fingerprint), post_id, now, only_if_new=False)

    def claim_if_new(
        self, tenant_id: str, account_id: str, fingerprint: str, post_id: str, now: datetime
    ) -> str | None:
        """Remembers the post unless there is an earlier one; of several at once exactly one is new."""
        return self._claim(keys.fingerprint(tenant_id, account_id, fingerprint), post_id, now, only_if_new=True)

    def find(self, tenant_id: str, account_id: str, fingerprint: str, now: datetime) -> str | None:
        """The newest; writes nothing."""
        return self._get(keys.fingerprint(tenant_id, account_id, fingerprint)).before(None, now)

    def forget(self, tenant_id: str, account_id: str, fingerprint: str, post_id: str) -> None:
        """The post will not appear. What others had the content stays known."""
        key = keys.fingerprint(tenant_id, account_id, fingerprint)
        known = self._get(key)
        while (left := known.without_post(post_id)) != known and not self._put(key, left):
            known = self._get(key)

    def _claim(self, key: keys.Key, post_id: str, now: datetime, *, only_if_new: bool) -> str | None:
        """
        Begins as if nothing was stored, because that is so nearly every time, and it saves the read. A write that does
        not come through has lost to another one, so somebody always gets on.
        """
        known = Claims()
        while True:
            earlier = known.before(post_id, now)
            claimed = known.with_post(post_id, now)
            if claimed == known or (only_if_new and earlier) or self._put(key, claimed):
                return earlier
            known = self._get(key)

    def _get(self, key: keys.Key) -> Claims:
        with translated():
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return _claims(unmarshal(answer["Item"])) if "Item" in answer else Claims()

    def _put(self, key: keys.Key, claims: Claims) -> bool:
        """False: somebody else has written since these were read."""
        try:
            with translated():
                self.client.put_item(
                    TableName=self.table,
                    Item={**key, **marshal(_item(claims))},
                    ConditionExpression="attribute_not_exists(pk) OR #version = :read",
                    ExpressionAttributeNames={"#version": "version"},
                    ExpressionAttributeValues={":read": {"N": str(claims.version)}},
                )
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True


def _item(claims: Claims) -> dict[str, Any]:
    """Kept when no post is left in it, and left to its TTL: so no version comes twice while somebody holds one."""
    return {
        "claims": [{"post_id": claim.post_id, "at": text(claim.at)} for claim in claims.claims],
        "expires_at": int(claims.expires_at.timestamp()) if claims.expires_at else None,
        "version": claims.version + 1,
    }


def _claims(item: dict[str, Any]) -> Claims:
    return Claims(
        claims=tuple(Claim(each["post_id"], datetime.fromisoformat(each["at"])) for each in item["claims"]),
        expires_at=datetime.fromtimestamp(int(item["expires_at"]), UTC),
        version=int(item["version"]),
    )
