"""Who calls us: a tenant through an API key or a JWT, with scopes."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from darkroom.errors import NotAllowedError
from darkroom.values import Value

SCOPES = (
    "accounts:read",
    "accounts:write",
    "posts:read",
    "posts:write",
    "media:write",
    "insights:read",
    "comments:read",
    "comments:write",
    "messages:read",
    "messages:write",
    "events:read",
    "events:write",
    "admin",
)
TENANT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}")  # no '#': it separates our table keys


def subject_hash(issuer: str, subject: str) -> str:
    """A user of an OIDC issuer, by a hash: a `sub` may well be an e-mail address."""
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ApiKey(Value):
    """What is stored of a key: its SHA-256 and what it may do. The key itself is shown once and kept nowhere."""

    id: str
    tenant_id: str
    sha256: str
    scopes: tuple[str, ...]
    name: str
    created_at: datetime
    expires_at: datetime | None = None
    account_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Caller(Value):
    """`account_ids` is None for every account of the tenant."""

    tenant_id: str
    scopes: frozenset[str]
    account_ids: frozenset[str] | None = None

    def require(self, scope: str) -> None:
        if scope not in self.scopes and "admin" not in self.scopes:
            raise NotAllowedError("scope_missing", f"This credential lacks the scope {scope}.")

    def may_use(self, account_id: str) -> bool:
        return self.account_ids is None or account_id in self.account_ids
