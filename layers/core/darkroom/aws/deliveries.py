"""
Raw deliveries in S3: what was too big for the queue, as it came for whichever tenants, and what each account was told,
for 90 days. The two lie apart, below `inbox/` and `tenants/`: a tenant may be called anything.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from darkroom.aws.dynamodb import translated
from darkroom.deliveries import Delivery

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

INBOX = "inbox/"
_JSON = "application/json"


def prefix_of(tenant_id: str, account_id: str | None = None) -> str:
    """Where all lies that was kept of a tenant, or of one account."""
    whose = f"tenants/{quote(tenant_id, safe='')}/"
    return f"{whose}{account_id}/" if account_id else whose


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class S3Deliveries:
    """Implements `Objects` of inbox.py and the `Archive` port of processing.py. Putting again changes nothing."""

    client: "S3Client"
    bucket: str

    def put_aside(self, delivery: Delivery) -> str:
        key = f"{INBOX}{delivery.received_at:%Y-%m-%d}/{delivery.sha256}"
        self._put(key, delivery.raw)
        return key

    def read(self, key: str) -> bytes:
        """Raises ValueError for a key that `put_aside` never gives."""
        if not key.startswith(INBOX):
            raise ValueError(key)
        with translated():
            return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def keep(self, tenant_id: str, account_id: str, delivery: Delivery, body: bytes) -> str:
        """`body`: what of the delivery is about this account. The key begins with the account, to be erased by."""
        key = f"{prefix_of(tenant_id, account_id)}{delivery.received_at:%Y-%m-%d}/{delivery.sha256}"
        self._put(key, body)
        return key

    def _put(self, key: str, body: bytes) -> None:
        with translated():
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=_JSON)
