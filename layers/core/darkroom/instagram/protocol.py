"""
What goes to Instagram and what comes back, without any I/O: `Request` in, `parse` out.

An answer is judged by the numbers in its error envelope. HTTP status and `is_transient` decide only what
`codes.CODE_TABLE` does not know: Meta throttles with 400, and calls proven passing faults not transient.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from darkroom.instagram import values
from darkroom.instagram.codes import classify, classify_sentence
from darkroom.instagram.errors import (
    AuthorizationCodeError,
    Details,
    InstagramError,
    InstagramUnavailableError,
    InvalidRequestError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitedError,
    TokenInvalidError,
)

type Payload = dict[str, Any]
type Base = Literal["graph", "token", "api", "facebook"]

_DAY = 86_400.0
# Codes too broad to be believed when the sentence says more.
_VAGUE_CODES = frozenset({None, 1, 100, 400})


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: `silence` without a single byte, `total` from the first byte sent to the last received."""

    silence: float
    total: float


@dataclass(frozen=True, slots=True)
class Request:
    """
    One call, ready to be sent. `path_template` has names for ids, harmless in a log; `ids` are checked before they can
    choose another endpoint.

    `base`: "graph" is the API of one version, "token" the same host without a version, "api" the host of the code
    exchange; "facebook" is graph.facebook.com, which has all of these.

    `refusals`: for a call that must not be repeated, the codes that prove that it did nothing, each with its reason
    (`codes`); None: repeating is harmless. A container made twice is an orphan nobody sees, so creating one counts;
    posts and comments do not.
    """

    method: Literal["GET", "POST", "DELETE"]
    path_template: str
    patience: Patience
    base: Base = "graph"
    ids: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    refusals: Mapping[int, str] | None = None

    def __post_init__(self) -> None:
        if not self.path_template.startswith("/"):
            raise ValueError("Only a slash ends the name of the host.")
        for name, value in self.ids.items():
            if values.identifier(value) is None:
                raise InvalidRequestError(f"The {name} is not an id of Instagram's.")
        if self.token is not None and values.secret(self.token) is None:
            raise TokenInvalidError("The token is malformed.")

    @property
    def idempotent(self) -> bool:
        return self.refusals is None

    @property
    def path(self) -> str:
        return self.path_template.format_map(self.ids)


@dataclass(frozen=True, slots=True)
class Usage:
    """
    How much of Meta's allowance is used, in per cent, of the app and of the account; None where nothing was said.

    `retry_after` (seconds) is set only while throttled.
    """

    app_percent: int | None = None
    account_percent: int | None = None
    retry_after: float | None = None


def parse(status: int, headers: Mapping[str, str], body: bytes) -> Payload:
    """The JSON object of a successful answer; raises an `InstagramError` for everything else, whatever the bytes."""
    found = {name.lower(): value for name, value in headers.items()}
    payload = _decode(body)
    details: Details = {
        "status": status,
        "trace_id": values.trace(found.get("x-fb-trace-id")),
        "retry_after": _retry_after(found),
    }
    if not isinstance(payload, dict):
        error = RateLimitedError if status == 429 else InstagramUnavailableError
        raise error("Instagram answered something that is not its JSON.", **details)
    if payload.get("error") is not None:
        _refuse_graph(payload["error"], details)
    if "error_message" in payload or "error_type" in payload:
        _refuse_login(payload, details)
    if not 200 <= status < 300:
        raise _by_status(details, enveloped=False)(**details)
    return payload


def _refuse_graph(envelope: Any, details: Details) -> NoReturn:
    """The Graph envelope: `{"error": {message, type, code, error_subcode, …}}`."""
    if not isinstance(envelope, dict):
        raise _by_status(details, enveloped=False)(**details)
    code, subcode = values.integer(envelope.get("code")), values.integer(envelope.get("error_subcode"))
    transient = envelope.get("is_transient")
    details |= {
        "code": code,
        "subcode": subcode,
        "is_transient": transient if isinstance(transient, bool) else None,
        "trace_id": values.trace(envelope.get("fbtrace_id")) or details.get("trace_id"),
        "user_title": values.plain(envelope.get("error_user_title")),
        "user_message": values.plain(envelope.get("error_user_msg")),
    }
    said = _said(envelope.get("message")) if code in _VAGUE_CODES and subcode is None else None
    raise (said or classify(code, subcode) or _by_status(details, enveloped=True))(**details)


def _refuse_login(payload: Payload, details: Details) -> NoReturn:
    """The shape of api.instagram.com: `{error_type, code, error_message}`, where `code` repeats the HTTP status."""
    code = values.integer(payload.get("code"))
    details |= {"code": code, "user_message": values.plain(payload.get("error_message"))}
    known = _said(payload.get("error_message")) or classify(code, None)
    if known is None:
        known = _by_status(details, enveloped=True)
    raise (AuthorizationCodeError if known is InvalidRequestError else known)(**details)


def _said(sentence: Any) -> type[InstagramError] | None:
    return classify_sentence(sentence) if isinstance(sentence, str) else None


def _by_status(details: Details, *, enveloped: bool) -> type[InstagramError]:
    """
    The class of what the table does not know. `enveloped`: Instagram itself spoke, not a proxy or an edge in between.

    No status makes a token invalid: an account is declared disconnected only by a code that proves it.
    """
    status = details.get("status") or 0
    if status == 429:
        return RateLimitedError
    if details.get("is_transient") or not enveloped or not 400 <= status < 500:
        return InstagramUnavailableError
    return PermissionDeniedError if status == 403 else InvalidRequestError


def settle(error: InstagramError, request: Request) -> InstagramError:
    """
    What an error answer means for this request.

    For a call that must not be repeated, only the codes of its `refusals` prove that nothing happened.
    """
    if request.refusals is None or error.code in request.refusals:
        return error
    return OutcomeUnknownError(
        code=error.code,
        subcode=error.subcode,
        trace_id=error.trace_id,
        status=error.status,
        is_transient=error.is_transient,
        retry_after=error.retry_after,
        user_title=error.user_title,
        user_message=error.user_message,
    )


def parse_usage(headers: Mapping[str, str]) -> Usage:
    """
    Read `X-App-Usage` and `X-Business-Use-Case-Usage`; what is malformed counts as not said.

    `estimated_time_to_regain_access` is in minutes on the wire. Meta keys the second header by an id that is sometimes
    the account's and sometimes a business's: the worst entry counts.
    """
    found = {name.lower(): value for name, value in headers.items()}
    app = _decode(found.get("x-app-usage"))
    entries = list(_use_cases(_decode(found.get("x-business-use-case-usage"))))
    minutes = [_amount(entry.get("estimated_time_to_regain_access")) for entry in entries]
    longest = max(minutes, default=0)
    return Usage(
        app_percent=_percent(app) if isinstance(app, dict) else None,
        account_percent=max((share for entry in entries if (share := _percent(entry)) is not None), default=None),
        retry_after=min(longest * 60.0, _DAY) if longest else None,
    )


def _use_cases(header: Any) -> Iterator[Payload]:
    if isinstance(header, dict):
        for entries in header.values():
            yield from (entry for entry in entries if isinstance(entry, dict)) if isinstance(entries, list) else ()


def _percent(entry: Payload) -> int | None:
    names = [name for name in ("call_count", "total_time", "total_cputime") if name in entry]
    return max((_amount(entry[name]) for name in names), default=None)


def _amount(value: Any) -> int:
    return max(values.integer(value) or 0, 0)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds. Meta documents only its usage header; an edge in front of it may send the standard one."""
    standard = headers.get("retry-after", "")
    if re.fullmatch("[0-9]{1,5}", standard):
        return min(float(standard), _DAY)
    return parse_usage(headers).retry_after


def appsecret_proof(app_secret: str, token: str) -> str:
    """Proof that a call comes from the owner of the app's secret, and not merely of a token."""
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def encode_form(parameters: Mapping[str, object]) -> dict[str, str]:
    """
    Parameters as Meta reads them in a form body; None is left out.

    Lists and objects travel as JSON, `children` as a comma list, which is how Meta's carousel guide shows it.
    """
    form = {name: _encode(name, value) for name, value in parameters.items() if value is not None}
    if any("\ud800" <= character <= "\udfff" for value in form.values() for character in value):
        raise InvalidRequestError("A parameter is not valid Unicode.")
    return form


def _encode(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if name == "children" and isinstance(value, list | tuple):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _decode(body: bytes | str | None) -> Any:
    """
    JSON, or None for whatever is not. Numbers that JSON does not have (NaN, Infinity) make it not JSON.

    Nothing is raised: a decoder's exception carries the text it read, tokens included.
    """
    if not body:
        return None
    try:
        return json.loads(body, parse_constant=_no_such_number)
    except (ValueError, RecursionError):
        return None


def _no_such_number(name: str) -> NoReturn:
    raise ValueError(name)
