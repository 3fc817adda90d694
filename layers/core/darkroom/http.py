"""
What every HTTP function shares: who calls, what they may, what they sent, and answers in one form.

API Gateway has already routed: `routeKey` is a key of `Api.routes`, so there is no router here. A route states its
scope, and an open one says PUBLIC; nothing is open by omission. The authorizer answers for the credential; without its
word the caller is refused (docs/decisions/0004-authorizer.md).
"""

import json
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from darkroom import idempotency, problems
from darkroom.errors import BadRequestError, DarkroomError, FieldError, NotFoundError, PreconditionFailedError
from darkroom.http_events import Answer, Event, Incoming, outgoing
from darkroom.ids import made_at, new_id
from darkroom.instagram.errors import InstagramError
from darkroom.observability import about, function_of, log, log_unforeseen, since
from darkroom.tenants import Caller
from darkroom.values import Value

PUBLIC: Final = "public"
_NOBODY = Caller("", frozenset())
_LONGEST_ID = 128
_CREATED = (201, 202)  # their Location names what was made; that of a redirect may hold a state


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Form(Value):
    """A body as browsers send forms; `Request.body` is then a text for each of these fields, empty where none came."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Request:
    """
    `body` and `query` are what the route's shapes made of them; the caller of a PUBLIC route is nobody. `ulid` names
    what this request creates; under an Idempotency-Key it is the same in every repetition. `first_asked_at` is set when
    an earlier request with that key may have done some of this, or all: when that one came in. `base_url` is how this
    request reached us, without a trailing slash.
    """

    id: str
    ulid: str
    now: datetime
    caller: Caller
    path: Mapping[str, str]
    parameters: Mapping[str, str]
    query: Any
    body: Any
    cookies: Mapping[str, str]
    if_match: str | None
    base_url: str
    first_asked_at: datetime | None = None

    def version(self) -> int:
        """Which version this request changes, from `If-Match: "3"`."""
        if self.if_match is None:
            raise BadRequestError("precondition_required")
        text = self.if_match.strip().removeprefix("W/").strip('"')
        if not text.isascii() or not text.isdecimal() or len(text) > 9:
            raise PreconditionFailedError  # a version nobody ever was given
        return int(text)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{self.ulid}"


type Handler = Callable[[Request], Answer]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Route:
    """
    One route as it is served and as openapi.json describes it. `answer` is the shape of the success body, `problems`
    the codes that are this route's own. `records` is set where an Idempotency-Key counts. `is_page`: the answer is
    a page for a person.
    """

    key: str
    scope: str
    body: Hashable = None
    query: Hashable = None
    answer: Any = None
    status: int = 200
    problems: tuple[str, ...] = ()
    is_page: bool = False
    records: Callable[[], idempotency.Records] | None = None
    handler: Handler | None = None


@dataclass(slots=True)
class Api:
    """The routes of one function; an instance is the function's handler."""

    routes: dict[str, Route] = field(default_factory=dict)

    def route(self, key: str, *, scope: str, **described: Any) -> Callable[[Handler], Handler]:
        """Serves `key`, such as `GET /v1/posts/{id}`; `described` are the other fields of Route."""

        def register(handler: Handler) -> Handler:
            self.routes[key] = Route(key=key, scope=scope, handler=handler, **described)
            return handler

        return register

    def __call__(self, event: Event, context: object) -> Event:
        started, now = time.perf_counter(), datetime.now(UTC)
        incoming = Incoming(event, new_id("req", now), now)
        about(function=function_of(context), request_id=incoming.request_id)
        try:
            answer = self._answered(incoming)
        except Exception as error:  # noqa: BLE001 — whatever happens, the caller gets a problem and we keep the place
            answer = _problem(error, incoming)
        log(
            "request",
            gateway_request_id=incoming.event["requestContext"].get("requestId"),
            tenant_id=incoming.tenant_id,
            route=incoming.route_key,
            status=answer["statusCode"],
            resource=answer["headers"].get("location") if answer["statusCode"] in _CREATED else None,
            duration_ms=since(started),
        )
        return answer

    def _answered(self, incoming: Incoming) -> Event:
        route = self.routes.get(incoming.route_key)
        if route is None:
            raise NotFoundError
        caller = _NOBODY if route.scope == PUBLIC else _allowed(incoming, route.scope)
        key = incoming.header("idempotency-key")
        if route.records is not None and key is not None:
            return _once(route, incoming, caller, key, route.records())
        return _run(route, incoming, caller, incoming.request_id)


def _allowed(incoming: Incoming, scope: str) -> Caller:
    caller = incoming.caller()
    if caller is None:
        raise incoming.refusal()
    caller.require(scope)
    return caller


def _once(route: Route, incoming: Incoming, caller: Caller, key: str, records: idempotency.Records) -> Event:
    digest = idempotency.digest(caller.tenant_id, route.key, key)
    ulid = incoming.request_id.removeprefix("req_")
    record = idempotency.begin(digest, _meant(incoming, caller), ulid, incoming.now, records)
    if record.answer is not None:
        replayed: Event = json.loads(record.answer)
        replayed["headers"] |= {"idempotent-replayed": "true", "x-request-id": incoming.request_id}
        return replayed
    try:
        answer = _run(route, incoming, caller, f"req_{record.ulid}", is_repeated=record.is_taken_over)
    except Exception as error:  # noqa: BLE001 — a problem here already, because the record is settled by its status
        answer = _problem(error, incoming)
    idempotency.settle(record, answer["statusCode"], json.dumps(answer), caller.tenant_id, records)
    return answer


def _meant(incoming: Incoming, caller: Caller) -> bytes:
    """
    What has to be the same in every repetition. The path: one key for two posts is a mistake, even if the bodies agree.
    The accounts: an answer about one of them is not for another credential of the tenant that may not use it.
    """
    accounts = None if caller.account_ids is None else sorted(caller.account_ids)
    return f"{incoming.event.get('rawPath', '')}\n{accounts}\n".encode() + incoming.raw_body()


def _run(route: Route, incoming: Incoming, caller: Caller, first_id: str, *, is_repeated: bool = False) -> Event:
    """`first_id` is the id of the first request with this key; its own, where there was none before."""
    assert route.handler is not None  # noqa: S101 — `Api.route` has set it
    request = Request(
        id=incoming.request_id,
        ulid=first_id.removeprefix("req_"),
        now=incoming.now,
        caller=caller,
        path=_path(incoming),
        parameters=incoming.event.get("queryStringParameters") or {},
        query=_query(route, incoming),
        body=_body(route, incoming),
        cookies=incoming.cookies(),
        if_match=incoming.header("if-match"),
        base_url=f"https://{incoming.event['requestContext']['domainName']}",
        first_asked_at=made_at(first_id) if is_repeated else None,
    )
    return outgoing(route.handler(request), incoming.request_id)


def _path(incoming: Incoming) -> Mapping[str, str]:
    """No id is longer or odder than this; a table would fail on some such keys, where the answer is: no such thing."""
    path: dict[str, str] = incoming.event.get("pathParameters") or {}
    for value in path.values():
        if not 0 < len(value) <= _LONGEST_ID or not value.isascii() or not value.isprintable() or " " in value:
            raise NotFoundError
    return path


def _query(route: Route, incoming: Incoming) -> Any:
    if route.query is None:
        return _refused_unless_public(route, incoming)
    from darkroom import parsing  # noqa: PLC0415 — pydantic is dear at a cold start; most functions need none

    return parsing.query(route.query, incoming.event.get("queryStringParameters") or {})


def _refused_unless_public(route: Route, incoming: Incoming) -> None:
    """Of our own routes; a browser that comes back from Instagram brings what Instagram likes."""
    unknown = incoming.event.get("queryStringParameters") or {}
    if unknown and route.scope != PUBLIC:
        errors = tuple(FieldError(f"?{name[:80]}", "unknown_field", "There is no such parameter.") for name in unknown)
        raise BadRequestError(errors=errors)


def _body(route: Route, incoming: Incoming) -> Any:
    if route.body is None:
        return None
    if isinstance(route.body, Form):
        sent = incoming.form()
        return {name: sent.get(name, "") for name in route.body.fields}
    from darkroom import parsing  # noqa: PLC0415 — as above

    return parsing.body(route.body, incoming.header("content-type") or "", incoming.raw_body())


def _problem(error: Exception, incoming: Incoming) -> Event:
    if not isinstance(error, DarkroomError | InstagramError):
        log_unforeseen(error)
    is_stranger = incoming.caller() is None  # on a public route everybody is
    body = problems.describe_to_strangers(error) if is_stranger else problems.describe(error)
    log("problem", code=body["code"], **_facts(error))
    headers = {"content-type": "application/problem+json"}
    if body["status"] == 401:
        headers["www-authenticate"] = "Bearer"
    if (after := body["retry"]["after"]) is not None:
        headers["retry-after"] = str(int(after))
    about = {"instance": incoming.event.get("rawPath", ""), "request_id": incoming.request_id}
    return outgoing(Answer(body["status"], {**body, **about}, headers), incoming.request_id)


def _facts(error: Exception) -> dict[str, Any]:
    """What a log line may say of an error."""
    if isinstance(error, InstagramError):
        return {"instagram_code": error.code, "instagram_subcode": error.subcode, "fbtrace_id": error.trace_id}
    if not isinstance(error, DarkroomError):
        return {}
    return {"detail": error.detail, "reason": getattr(error.__cause__, "reason", None)}
