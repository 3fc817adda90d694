"""
API Gateway's payload format 2.0, read and written. Source: "Working with AWS Lambda proxy integrations for HTTP APIs",
docs.aws.amazon.com.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl

from darkroom import problems
from darkroom.errors import BadRequestError, DarkroomError
from darkroom.tenants import Caller

type Event = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Answer:
    """`body` is a dataclass or plain JSON values, or a str that is sent as it is."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Incoming:
    """One request as API Gateway hands it over."""

    event: Event
    request_id: str
    now: datetime

    @property
    def route_key(self) -> str:
        return str(self.event["routeKey"])

    def header(self, name: str) -> str | None:
        """API Gateway lower-cases names and joins repeated headers with commas."""
        found: str | None = (self.event.get("headers") or {}).get(name)
        return found

    def raw_body(self) -> bytes:
        text = self.event.get("body") or ""
        try:
            return b64decode(text, validate=True) if self.event.get("isBase64Encoded") else text.encode()
        except ValueError:  # not base64, or a lone surrogate: never from API Gateway, but nothing to fall over
            raise BadRequestError("malformed_json") from None

    def form(self) -> dict[str, str]:
        """What cannot be read is an empty form: whoever sends one finds out by what is missing."""
        try:
            return dict(parse_qsl(self.raw_body().decode(), max_num_fields=100))
        except ValueError:  # not UTF-8, or more fields than any form of ours has
            return {}

    def cookies(self) -> dict[str, str]:
        pairs = (cookie.partition("=") for cookie in self.event.get("cookies") or [])
        return {name.strip(): value.strip() for name, _, value in pairs}

    def caller(self) -> Caller | None:
        """Whom the authorizer resolved. Anything but a complete answer of its is nobody."""
        said = self._authorizer()
        tenant_id, scopes, account_ids = said.get("tenant_id"), said.get("scopes"), said.get("account_ids")
        if not isinstance(tenant_id, str) or not tenant_id or not isinstance(scopes, str):
            return None
        only = frozenset(account_ids.split()) if isinstance(account_ids, str) else None
        return Caller(tenant_id, frozenset(scopes.split()), only)

    @property
    def tenant_id(self) -> str | None:
        caller = self.caller()
        return caller.tenant_id if caller else None

    def refusal(self) -> DarkroomError:
        """Why the authorizer resolved nobody: the credential, or a failure of ours that kept it from judging."""
        said = self._authorizer()
        detail, code = said.get("refused"), said.get("code")
        known = isinstance(code, str) and code in problems.CATALOGUE
        return DarkroomError(code if known else "unauthenticated", detail if isinstance(detail, str) else None)

    def _authorizer(self) -> dict[str, Any]:
        said = (self.event["requestContext"].get("authorizer") or {}).get("lambda")
        return said if isinstance(said, dict) else {}


def authorizer_context(caller: Caller) -> dict[str, str]:
    """A caller as the authorizer passes it on; `Incoming.caller` reads it. Context values are text."""
    context = {"tenant_id": caller.tenant_id, "scopes": " ".join(sorted(caller.scopes))}
    if caller.account_ids is not None:
        context["account_ids"] = " ".join(sorted(caller.account_ids))
    return context


def refused_context(error: Exception) -> dict[str, str]:
    """Nobody, and why; `Incoming.refusal` reads it."""
    problem = problems.describe(error)
    return {"refused": problem["detail"], "code": problem["code"]}


def outgoing(answer: Answer, request_id: str) -> Event:
    headers = {"x-request-id": request_id, "cache-control": "no-store", "x-content-type-options": "nosniff"}
    event: Event = {"statusCode": answer.status, "headers": headers}
    if isinstance(answer.body, str):
        event["body"] = answer.body
    elif answer.body is not None:
        headers["content-type"] = "application/json"
        event["body"] = encoded(answer.body)
    if answer.cookies:
        event["cookies"] = list(answer.cookies)
    headers |= answer.headers
    return event


def encoded(value: Any) -> str:
    """JSON; times as RFC 3339 in UTC with a Z. Half a surrogate pair, which no UTF-8 has, becomes a question mark."""
    text = json.dumps(value, default=_json, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"A {type(value).__name__} has no JSON form here.")
