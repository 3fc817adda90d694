"""
The way in of Meta's webhooks: prove who sent it, put it into the queue, say 200. Nothing is read here: what the body
says is for `processing`, which may take its time. Meta waits five seconds and sends again what was not answered 200.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from darkroom.deliveries import Delivery, Keys
from darkroom.errors import ConfigurationError
from darkroom.instagram.signatures import SignatureError, signed_by

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,256}")
LATEST = 60.0  # seconds; how old secrets may be that refuse a signature


class RefusedError(Exception):
    """`status` is all that the sender learns; `reason` is for the log."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class KeyRing(Protocol):
    def keys(self, max_age: float | None = None) -> Keys:
        """Not older than so many seconds. Raises ConfigurationError, StoreUnavailableError."""
        ...


class Inbox(Protocol):
    def put(self, delivery: Delivery) -> None:
        """Raises StoreUnavailableError when it is not certain that it is kept."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    key_ring: KeyRing
    inbox: Inbox
    now: Callable[[], datetime]


def confirm(query: Mapping[str, str], ports: Ports) -> str:
    """
    What Meta wants to hear back when an operator subscribes: the challenge, if it knows our verify token.
    Raises: RefusedError, and ConfigurationError while there is no verify token.
    """
    token, challenge = query.get("hub.verify_token", ""), query.get("hub.challenge", "")
    if not _is_ours(token, ports.key_ring) or query.get("hub.mode") != "subscribe":
        raise RefusedError(403, "verify_failed")
    if not _CHALLENGE.fullmatch(challenge):
        raise RefusedError(400, "challenge_malformed")
    return challenge


def _is_ours(token: str, key_ring: KeyRing) -> bool:
    """As for signatures: what does not fit may have been set a moment ago."""
    ours = None
    for max_age in (None, LATEST):
        ours = key_ring.keys(max_age).verify_token
        if ours and hmac.compare_digest(token.encode(errors="replace"), ours.encode()):
            return True
    if not ours:
        raise ConfigurationError(detail="Neither app's secret has a usable verify_token (docs/meta-setup.md).")
    return False


def receive(raw: bytes, signature: str | None, ports: Ports) -> Delivery:
    """Into the queue, once it is proven to be Meta's. Raises: RefusedError."""
    if not raw:
        raise RefusedError(400, "empty")
    delivery = Delivery(raw, _key_slot(raw, signature, ports.key_ring), ports.now())
    ports.inbox.put(delivery)
    return delivery


def _key_slot(raw: bytes, signature: str | None, key_ring: KeyRing) -> str:
    """A signature that fits nothing may be of a secret that was rotated a moment ago, so the secrets are read anew."""
    try:
        return signed_by(raw, signature, key_ring.keys().secrets)
    except SignatureError as error:
        if error.reason != "sig_mismatch":
            raise RefusedError(401, error.reason) from None
    try:
        return signed_by(raw, signature, key_ring.keys(LATEST).secrets)
    except SignatureError as error:
        raise RefusedError(401, error.reason) from None
