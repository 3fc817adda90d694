"""The operator's way to an API key. Guarded by IAM: on no route, invoked by `darkroom key create`."""

from typing import Any

from darkroom import bootstrap, parsing, problems
from darkroom.authenticating import KeyRequest, issue_key
from darkroom.errors import BadRequestError
from darkroom.observability import one_line


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers `{id, key}`, or `{problem}` when the wish is wrong; a field that nobody knows is refused."""
    with one_line("api key", context) as line:
        try:
            key, secret = issue_key(parsing.event(KeyRequest, event), bootstrap.now(), bootstrap.authenticating_ports())
        except BadRequestError as error:
            problem = problems.describe(error)
            line["code"] = problem["code"]
            return {"problem": problem}
        line.update(key_id=key.id, tenant_id=key.tenant_id, scopes=key.scopes)
    return {"id": key.id, "key": secret}
