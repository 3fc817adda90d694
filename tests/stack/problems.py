"""The form that every refusal has over HTTP."""

import re
from typing import Any

import httpx


def refused(answer: httpx.Response, status: int = 401) -> dict[str, Any]:
    """The body of a refusal, once its form is as promised."""
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told.get("status")) == (status, status), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert re.fullmatch(r"req_\w{26}", answer.headers["x-request-id"])
    assert told["request_id"] == answer.headers["x-request-id"]
    assert told["instance"] == answer.request.url.path
    assert {"type", "title", "detail", "code", "actor", "retry"} <= told.keys()
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    return told


def pointers(answer: httpx.Response, code: str = "invalid_request") -> dict[str, str]:
    """The wrong fields of a 422, and what is wrong with each."""
    told = refused(answer, 422)
    assert told["code"] == code, told
    return {error["pointer"]: error["code"] for error in told["errors"]}
