"""
Who calls? API Gateway asks before every route that is not public.

A refused caller is let through as nobody, with the reason, and so is one whom a failure of ours kept us from judging:
the function behind answers with a problem, where API Gateway would say 403 or 500 without a word
(docs/decisions/0004-authorizer.md).
"""

from typing import Any

from darkroom import bootstrap
from darkroom.authenticating import authenticate
from darkroom.errors import DarkroomError
from darkroom.http_events import authorizer_context, refused_context
from darkroom.observability import log_unforeseen


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    credential = (event.get("headers") or {}).get("authorization")
    try:
        context = authorizer_context(authenticate(credential, bootstrap.now(), bootstrap.authenticating_ports()))
    except Exception as error:  # noqa: BLE001 — nobody is let in, and the caller gets a problem
        if not isinstance(error, DarkroomError):
            log_unforeseen(error)
        context = refused_context(error)
    return {"isAuthorized": True, "context": context}
