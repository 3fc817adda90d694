"""
`signed_request`: how Meta tells an app that somebody removed it, or wants their data deleted. Two parts of base64url
with a dot between: HMAC-SHA256 of the second part as it stands, and JSON. Sources: "Data Deletion Request Callback",
developers.facebook.com; "Signed Request", Facebook Login for gaming.
"""

import binascii
import hmac
import json
import re
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ALGORITHM = "HMAC-SHA256"
LONGEST = 4096  # characters; Meta's have some 200
_SHAPE = re.compile(r"([A-Za-z0-9_-]{43}={0,1})\.([A-Za-z0-9_-]{2,}={0,2})")
_USER_ID = re.compile(r"[0-9]{1,32}")
_LATEST = 253402300799  # the last second of the year 9999: what a datetime can hold


class SignedRequestError(Exception):
    """`reason` is for our log and for nobody else: an answer that tells reasons is an oracle."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """
    `user_id` is the app-scoped id (the `id` of /me), never the professional account's. `issued_at` is whole seconds.
    `key_slot` names the secret that signed it.
    """

    user_id: str
    issued_at: datetime
    key_slot: str


def read(signed_request: str, secrets: Mapping[str, str]) -> SignedRequest:
    """
    What Meta says, once it is proven that Meta says it; `secrets` maps names to secrets, and all are tried in constant
    time. An empty secret is no secret: ValueError, because anybody can sign with it. A request does not expire: whether
    it is still news is for the reader to judge by `issued_at`.
    Raises: SignedRequestError, for everything that Meta would not send.
    """
    if not secrets or not all(secrets.values()):
        raise ValueError("An empty secret verifies nothing.")
    parts = _SHAPE.fullmatch(signed_request) if len(signed_request) <= LONGEST else None
    if parts is None:
        raise SignedRequestError("malformed")
    signature, encoded = _decoded(parts[1]), parts[2]
    fits = [name for name, secret in secrets.items() if hmac.compare_digest(signature, _signature(encoded, secret))]
    if not fits:
        raise SignedRequestError("sig_mismatch")
    return _of_payload(_payload(encoded), fits[0])


def _signature(encoded: str, secret: str) -> bytes:
    """Over the payload as it came, encoded and with its padding if it has any."""
    return hmac.digest(secret.encode(), encoded.encode(), "sha256")


def _decoded(text: str) -> bytes:
    """Base64url with or without padding. Bits that stand for nothing must be zero: one request has one spelling."""
    bare = text.rstrip("=")
    try:
        found = urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        raise SignedRequestError("malformed") from None
    if b64encode(found, b"-_").decode().rstrip("=") != bare:
        raise SignedRequestError("malformed")
    return found


def _payload(encoded: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(encoded))
    except (ValueError, RecursionError):  # UnicodeDecodeError too
        raise SignedRequestError("payload_not_json") from None
    if not isinstance(found, dict):
        raise SignedRequestError("payload_not_an_object")
    return found


def _of_payload(payload: dict[str, Any], key_slot: str) -> SignedRequest:
    algorithm, issued_at = payload.get("algorithm"), payload.get("issued_at")
    if algorithm != ALGORITHM:
        raise SignedRequestError("algorithm")
    user_id = payload.get("user_id")
    if isinstance(user_id, bool) or not isinstance(user_id, int | str) or not _is_id(user_id):
        raise SignedRequestError("user_id")
    if isinstance(issued_at, bool) or not isinstance(issued_at, int) or not 0 < issued_at <= _LATEST:
        raise SignedRequestError("issued_at")
    return SignedRequest(str(user_id), datetime.fromtimestamp(issued_at, UTC), key_slot)


def _is_id(user_id: int | str) -> bool:
    """Digits, as text or as a number. A number of ten thousand digits is not even turned into text."""
    if isinstance(user_id, int):
        return 0 < user_id < 10**32
    return _USER_ID.fullmatch(user_id) is not None
