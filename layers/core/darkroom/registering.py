"""Endpoints for outgoing webhooks, as their tenant arranges them: make, change, rotate the secret."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from darkroom import standard_webhooks
from darkroom.endpoints import MOST_ENDPOINTS, TYPES, Endpoint, refusal
from darkroom.errors import (
    BadRequestError,
    ConflictError,
    FieldError,
    NotFoundError,
    PreconditionFailedError,
)
from darkroom.tenants import Caller
from darkroom.values import Value


class Endpoints(Protocol):
    def add(self, endpoint: Endpoint, secret: str) -> None: ...
    def get(self, tenant_id: str, endpoint_id: str) -> Endpoint: ...
    def of(self, tenant_id: str) -> tuple[Endpoint, ...]: ...
    def save(self, endpoint: Endpoint) -> Endpoint:
        """Its failures are forgotten. Raises ConflictError when it has another version."""
        ...

    def remove(self, endpoint: Endpoint) -> None: ...
    def rotate(self, endpoint: Endpoint, secret: str, now: datetime) -> datetime:
        """Until when the secret that was valid so far is valid too. An older one is not."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    """`test_hosts` are `host:port` pairs that may be http and private."""

    endpoints: Endpoints
    now: Callable[[], datetime]
    test_hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rotated(Value):
    """The new secret, shown this once, and until when the old one is valid too."""

    endpoint_id: str
    secret: str = field(repr=False)
    old_valid_until: datetime


def register(wanted: Endpoint, caller: Caller, ports: Ports) -> tuple[Endpoint, str]:
    """The endpoint and its secret, which is shown this once. Raises BadRequestError, ConflictError."""
    _check(wanted, caller, ports)
    if len(ports.endpoints.of(caller.tenant_id)) >= MOST_ENDPOINTS:
        raise ConflictError("too_many_endpoints", f"A tenant has at most {MOST_ENDPOINTS} endpoints.")
    secret = standard_webhooks.new_secret()
    ports.endpoints.add(wanted, secret)
    return wanted, secret


def list_endpoints(caller: Caller, ports: Ports) -> tuple[Endpoint, ...]:
    return tuple(endpoint for endpoint in ports.endpoints.of(caller.tenant_id) if endpoint.is_for(caller))


def read(caller: Caller, endpoint_id: str, ports: Ports) -> Endpoint:
    """Raises NotFoundError, also for another tenant's endpoint and for one that tells more than this key may know."""
    endpoint = ports.endpoints.get(caller.tenant_id, endpoint_id)
    if not endpoint.is_for(caller):
        raise NotFoundError
    return endpoint


def change(caller: Caller, endpoint_id: str, version: int, changes: Mapping[str, Any], ports: Ports) -> Endpoint:
    """`changes` are fields of Endpoint, and `is_enabled`. Raises PreconditionFailedError for another version."""
    endpoint = read(caller, endpoint_id, ports)
    if endpoint.version != version:
        raise PreconditionFailedError
    changes = dict(changes)
    if (is_enabled := changes.pop("is_enabled", endpoint.is_enabled)) != endpoint.is_enabled:
        now = None if is_enabled else ports.now()
        changes |= {"disabled_at": now, "disabled_reason": None if is_enabled else "caller"}
    changed = replace(endpoint, **changes)
    _check(changed, caller, ports)
    try:
        return ports.endpoints.save(changed)
    except ConflictError:
        raise PreconditionFailedError from None


def remove(caller: Caller, endpoint_id: str, ports: Ports) -> Endpoint:
    """With its secrets; what was on its way to it is given up."""
    endpoint = read(caller, endpoint_id, ports)
    ports.endpoints.remove(endpoint)
    return endpoint


def rotate(caller: Caller, endpoint_id: str, ports: Ports) -> Rotated:
    endpoint = read(caller, endpoint_id, ports)
    secret = standard_webhooks.new_secret()
    return Rotated(endpoint.id, secret, ports.endpoints.rotate(endpoint, secret, ports.now()))


def _check(endpoint: Endpoint, caller: Caller, ports: Ports) -> None:
    errors = []
    if wrong := refusal(endpoint.url, ports.test_hosts):
        errors.append(FieldError("/url", "not_possible", wrong))
    for index, wanted in enumerate(endpoint.types or ()):
        if not TYPES.fullmatch(wanted):
            message = "A type looks like comment.created, or comment.* for all of a resource."
            errors.append(FieldError(f"/types/{index}", "not_possible", message))
    if not endpoint.is_for(caller):
        message = "This key is for some accounts only; name some of them."
        errors.append(FieldError("/account_ids", "not_possible", message))
    if errors:
        raise BadRequestError(errors=tuple(errors))
