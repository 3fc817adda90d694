"""Who calls? An API key or a JWT, to one tenant and its scopes; and issuing the keys."""

import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from darkroom.errors import BadRequestError, FieldError, NotAllowedError
from darkroom.ids import new_id
from darkroom.tenants import SCOPES, TENANT_ID, ApiKey, Caller, subject_hash
from darkroom.values import Value

Mode = Literal["live", "test"]
_KEY = re.compile(r"drk_(live|test)_[A-Za-z0-9_-]{43}")


class ApiKeys(Protocol):
    def add(self, key: ApiKey) -> None: ...
    def find(self, sha256: str) -> ApiKey | None: ...


class BlockedSubjects(Protocol):
    def is_blocked(self, sha256: str) -> bool:
        """By `tenants.subject_hash`. StoreUnavailableError when nobody can tell: then nobody is let in."""
        ...


class Jwts(Protocol):
    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token of the configured issuer and audience. NotAllowedError for any other."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    """`jwts` is None where no issuer is configured: then only API keys are accepted."""

    api_keys: ApiKeys
    blocked: BlockedSubjects
    jwts: Jwts | None
    tenant_claim: str
    mode: Mode


def authenticate(authorization: str | None, now: datetime, ports: Ports) -> Caller:
    """Raises NotAllowedError, whose detail says what is wrong in words that help only the holder of the credential."""
    scheme, _, credential = (authorization or "").partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential:
        raise NotAllowedError(detail="The Authorization header is missing or not of the form: Bearer <credential>.")
    if credential.startswith("drk_"):
        return _by_key(credential, now, ports)
    return _by_jwt(credential, ports)


def _by_key(credential: str, now: datetime, ports: Ports) -> Caller:
    shape = _KEY.fullmatch(credential)
    key = ports.api_keys.find(_sha256(credential)) if shape else None
    if shape is None or key is None:
        raise NotAllowedError(detail="This API key is not known.")
    if shape[1] != ports.mode:
        raise NotAllowedError(detail=f"This is a {shape[1]} key, and here only {ports.mode} keys are accepted.")
    if key.expires_at is not None and key.expires_at <= now:
        raise NotAllowedError(detail="This API key has expired.")
    account_ids = frozenset(key.account_ids) if key.account_ids is not None else None
    return Caller(key.tenant_id, frozenset(key.scopes), account_ids)


def _by_jwt(credential: str, ports: Ports) -> Caller:
    if ports.jwts is None:
        raise NotAllowedError(detail="Only API keys are accepted here: no OIDC issuer is configured.")
    claims = ports.jwts.claims(credential)
    if ports.blocked.is_blocked(subject_hash(claims["iss"], claims["sub"])):
        raise NotAllowedError("subject_blocked")
    tenant_id = claims.get(ports.tenant_claim)
    if not isinstance(tenant_id, str) or not TENANT_ID.fullmatch(tenant_id):
        raise NotAllowedError(detail=f"The token has no usable {ports.tenant_claim} claim.")
    granted = claims.get("scope", claims.get("scp", ""))
    scopes = granted.split() if isinstance(granted, str) else granted if isinstance(granted, list) else []
    return Caller(tenant_id, frozenset(scope for scope in scopes if scope in SCOPES))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class KeyRequest(Value):
    """
    Without `account_ids` the key is for every account, also for those to come. `mode` may be said so that a key is
    never issued where the operator did not mean to.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 — pydantic reads it, nobody writes it

    tenant_id: str
    scopes: tuple[str, ...]
    name: str = ""
    account_ids: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    mode: Mode | None = None


def issue_key(request: KeyRequest, now: datetime, ports: Ports) -> tuple[ApiKey, str]:
    """The stored key and the secret itself, which is shown this once and kept nowhere. Raises BadRequestError."""
    if errors := tuple(_wrong(request, now, ports.mode)):
        raise BadRequestError(errors=errors)
    secret = f"drk_{ports.mode}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        id=new_id("key", now),
        tenant_id=request.tenant_id,
        sha256=_sha256(secret),
        scopes=request.scopes,
        name=request.name[:100],
        created_at=now,
        expires_at=request.expires_at,
        account_ids=request.account_ids,
    )
    ports.api_keys.add(key)
    return key, secret


def _wrong(request: KeyRequest, now: datetime, mode: Mode) -> Iterator[FieldError]:
    for index, scope in enumerate(request.scopes):
        if scope not in SCOPES:
            yield FieldError(f"/scopes/{index}", "unknown_scope", f"Scopes are: {', '.join(SCOPES)}.")
    if not request.scopes:
        yield FieldError("/scopes", "missing", "A key without a scope may do nothing.")
    if not TENANT_ID.fullmatch(request.tenant_id):
        yield FieldError("/tenant_id", "malformed", "A tenant id has letters, digits and _.@:- only.")
    if request.account_ids == ():
        yield FieldError("/account_ids", "missing", "Name an account, or leave this out for all of them.")
    if request.mode not in (None, mode):
        yield FieldError("/mode", "wrong_mode", f"Here only {mode} keys are issued.")
    if request.expires_at is not None and (request.expires_at.tzinfo is None or request.expires_at <= now):
        yield FieldError("/expires_at", "out_of_range", "A key expires in the future, at a time with its offset.")


def _sha256(credential: str) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()
