"""The operator's way to an API key. Guarded by IAM: on no route, invoked by `darkroom key create`."""

from typing import Any

from darkroom import bootstrap, parsing, problems
from darkroom.authenticating import KeyRequest, issue_key
from darkroom.errors import BadRequestError


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers `{id, key}`, or `{problem}` when the wish is wrong; a field that nobody knows is refused."""
    try:
        key, secret = issue_key(parsing.event(KeyRequest, event), bootstrap.now(), bootstrap.authenticating_ports())
    except BadRequestError as error:
        return {"problem": problems.describe(error)}
    return {"id": key.id, "key": secret}
