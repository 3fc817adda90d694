"""
From a request's bytes to a typed value, by pydantic, with a pointer to each wrong field. Only functions that take a
body or a query import this module: pydantic is a third of their cold start.
"""

import json
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from darkroom import capabilities
from darkroom.errors import BadRequestError, FieldError

LONGEST_BODY = 256 * 1024
_MOST_ERRORS = 50
# pydantic speaks of Python's types where a caller sees JSON's.
_CODES = {
    "dataclass_type": "object_type",
    "tuple_type": "array_type",
    "unexpected_keyword_argument": "unknown_field",
}


@cache
def adapter(shape: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def body(shape: Hashable, content_type: str, raw: bytes) -> Any:
    """Strict: a number is not text, an unknown field is an error. Raises BadRequestError."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise BadRequestError("unsupported_media_type")
    if len(raw) > LONGEST_BODY:
        raise BadRequestError("payload_too_large")
    try:
        return adapter(shape).validate_json(raw, strict=True)
    except ValidationError as error:
        raise _refusal(error, "/") from None


def event(shape: Hashable, value: Mapping[str, Any]) -> Any:
    """As `body`, of an event that is JSON already."""
    return body(shape, "application/json", json.dumps(value).encode())


def query(shape: Hashable, parameters: Mapping[str, str]) -> Any:
    """Lenient about types, because a query is text; strict about names. The pointer of a parameter begins with `?`."""
    try:
        return adapter(shape).validate_python(dict(parameters))
    except ValidationError as error:
        raise _refusal(error, "?") from None


def _refusal(error: ValidationError, mark: str) -> BadRequestError:
    """Never quotes the input: it may be a caption. `mark` begins a pointer; the whole body's is empty (RFC 6901)."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return BadRequestError("malformed_json")
    return BadRequestError(errors=tuple(_field_error(each, mark) for each in found[:_MOST_ERRORS]))


def _field_error(found: ErrorDetails, mark: str) -> FieldError:
    code = _CODES.get(found["type"], found["type"])
    message = found["msg"]
    if code == "unknown_field":
        code, message = _unknown(str(found["loc"][-1]))
    path = "/".join(_escaped(part) for part in found["loc"])
    return FieldError(mark + path if path else "", code, message)


def _unknown(name: str) -> tuple[str, str]:
    """A field that Meta has and we have not is refused with the reason."""
    if reason := capabilities.reason_not_offered(name):
        return "not_possible", reason
    return "unknown_field", "There is no such field."


def _escaped(part: int | str) -> str:
    """RFC 6901; clipped, because the name of an unknown field is the caller's text."""
    return str(part).replace("~", "~0").replace("/", "~1")[:80]
