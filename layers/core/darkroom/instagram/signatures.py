"""
Did Meta sign this? HMAC-SHA256 with an app secret, over the bytes as they came: whoever parses and serialises again
fails at the first accent. Source: "Webhooks, Getting Started: Validate Payloads", Graph API.

Apart from `webhooks`, which reads what was signed: the receiver verifies and reads nothing.
"""

import hmac
import re
from collections.abc import Mapping

HEADER = "x-hub-signature-256"
_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")


class SignatureError(Exception):
    """`reason` is for our log and for nobody else: an answer that tells reasons is an oracle."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def signed_by(raw: bytes, header: str | None, secrets: Mapping[str, str]) -> str:
    """
    The name of the secret that signed `raw`; `secrets` maps names to secrets. All of them are tried, whichever fits,
    in constant time. An empty secret is no secret: ValueError, because anybody can sign with it.
    Raises: SignatureError, with `sig_missing`, `sig_malformed` or `sig_mismatch`.
    """
    if not secrets or not all(secrets.values()):
        raise ValueError("An empty secret verifies nothing.")
    if header is None:
        raise SignatureError("sig_missing")
    found = _SIGNATURE.fullmatch(header)
    if found is None:
        raise SignatureError("sig_malformed")
    fits = [name for name, secret in secrets.items() if hmac.compare_digest(found[1], signature_of(raw, secret))]
    if not fits:
        raise SignatureError("sig_mismatch")
    return fits[0]


def signature_of(raw: bytes, secret: str) -> str:
    """Lower-case hex, without the `sha256=` of the header."""
    return hmac.digest(secret.encode(), raw, "sha256").hex()
