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
from darkroom.observability import log_unforeseen, one_line


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    credential = (event.get("headers") or {}).get("authorization")
    with one_line("authorized", context) as line:
        try:
            found = authorizer_context(authenticate(credential, bootstrap.now(), bootstrap.authenticating_ports()))
        except Exception as error:  # noqa: BLE001 — nobody is let in, and the caller gets a problem
            if not isinstance(error, DarkroomError):
                log_unforeseen(error)
            found = refused_context(error)
        gateway_request_id = (event.get("requestContext") or {}).get("requestId")
        line.update(gateway_request_id=gateway_request_id, tenant_id=found.get("tenant_id"), code=found.get("code"))
    return {"isAuthorized": True, "context": found}
