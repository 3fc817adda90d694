"""
Where a tenant wants its events sent. An endpoint chooses by type and by account; what it gets is signed with a secret
that only the tenant and the sender know (standard_webhooks.py).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from darkroom.events import Event, event_id, is_of_type
from darkroom.media_urls import is_public_name
from darkroom.tenants import Caller
from darkroom.values import Value

MOST_ENDPOINTS = 20  # of a tenant: every event is held against all of them
MOST_TYPES = 50
LONGEST_URL = 2048
OLD_SECRET_VALID = timedelta(hours=24)
DISABLED_AFTER = timedelta(days=5)  # of failures and nothing else: three times the plan of one delivery

DisabledReason = Literal["caller", "gone", "failing"]
TYPES = re.compile(r"\*|[a-z][a-z_]{0,63}\.(\*|[a-z][a-z_]{0,63})")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Endpoint(Value):
    """
    Without `types` every type is wanted, without `account_ids` the events of every account and those of none.
    `failing_since` is the first failure since the last success. `disabled_reason`: its owner, the endpoint itself by
    answering 410, or failures for days on end.
    """

    id: str
    tenant_id: str
    url: str
    types: tuple[str, ...] | None = None
    account_ids: tuple[str, ...] | None = None
    description: str | None = None
    created_at: datetime
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: DisabledReason | None = None
    version: int = 1

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    def wants(self, event: Event) -> bool:
        if not self.is_enabled or (self.account_ids is not None and event.account_id not in self.account_ids):
            return False
        return self.types is None or any(is_of_type(event.type, wanted) for wanted in self.types)

    def is_for(self, caller: Caller) -> bool:
        """A key for some accounts knows only the endpoints that tell of no others."""
        if caller.account_ids is None:
            return True
        return self.account_ids is not None and caller.account_ids.issuperset(self.account_ids)

    def is_hopeless(self, now: datetime) -> bool:
        return self.failing_since is not None and now - self.failing_since >= DISABLED_AFTER


def disabled(endpoint: Endpoint) -> Event:
    """What people are told of an endpoint that was disabled without their doing."""
    assert endpoint.disabled_at is not None  # noqa: S101 — the caller's own condition
    assert endpoint.disabled_reason is not None  # noqa: S101 — as above
    return Event(
        id=event_id(endpoint.tenant_id, "webhook_endpoint.disabled", endpoint.id, endpoint.disabled_at.isoformat()),
        tenant_id=endpoint.tenant_id,
        type="webhook_endpoint.disabled",
        occurred_at=endpoint.disabled_at,
        received_at=endpoint.disabled_at,
        refs={"endpoint_id": endpoint.id, "reason": endpoint.disabled_reason},
    )


def refusal(url: str, test_hosts: frozenset[str] = frozenset()) -> str | None:
    """
    Why nothing is sent to this URL, by its form; None when nothing speaks against it. Its name is resolved when
    something is sent, and the address judged then (webhook_sender.py). `test_hosts` are `host:port` pairs that may be
    http and private.
    """
    if len(url) > LONGEST_URL:
        return f"The URL of an endpoint has at most {LONGEST_URL} characters."
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "Write the URL in plain ASCII: names in punycode, the rest percent-encoded."
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "This is not a URL."
    if parts.scheme in ("http", "https") and parts.netloc in test_hosts:
        return None
    return _unreachable(parts)


def _unreachable(parts: SplitResult) -> str | None:
    if parts.scheme != "https":
        return "Webhooks are sent over https only."
    if parts.username is not None or parts.password is not None:
        return "The URL must not hold a user name or password; the signature says who sends."
    if parts.port not in (None, 443):
        return "Webhooks are sent to the standard https port only."
    if parts.fragment:
        return "A fragment is never sent; leave it out."
    return None if is_public_name(parts.hostname or "") else "The host has to be a public domain name."
