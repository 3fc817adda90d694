"""The payloads of `events/`, and changes to them."""

import io
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "events"

type Event = dict[str, Any]


def event(name: str) -> Event:
    """A fresh copy of `events/<name>.json`."""
    loaded: Event = json.loads((FOLDER / f"{name}.json").read_text())
    return loaded


def http_event(
    route: str,
    *,
    path: str | None = None,
    body: Any = None,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    parameters: dict[str, str] | None = None,
    caller: dict[str, str] | None = None,
    cookies: list[str] | None = None,
) -> Event:
    """
    A call of `route` as API Gateway hands it over. `body` is sent as it is when it is text, as JSON otherwise. `caller`
    is what the authorizer said.
    """
    made = event("accounts_api")
    method, _, pattern = route.partition(" ")
    made["routeKey"] = made["requestContext"]["routeKey"] = route
    made["rawPath"] = made["requestContext"]["http"]["path"] = path or pattern
    made["requestContext"]["http"]["method"] = method
    made["requestContext"]["authorizer"] = {
        "lambda": {"tenant_id": "acme", "scopes": "admin"} if caller is None else caller
    }
    made["queryStringParameters"], made["pathParameters"] = query or {}, parameters or {}
    made["cookies"] = cookies or []
    if body is not None:
        made["headers"]["content-type"] = "application/json"
        made["body"] = body if isinstance(body, str) else json.dumps(body)
    made["headers"] |= headers or {}
    return made


def answered(answer: Event) -> Any:
    """The JSON of an answer."""
    return json.loads(answer["body"])


class Lines(io.StringIO):
    """What functions logged; each line is JSON, or this fails."""

    def read_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().split("\n") if line]

    def named(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.read_lines() if line["message"] == message]
