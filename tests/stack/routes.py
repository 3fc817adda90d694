"""The routes of the template, so that no test of manners can forget one."""

from dataclasses import dataclass
from typing import Any

from devstack.template import FUNCTION, Template, of_type


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    is_public: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def takes_id(self) -> bool:
        return "{id}" in self.path

    def filled(self, **values: str) -> str:
        return self.path.format(**{"id": "absent", "delivery_id": "absent", "code": "not_found"} | values)


def routes(template: Template) -> list[Route]:
    """All but `$default`, which serves every path that is none of these."""
    events = [event for function in of_type(template, FUNCTION).values() for event in _http_events(function)]
    return [Route(event["Method"], event["Path"], _is_public(event)) for event in events if "Path" in event]


def _http_events(function: dict[str, Any]) -> list[dict[str, Any]]:
    return [each["Properties"] for each in function.get("Events", {}).values() if each["Type"] == "HttpApi"]


def _is_public(event: dict[str, Any]) -> bool:
    return bool(event.get("Auth", {}).get("Authorizer") == "NONE")
