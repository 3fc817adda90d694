"""
Who calls? API Gateway asks before every route that is not public.

A refused caller is let through as nobody, with the reason: the function behind answers 401 as a problem, where API
Gateway would answer 403 without a word (docs/decisions/0004-authorizer.md).
"""

from typing import Any

from darkroom import bootstrap
from darkroom.authenticating import authenticate
from darkroom.errors import NotAllowedError
from darkroom.http_events import authorizer_context


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    credential = (event.get("headers") or {}).get("authorization")
    try:
        caller = authenticate(credential, bootstrap.now(), bootstrap.authenticating_ports())
    except NotAllowedError as refusal:
        return {"isAuthorized": True, "context": {"refused": refusal.detail}}
    return {"isAuthorized": True, "context": authorizer_context(caller)}
