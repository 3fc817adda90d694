"""
The door that Meta knocks at: API Gateway's event to bytes and back, and one line in the log. Not `http.Api`, which
reads bodies, answers problems and costs a cold start of its own; Meta reads the status and nothing else.
"""

import time
from base64 import b64decode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from darkroom import receiving
from darkroom.errors import ConfigurationError, StoreUnavailableError
from darkroom.instagram.signatures import HEADER
from darkroom.observability import about, log, log_unforeseen, name_of, since

type Event = dict[str, Any]

ROUTES = ("GET /webhooks/meta", "POST /webhooks/meta")
_PLAIN = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff", "cache-control": "no-store"}


def served(event: Event, ports: Callable[[], receiving.Ports]) -> Event:
    """
    The answer to one knock. A refusal is its status and an empty body, the same for every reason. Whatever goes wrong
    on our side, building the ports included, is 500 or 503, so that Meta sends again.
    """
    started = time.perf_counter()
    about(gateway_request_id=(event.get("requestContext") or {}).get("requestId"))
    status, body, facts = _outcome(event, ports)
    log("webhook", route=event.get("routeKey"), status=status, duration_ms=since(started), **facts)
    return {"statusCode": status, "headers": _PLAIN, "body": body}


def _outcome(event: Event, ports: Callable[[], receiving.Ports]) -> tuple[int, str, dict[str, Any]]:
    facts: dict[str, Any] = {}
    try:
        if event.get("routeKey") == ROUTES[0]:
            return 200, receiving.confirm(event.get("queryStringParameters") or {}, ports()), facts
        raw = raw_body(event)
        facts |= {"bytes": len(raw), "sha256": sha256(raw).hexdigest()[:12]}
        facts |= {"key_slot": receiving.receive(raw, header(event, HEADER), ports()).key_slot}
    except receiving.RefusedError as refused:
        return refused.status, "", facts | {"reason": refused.reason}
    except ConfigurationError as error:
        return 500, "", facts | {"reason": "config_missing", "detail": error.detail}
    except StoreUnavailableError:
        return 503, "", facts | {"reason": "unavailable"}
    except Exception as error:  # noqa: BLE001 — whatever it is, no text of it may leave; Meta sends again
        log_unforeseen(error)
        return 500, "", facts | {"reason": name_of(error)}
    return 200, "", facts


def raw_body(event: Event) -> bytes:
    """What was signed. Raises RefusedError where API Gateway would never hand that over."""
    body = event.get("body") or ""
    try:
        return b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except ValueError:  # not base64, or half a surrogate pair
        raise receiving.RefusedError(400, "body_malformed") from None


def header(event: Event, name: str) -> str | None:
    """In any case. API Gateway joins repeated ones with commas, and then a signature is none."""
    headers: dict[str, str] = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name), None)
