"""
Deletions: what Meta asks us to erase on behalf of a person, and what is left to tell of it. A deletion names the person
by a hash only, and the accounts only while they are being erased.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from darkroom.values import Value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Doomed(Value):
    """An account to be erased: ours, by our own ids."""

    tenant_id: str
    account_id: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Place(Value):
    """How far the job has come: to what this account left of this kind, and there to `after`; None: the beginning."""

    tenant_id: str
    account_id: str
    kind: str
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Deletion(Value):
    """
    `code` is 128 random bits in hex and all that it takes to read the status. `accounts` is empty once it is done, and
    `erased` counts what was erased by kind; after a worker's death it counts too little. `runs` of the job have noted
    how far they came, the last one at `seen_at`.
    """

    code: str
    user_hash: str
    requested_at: datetime
    accounts: tuple[Doomed, ...] = ()
    done_at: datetime | None = None
    erased: Mapping[str, int] = field(default_factory=dict)
    place: Place | None = None
    runs: int = 0
    seen_at: datetime | None = None

    @property
    def is_done(self) -> bool:
        return self.done_at is not None


def user_hash(user_id: str) -> str:
    """Of the app-scoped id: the same person again is the same hash, and the id cannot be read from it."""
    return hashlib.sha256(f"deletion\n{user_id}".encode()).hexdigest()
