"""Deliveries: what Meta posts to us, byte for byte, and the secrets that prove it was Meta."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from darkroom.values import Value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Keys:
    """
    `secrets` by slot, such as `instagram` and `instagram_previous`: whatever Meta may sign with at the moment. Without
    `verify_token` nobody can subscribe, and what is signed can be read.
    """

    secrets: dict[str, str]
    verify_token: str | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Delivery(Value):
    """One POST of Meta's. `key_slot` names the secret that signed it."""

    raw: bytes = field(repr=False)
    key_slot: str
    received_at: datetime

    @property
    def sha256(self) -> str:
        """In hex; log lines have its first twelve."""
        return hashlib.sha256(self.raw).hexdigest()
