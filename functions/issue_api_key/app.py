"""The operator's way to an API key. Guarded by IAM: on no route, invoked by `darkroom key create`."""

from typing import Any

from darkroom import bootstrap, problems
from darkroom.authenticating import KeyRequest, issue_key
from darkroom.errors import BadRequestError


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    request = KeyRequest(
        tenant_id=str(event["tenant_id"]), scopes=tuple(event["scopes"]), name=str(event.get("name", ""))
    )
    try:
        key, secret = issue_key(request, bootstrap.now(), bootstrap.authenticating_ports())
    except BadRequestError as error:
        return {"problem": problems.describe(error)}
    return {"id": key.id, "key": secret}
