"""Bytes in, bytes out: requests and responses as plain values, and every way Meta lets a parameter travel."""

import enum
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

type Json = dict[str, Any]

JSON_TYPE = "application/json; charset=UTF-8"  # Meta's spelling
CRUMBS = 40
PHP_ARRAY = re.compile(r"^(\w+)\[\w*\]$")


class Delivery(enum.Enum):
    """How an adapter hands the answer over. The core never waits and never hangs up; adapters do."""

    WHOLE = "whole"
    NEVER = "never"  # hold the connection, answer nothing
    HANG_UP = "hang up"  # reset the connection, answer nothing
    DRIP = "drip"  # the whole answer, in crumbs, spread over `delay` seconds


@dataclass(frozen=True)
class Request:
    """`path` and `query` as they were sent, undecoded query, header names in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def origin(self) -> str:
        scheme = self.headers.get("x-forwarded-proto", "http")
        return f"{scheme}://{self.headers.get('host', 'graph.instagram.com')}"

    @cached_property
    def parameters(self) -> Json:
        """Query, then body (form, multipart or JSON); the later one wins. Raises UnreadableBodyError."""
        return _merged([*_query_pairs(self), *_body_pairs(self)])

    @cached_property
    def query_parameters(self) -> Json:
        return _merged(_query_pairs(self))

    @property
    def access_token(self) -> str | None:
        """From the parameters, or the `Authorization` header as Bearer or OAuth. Raises UnreadableBodyError."""
        if token := self.parameters.get("access_token"):
            return str(token)
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() in {"bearer", "oauth"} and token else None

    def values(self, name: str) -> list[str]:
        """Every value of a repeated form field, as check boxes send them."""
        return [value for key, value in _body_pairs(self) if key == name]


@dataclass(frozen=True)
class Response:
    """`delay`: seconds an adapter waits before it answers, or takes to drip."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delivery: Delivery = Delivery.WHOLE
    delay: float = 0.0

    def json(self) -> Any:
        return json.loads(self.body)


class UnreadableBodyError(Exception):
    """The body is not what its content type says."""


def json_response(payload: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, {"content-type": JSON_TYPE, **(headers or {})}, json.dumps(payload).encode())


def html_response(page: str, status: int = 200) -> Response:
    return Response(status, {"content-type": "text/html; charset=utf-8"}, page.encode())


def redirect(location: str) -> Response:
    return Response(302, {"location": location})


def _merged(pairs: list[tuple[str, Any]]) -> Json:
    """PHP's `name[]` collects; otherwise the last value wins."""
    merged: Json = {}
    for name, value in pairs:
        if array := PHP_ARRAY.match(name):
            merged.setdefault(array[1], []).append(value)
        else:
            merged[name] = value
    return merged


def _query_pairs(request: Request) -> list[tuple[str, Any]]:
    return list(parse_qsl(request.query, keep_blank_values=True))


def _body_pairs(request: Request) -> list[tuple[str, Any]]:
    content_type = request.headers.get("content-type", "").lower()
    if not request.body:
        return []
    if content_type.startswith("application/json"):
        return _json_pairs(request.body)
    if content_type.startswith("multipart/"):
        return _multipart_pairs(request)
    try:
        return list(parse_qsl(request.body.decode(), keep_blank_values=True))
    except UnicodeDecodeError as exc:
        raise UnreadableBodyError("form") from exc


def _json_pairs(body: bytes) -> list[tuple[str, Any]]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise UnreadableBodyError("JSON") from exc
    if not isinstance(payload, dict):
        raise UnreadableBodyError("JSON object")
    return list(payload.items())


def _multipart_pairs(request: Request) -> list[tuple[str, Any]]:
    from python_multipart import parse_form  # noqa: PLC0415 - few clients send it
    from python_multipart.exceptions import FormParserError  # noqa: PLC0415 - as above

    pairs: list[tuple[str, Any]] = []
    headers = {"Content-Type": request.headers["content-type"].encode()}
    try:
        parse_form(
            headers,
            BytesIO(request.body),
            on_field=lambda f: pairs.append(((f.field_name or b"").decode(), (f.value or b"").decode())),
            on_file=None,
        )
    except (FormParserError, UnicodeDecodeError) as exc:
        raise UnreadableBodyError("multipart form") from exc
    return pairs


def crumbs(body: bytes) -> Iterator[bytes]:
    """For Delivery.DRIP: about CRUMBS pieces."""
    size = max(1, len(body) // CRUMBS)
    yield from (body[start : start + size] for start in range(0, len(body), size))
