"""Routes and authorizers of an HTTP API, read from the OpenAPI body that the SAM translation produces."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from devstack.template import HTTP_API, Template, TemplateError, of_type

ANY = "x-amazon-apigateway-any-method"
DEFAULT = "$default"
_FUNCTION = re.compile(r"\$\{(\w+)\.Arn\}")


@dataclass(frozen=True)
class Authorizer:
    """A Lambda REQUEST authorizer with payload 2.0 and simple answers, the only kind there is here."""

    function: str  # logical id
    identity_sources: tuple[str, ...]


@dataclass(frozen=True)
class Route:
    method: str  # "ANY" takes every method
    path: str
    function: str  # logical id
    authorizer: Authorizer | None = None

    @property
    def key(self) -> str:
        return DEFAULT if self.path == DEFAULT else f"{self.method} {self.path}"

    @property
    def segments(self) -> list[str]:
        return self.path.strip("/").split("/")

    @property
    def specificity(self) -> tuple[list[int], bool]:
        """Sorts the best route first: exact before {param} before {proxy+} at each segment, the method before ANY."""
        kinds = {True: 1, False: 0}
        ranks = [2 if part.endswith("+}") else kinds[part.startswith("{")] for part in self.segments]
        return ([3] if self.path == DEFAULT else ranks, self.method == "ANY")

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Path parameters, decoded, when this route serves the request. `path` is as sent, still encoded."""
        if self.method not in {method, "ANY"}:
            return None
        return {} if self.path == DEFAULT else self._match_path(path)

    def _match_path(self, path: str) -> dict[str, str] | None:
        ours, theirs = self.path.split("/"), path.split("/")
        if ours[-1].endswith("+}") and len(theirs) >= len(ours):
            theirs = [*theirs[: len(ours) - 1], "/".join(theirs[len(ours) - 1 :])]
        if len(ours) != len(theirs):
            return None
        parameters = {}
        for part, value in zip(ours, map(unquote, theirs), strict=True):
            if part.startswith("{") and value:
                parameters[part.strip("{+}")] = value
            elif part != value:
                return None
        return parameters


@dataclass(frozen=True)
class HttpApi:
    logical_id: str
    routes: tuple[Route, ...]  # best first
    cors: dict[str, Any] | None

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        for route in self.routes:
            parameters = route.match(method, path)
            if parameters is not None:
                return route, parameters
        return None


def http_api(translated: Template) -> HttpApi:
    """The one HTTP API of a translated template."""
    apis = of_type(translated, HTTP_API)
    if len(apis) != 1:
        raise TemplateError(f"one machine serves exactly one HTTP API; the template has {len(apis)}")
    logical_id, properties = next(iter(apis.items()))
    body = properties["Body"]
    schemes = body.get("components", {}).get("securitySchemes", {})
    authorizers = {name: _authorizer(name, scheme) for name, scheme in schemes.items()}
    routes = sorted(_routes(body, authorizers), key=lambda route: route.specificity)
    return HttpApi(logical_id, tuple(routes), body.get("x-amazon-apigateway-cors"))


def _authorizer(name: str, scheme: dict[str, Any]) -> Authorizer:
    settings = scheme["x-amazon-apigateway-authorizer"]
    simple = settings.get("enableSimpleResponses") and settings.get("authorizerPayloadFormatVersion") == "2.0"
    if settings.get("type") != "request" or not simple:
        raise TemplateError(f"authorizer {name}: only Lambda authorizers, payload 2.0, simple responses")
    sources = settings.get("identitySource") or ""
    listed = sources if isinstance(sources, list) else sources.split(",")
    return Authorizer(_function(settings["authorizerUri"]), tuple(part.strip() for part in listed if part.strip()))


def _routes(body: dict[str, Any], authorizers: dict[str, Authorizer]) -> Iterator[Route]:
    for path, operations in body["paths"].items():
        for verb, operation in operations.items():
            names = [name for requirement in operation.get("security", []) for name in requirement]
            yield Route(
                method="ANY" if verb == ANY else verb.upper(),
                path=DEFAULT if path == f"/{DEFAULT}" else path,
                function=_function(operation["x-amazon-apigateway-integration"]["uri"]),
                authorizer=next((authorizers[name] for name in names if name in authorizers), None),
            )


def _function(uri: Any) -> str:
    """The logical id in an `Fn::Sub` of an invocation ARN; both forms that the translator writes."""
    pattern = uri.get("Fn::Sub") if isinstance(uri, dict) else None
    if isinstance(pattern, list):
        arns = [value.get("Fn::GetAtt", [None])[0] for value in pattern[1].values() if isinstance(value, dict)]
        named = arns[0] if arns else None
    else:
        found = _FUNCTION.search(pattern or "")
        named = found[1] if found else None
    if not isinstance(named, str):
        raise TemplateError(f"an integration must be a function of the template, not {uri!r}")
    return named
