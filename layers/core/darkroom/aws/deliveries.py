"""Raw deliveries in S3: what was too big for the queue, and what each account was told, for 90 days."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from darkroom.aws.dynamodb import translated
from darkroom.deliveries import Delivery

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_JSON = "application/json"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class S3Deliveries:
    """Implements `Objects` of inbox.py and the `Archive` port of processing.py. Putting again changes nothing."""

    client: "S3Client"
    bucket: str

    def put_aside(self, delivery: Delivery) -> str:
        key = f"inbox/{delivery.received_at:%Y-%m-%d}/{delivery.sha256}"
        self._put(key, delivery.raw)
        return key

    def read(self, key: str) -> bytes:
        """Raises ValueError for a key that `put_aside` never gives."""
        if not key.startswith("inbox/"):
            raise ValueError(key)
        with translated():
            return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def keep(self, tenant_id: str, account_id: str, delivery: Delivery, body: bytes) -> str:
        """`body`: what of the delivery is about this account. The key begins with the account, to be erased by."""
        whose = f"{quote(tenant_id, safe='')}/{account_id}"
        key = f"{whose}/{delivery.received_at:%Y-%m-%d}/{delivery.sha256}"
        self._put(key, body)
        return key

    def _put(self, key: str, body: bytes) -> None:
        with translated():
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=_JSON)
