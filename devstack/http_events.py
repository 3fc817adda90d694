"""HTTP requests as Lambda events (payload 2.0), and Lambda results as HTTP answers. No I/O."""

import base64
import binascii
import datetime as dt
import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from devstack.routes import Authorizer, Route

type Event = dict[str, Any]
type Headers = list[tuple[str, str]]

TEXT_TYPES = ("text/", "application/json", "application/xml", "application/javascript")
STAGE = "$default"


class InvalidResultError(ValueError):
    """The function answered something that an HTTP API cannot send; it says 500 to the caller."""


@dataclass(frozen=True)
class Request:
    """One HTTP request as it came in. `path` is still percent-encoded."""

    method: str
    path: str
    query: str
    headers: Headers  # names in lower case, duplicates kept
    client: str
    body: bytes = b""
    request_id: str = field(default_factory=lambda: base64.b64encode(uuid.uuid4().bytes)[:15].decode() + "=")

    def header(self, name: str) -> str:
        return ",".join(value for key, value in self.headers if key == name)

    @property
    def cookies(self) -> list[str]:
        pairs = (pair.strip() for key, value in self.headers if key == "cookie" for pair in value.split(";"))
        return [pair for pair in pairs if pair]

    @property
    def parameters(self) -> dict[str, str]:
        return _joined(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    body: bytes

    @classmethod
    def message(cls, status: int, text: str) -> "Answer":
        """API Gateway's own words."""
        return cls(status, [("content-type", "application/json")], json.dumps({"message": text}).encode())


@dataclass(frozen=True)
class Surroundings:
    """What API Gateway knows of itself."""

    api_id: str
    account: str
    region: str
    port: int


def function_event(
    request: Request, route: Route, parameters: dict[str, str], around: Surroundings, context: dict[str, Any] | None
) -> Event:
    event = _common(request, route, parameters, around)
    if context is not None:
        event["requestContext"]["authorizer"] = {"lambda": context}
    body, is_base64 = _encoded(request)
    if body is not None:
        event["body"] = body
    event["isBase64Encoded"] = is_base64
    return event


def authorizer_event(
    request: Request, route: Route, parameters: dict[str, str], around: Surroundings, identity: list[str]
) -> Event:
    api = f"arn:aws:execute-api:{around.region}:{around.account}:{around.api_id}"
    event = _common(request, route, parameters, around)
    event["type"] = "REQUEST"
    event["routeArn"] = f"{api}/{STAGE}/{request.method}{unquote(request.path)}"
    event["identitySource"] = identity or None
    return event


def identity(request: Request, authorizer: Authorizer) -> list[str] | None:
    """Values of the identity sources; None when one is missing, and then the authorizer is not even asked."""
    found = [_identity_value(request, source) for source in authorizer.identity_sources]
    return None if not all(found) else found


def _identity_value(request: Request, source: str) -> str:
    kind, _, name = source.removeprefix("$request.").partition(".")
    return request.header(name.lower()) if kind == "header" else request.parameters.get(name, "")


def _common(request: Request, route: Route, parameters: dict[str, str], around: Surroundings) -> Event:
    event: Event = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": unquote(request.path),  # HTTP APIs hand the path over decoded
        "rawQueryString": request.query,
        "headers": _headers(request, around),
        "requestContext": _context(request, route, around),
    }
    for name, value in (
        ("cookies", request.cookies),
        ("queryStringParameters", request.parameters),
        ("pathParameters", parameters),
    ):
        if value:
            event[name] = value
    return event


def _headers(request: Request, around: Surroundings) -> dict[str, str]:
    headers = _joined([(name, value) for name, value in request.headers if name != "cookie"])
    forwarded = headers.get("x-forwarded-for")
    now = int(dt.datetime.now(dt.UTC).timestamp())
    return headers | {
        "content-length": str(len(request.body)),
        "x-amzn-trace-id": f"Root=1-{now:08x}-{uuid.uuid4().hex[:24]}",
        "x-forwarded-for": f"{forwarded}, {request.client}" if forwarded else request.client,
        "x-forwarded-port": str(around.port),
        "x-forwarded-proto": "http",
    }


def _context(request: Request, route: Route, around: Surroundings) -> dict[str, Any]:
    now = dt.datetime.now(dt.UTC)
    domain = request.header("host").rsplit(":", 1)[0]
    return {
        "accountId": around.account,
        "apiId": around.api_id,
        "domainName": domain,
        "domainPrefix": domain.split(".", 1)[0],
        "http": {
            "method": request.method,
            "path": unquote(request.path),
            "protocol": "HTTP/1.1",
            "sourceIp": request.client,
            "userAgent": request.header("user-agent"),
        },
        "requestId": request.request_id,
        "routeKey": route.key,
        "stage": STAGE,
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }


def _joined(pairs: Headers) -> dict[str, str]:
    """Duplicates joined by commas, in order of appearance."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _encoded(request: Request) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    kind = request.header("content-type").lower()
    if kind.startswith(TEXT_TYPES) or "+json" in kind or "+xml" in kind or not kind:
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def answer(result: Any) -> Answer:
    """A function's result as API Gateway reads it: without `statusCode`, the result itself is the body."""
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else json.dumps(result)
        return Answer(200, [("content-type", "application/json")], text.encode())
    headers = _answer_headers(result)
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    return Answer(_status(result["statusCode"]), headers, _answer_body(result))


def _status(value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdigit() or not 100 <= int(value) <= 599:
        raise InvalidResultError("statusCode")
    return int(value)


def _answer_headers(result: dict[str, Any]) -> Headers:
    headers, cookies = result.get("headers") or {}, result.get("cookies") or []
    if not isinstance(headers, dict) or not isinstance(cookies, list):
        raise InvalidResultError("headers")
    if any(isinstance(value, dict | list) for value in [*headers.values(), *cookies]):
        raise InvalidResultError("headers")
    pairs = [(name.lower(), _text(value)) for name, value in headers.items()]
    ours = [(name, value) for name, value in pairs if name not in {"content-length", "connection"}]
    return [*ours, *(("set-cookie", str(cookie)) for cookie in cookies)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _answer_body(result: dict[str, Any]) -> bytes:
    body = result.get("body") or ""
    if not isinstance(body, str):
        raise InvalidResultError("body")
    try:
        return base64.b64decode(body, validate=True) if result.get("isBase64Encoded") else body.encode()
    except binascii.Error as error:
        raise InvalidResultError("body") from error
