"""How many posts a tenant has sent this minute, in DynamoDB: one item a tenant and minute, which expires."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, translated
from darkroom.rates import KEPT, minute_of, refusal, room_for
from darkroom.values import Value

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBRates(Value):
    """
    Implements the `Rates` port of submission.py. One conditional write; what is refused is not counted. The SDK may
    count twice when an answer is lost: that promises too little, for less than a minute.
    """

    client: "DynamoDBClient"
    table: str

    def take(self, tenant_id: str, posts: int, now: datetime) -> None:
        minute = minute_of(now)
        values = {":posts": posts, ":room": room_for(posts), ":expires_at": int((minute + KEPT).timestamp())}
        try:
            with translated():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.rate(tenant_id, minute),
                    UpdateExpression="SET expires_at = :expires_at ADD posts :posts",
                    ConditionExpression="attribute_not_exists(posts) OR posts <= :room",
                    ExpressionAttributeValues=marshal(values),
                )
        except ClientError as error:
            if is_condition_failure(error):
                raise refusal(now) from None
            raise
