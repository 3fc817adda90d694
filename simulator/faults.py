"""The fault programme: which requests go wrong, when and how. Effect and answer fail separately, as in life."""

import fnmatch
import gzip
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.errors import ACCOUNT_THROTTLED, SERVICE_DOWN, SUSPECTED_SPAM, THROTTLES, refusal_with
from simulator.wire import Delivery, Json, Response, html_response, json_response

MIB = 1024 * 1024
EDGE_PAGE = (
    "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Sorry, something went wrong.</h1></body></html>"
)
MATCH_KEYS = {"method", "path"}
NUMBERS = {"status", "code", "subcode", "seconds", "size", "regain_minutes"}


class BadFaultError(ValueError):
    """The fault's description is not one the programme understands; the sentence says why."""


@dataclass(frozen=True)
class Fault:
    """
    kind: one of KINDS.
    when: `before` the effect (which then never happens) or `after` it.
    nth: which matching requests, counted from 1; None is every one.
    status, code, subcode, message: of http_5xx, http_429, html and json_error.
    seconds: of slow and drip. size: bytes of huge and gzip_bomb. regain_minutes: in the usage header of a throttle.
    """

    kind: str
    path: str = "*"
    method: str | None = None
    nth: frozenset[int] | None = None
    when: str = "before"
    status: int | None = None
    code: int = 2
    subcode: int | None = None
    message: str | None = None
    seconds: float = 30.0
    size: int = 50 * MIB
    regain_minutes: int = 5
    id: str = ""

    def covers(self, method: str, *paths: str) -> bool:
        """A `path` that starts with ^ is a regular expression, otherwise a glob."""
        return self.method in {None, method} and any(re.fullmatch(_expression(self.path), path) for path in paths)

    @property
    def is_throttle(self) -> bool:
        is_spam = self.subcode == SUSPECTED_SPAM  # comes with the code of a throttle
        return self.kind == "http_429" or (self.kind == "json_error" and self.code in THROTTLES and not is_spam)

    @property
    def is_of_one_account(self) -> bool:
        return self.kind == "json_error" and self.code == ACCOUNT_THROTTLED.code

    def as_json(self) -> Json:
        return {name: sorted(v) if isinstance(v, frozenset) else v for name, v in vars(self).items()}


@dataclass
class FaultProgramme:
    _planned: dict[str, Fault] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def add(self, fault: Fault) -> Fault:
        fault = replace(fault, id=f"fault-{next(self._numbers)}")
        self._planned[fault.id] = fault
        self._seen[fault.id] = 0
        return fault

    def remove(self, fault_id: str) -> None:
        """Raises KeyError."""
        del self._planned[fault_id], self._seen[fault_id]

    def clear(self) -> None:
        self._planned.clear()
        self._seen.clear()

    def listing(self) -> list[Json]:
        return [fault.as_json() | {"seen": self._seen[fault.id]} for fault in self._planned.values()]

    def due(self, method: str, *paths: str) -> Fault | None:
        """Counts this request for every fault that covers it; the first planned one that is due wins."""
        due = None
        for fault in self._planned.values():
            if fault.covers(method, *paths):
                self._seen[fault.id] += 1
                if fault.nth is None or self._seen[fault.id] in fault.nth:
                    due = due or fault
        return due


def read_fault(description: Json) -> Fault:
    """From `{"match": {"method", "path"}, "nth", "when", "kind", …}`. Raises BadFaultError."""
    values = dict(description)
    match = values.pop("match", {})
    if not isinstance(match, dict) or not match.keys() <= MATCH_KEYS:
        raise BadFaultError("match takes method and path")
    method, _, path = str(match.get("path", "*")).rpartition(" ")
    values |= {"path": path, "method": match.get("method") or method or None, "nth": _read_nth(values.get("nth"))}
    if "http_status" in values:
        values["status"] = values.pop("http_status")
    _check(values)
    return Fault(**values)


def spoiled(fault: Fault, answer: Response | None, trace_id: str) -> Response:
    """What the caller gets. `answer` is the true one, or None when the effect never happened."""
    base = answer or json_response(SERVICE_DOWN.envelope(trace_id), SERVICE_DOWN.status)
    return KINDS[fault.kind](fault, base, trace_id)


def _check(values: Json) -> None:
    if values.get("kind") not in list(KINDS):
        raise BadFaultError(f"kind is one of {', '.join(KINDS)}")
    if values.get("when", "before") not in ("before", "after"):
        raise BadFaultError("when is before or after")
    if unknown := values.keys() - Fault.__dataclass_fields__.keys():
        raise BadFaultError(f"unknown: {', '.join(sorted(unknown))}")
    for name in NUMBERS & values.keys():
        if not isinstance(values[name], int | float) or values[name] > MIB * 1024:
            raise BadFaultError(f"{name} takes a number")
    try:
        re.compile(_expression(values["path"]))
    except re.error as exc:
        raise BadFaultError(f"path is no regular expression: {exc}") from exc


def _expression(path: str) -> str:
    return path if path.startswith("^") else fnmatch.translate(path)


def _read_nth(nth: Any) -> frozenset[int] | None:
    if nth in (None, "every"):
        return None
    numbers = nth if isinstance(nth, list) else [nth]
    if not all(isinstance(n, int) and n >= 1 for n in numbers):
        raise BadFaultError("nth is a number from 1, a list of them, or every")
    return frozenset(numbers)


def _json_error(fault: Fault, _: Response, trace_id: str) -> Response:
    refusal = refusal_with(fault.code, fault.subcode)
    if fault.message is not None:
        refusal = refusal.saying(fault.message)
    return json_response(refusal.envelope(trace_id), fault.status or refusal.status)


def _http_429(fault: Fault, _: Response, trace_id: str) -> Response:
    return json_response(refusal_with(4, None).envelope(trace_id), fault.status or 429)


def _truncated(_: Fault, answer: Response, __: str) -> Response:
    """Well-formed HTTP around half a JSON document."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def _wrong_types(_: Fault, answer: Response, __: str) -> Response:
    if "json" not in answer.headers.get("content-type", ""):
        return answer
    return replace(answer, body=json.dumps(_twisted(json.loads(answer.body))).encode())


def _twisted(value: Any) -> Any:
    """Objects keep their keys; every value inside has another type."""
    match value:
        case dict():
            return {name: _twisted(v) for name, v in value.items()}
        case list():
            return {str(index): _twisted(v) for index, v in enumerate(value)}
        case str():
            return int(value) if value.isdecimal() else [value]
        case _:
            return None if value is None else str(value)


def _huge(fault: Fault, answer: Response, _: str) -> Response:
    """JSON again, but with so much white space before it that nobody should read it all."""
    return replace(answer, body=b" " * fault.size + answer.body)


def _gzip_bomb(fault: Fault, answer: Response, _: str) -> Response:
    body = gzip.compress(b" " * fault.size + answer.body, 1)
    return replace(answer, body=body, headers={**answer.headers, "content-encoding": "gzip"})


KINDS: dict[str, Callable[[Fault, Response, str], Response]] = {
    "timeout": lambda *_: Response(delivery=Delivery.NEVER),
    "reset": lambda *_: Response(delivery=Delivery.HANG_UP),
    "http_5xx": lambda fault, *_: html_response(EDGE_PAGE, fault.status or 503),
    "http_429": _http_429,
    "json_error": _json_error,
    "html": lambda fault, *_: html_response(EDGE_PAGE, fault.status or 200),
    "empty": lambda fault, *_: Response(fault.status or 200),
    "truncate": _truncated,
    "wrong_types": _wrong_types,
    "slow": lambda fault, answer, _: replace(answer, delay=fault.seconds),
    "drip": lambda fault, answer, _: replace(answer, delay=fault.seconds, delivery=Delivery.DRIP),
    "huge": _huge,
    "gzip_bomb": _gzip_bomb,
}
