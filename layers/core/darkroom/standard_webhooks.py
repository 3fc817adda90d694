"""
The signature of an outgoing webhook, as Standard Webhooks has it (www.standardwebhooks.com, specification 1.0): HMAC
with SHA-256 over `<id>.<timestamp>.<body>`, one signature for each secret that is valid.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"
_BYTES = 32  # the specification wants 24 to 64


def new_secret() -> str:
    return PREFIX + b64encode(secrets.token_bytes(_BYTES)).decode()


def headers(message_id: str, at: datetime, body: bytes, valid_secrets: Iterable[str]) -> dict[str, str]:
    """`at` is the time of this attempt: receivers refuse what is older than some minutes."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in valid_secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    return b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
