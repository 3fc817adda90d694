"""
The pretend Instagram: one request in, one response out, no sockets.

`Instagram().handle(Request("GET", "/v25.0/me", "fields=id&access_token=…"))`. The adapters for real HTTP and for
httpx are in `app` and `testing`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx

from simulator import control, facebook, facebook_login, oauth, samples
from simulator.call import Call
from simulator.clock import Clock
from simulator.errors import (
    ACCOUNT_THROTTLED,
    PERMISSION_MISSING,
    TOKEN_MISSING,
    TOKEN_MISSING_FOR_ME,
    UNKNOWN_PATH,
    GraphError,
    OAuthError,
    Refusal,
    filled,
    invalid,
    object_missing,
)
from simulator.facebook import FacebookCall
from simulator.faults import Fault, read_fault, spoiled
from simulator.headers import graph_headers, usage_headers
from simulator.ids import Ids
from simulator.media_files import MediaFetcher
from simulator.options import Options
from simulator.parameters import Parameters
from simulator.payloads import About
from simulator.routes import CODE_EXCHANGE, FACEBOOK_GRAPH, FACEBOOK_OPEN, GRAPH, OPEN, Target, target_of
from simulator.switches import Switches
from simulator.webhooks import Callback
from simulator.wire import Json, Request, Response, UnreadableBodyError, json_response
from simulator.world import CallRecord, World

REMOVED_PARAMETERS = ("pretty", "debug", "date_format")


class Instagram:
    """
    clock: real time by default; `Clock(start=…)` for tests.
    switches: what `reset` comes back to.
    seed: the same seed makes the same ids and tokens.
    media_transport: replaces the network when image and video URLs are fetched.
    webhook_transport: replaces the network when webhooks are delivered.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, each with a default
        self,
        options: Options | None = None,
        *,
        clock: Clock | None = None,
        switches: Switches | None = None,
        seed: int | None = None,
        media_transport: httpx.BaseTransport | None = None,
        webhook_transport: httpx.BaseTransport | None = None,
    ) -> None:
        options = options or Options()
        fetcher = MediaFetcher(options.fetch_seconds, media_transport)
        self.world = World(
            options,
            clock or Clock(),
            Ids(seed),
            fetcher,
            switches or Switches(),
            webhook_transport=webhook_transport,
        )

    @property
    def clock(self) -> Clock:
        return self.world.clock

    def handle(self, request: Request) -> Response:
        """May take as long as a media download; never holds the lock meanwhile."""
        if request.path.startswith(samples.PREFIX):
            return samples.sample(request.path.removeprefix(samples.PREFIX))
        with self.world.lock:
            if request.path.startswith("/_sim"):
                return control.answer(self.world, request)
            return self._answer(request)

    def switch(self, **changes: Any) -> None:
        """`switch(refresh_mode="rotate_kill")`. Raises ValueError."""
        self.world.switches = self.world.switches.changed(changes)

    def fail(self, path: str, kind: str, **details: Any) -> Fault:
        """`fail("POST /{ig}/media_publish", "timeout", when="after", nth=1)`. Raises BadFaultError."""
        return self.world.faults.add(read_fault({"match": {"path": path}, "kind": kind, **details}))

    def mend(self, fault: Fault) -> None:
        """The end of this one fault; others go on."""
        self.world.faults.remove(fault.id)

    def throttle(self, username: str, minutes: float) -> None:
        """Every call of this account is answered 80002 until so many minutes from now; 0 ends it."""
        control.throttle(self.world, username, minutes)

    def subscribe_webhooks(self, callback_url: str, verify_token: str) -> None:
        """What an operator does in the App Dashboard. Raises CallbackError."""
        self.world.webhooks.subscribe(Callback(callback_url, verify_token))

    def send_webhook(self, kind: str, username: str, **about: Any) -> None:
        """As the dashboard's Test button: also for an account that has subscribed to nothing. See payloads.PAYLOADS."""
        account = self.world.account_named(username)
        assert account is not None, f"no pretend account {username}"
        self.world.webhooks.tell(kind, About(**{"account": account.user_id, "at": self.world.now, **about}))

    def deliver_webhooks(self) -> int:
        """Attempts what is due; how many that was. On a real clock a thread does it by itself."""
        return len(self.world.webhooks.deliver())

    def token_for(self, username: str, scopes: tuple[str, ...] = oauth.SCOPES, *, is_long: bool = True) -> str:
        """A token as the App Dashboard generates it, without the login."""
        account = self.world.account_named(username)
        assert account is not None, f"no pretend account {username}"
        return oauth.new_token(self.world, account, scopes, is_long=is_long)

    def page_token_for(self, username: str) -> str:
        """A token of the Page that this account is linked to, as Facebook Login ends with one."""
        page = next(page for page in self.world.facebook.pages.values() if page.username == username)
        person = facebook_login.new_token(self.world, page.person, facebook_login.SCOPES, is_long=True)
        return facebook_login.page_token(self.world, person, self.world.facebook.tokens[person], page)

    def ledger(self) -> list[Json]:
        """Everything the world can see, oldest first."""
        return control.ledger_of(self.world)

    def calls(self, route: str | None = None) -> list[CallRecord]:
        """The call log, or only the calls of one route such as `POST /{ig}/media_publish`."""
        return [c for c in self.world.calls if route in {None, f"{c.method} {c.template}"}]

    def _answer(self, request: Request) -> Response:
        target = target_of(self.world, request)
        fault = self.world.faults.due(request.method, target.template, target.path)
        if fault is None:
            answer = self._true_answer(request, target)
        else:
            happens = fault.when == "after"
            answer = self._spoiled(fault, request, target, self._true_answer(request, target) if happens else None)
        self._record(request, target, answer, fault)
        return answer

    def _true_answer(self, request: Request, target: Target) -> Response:
        try:
            is_open = FACEBOOK_OPEN if target.is_facebook else OPEN
            if handler := is_open.get(f"{request.method} {target.template}"):
                return handler(self.world, request)
            return self._graph_answer(request, target)
        except OAuthError as exc:
            return json_response(exc.envelope(), 400)
        except GraphError as exc:
            return self._refused(exc.refusal, request, target)
        except UnreadableBodyError as exc:
            return self._refused(Refusal(100, None, f"(#100) The request body is not a valid {exc}"), request, target)

    def _graph_answer(self, request: Request, target: Target) -> Response:
        answer = self._facebook_payload if target.is_facebook else self._payload
        payload = answer(request, target)
        headers = graph_headers(target.version, self.world.switches.newest_version)
        return json_response(payload, 200, headers | self._usage(request))

    def _payload(self, request: Request, target: Target) -> Json:
        """Checks in Graph's order: path, token, allowance, object, what can be done with it, permission."""
        route = GRAPH.get(f"{request.method} {target.template}")
        if route is None and target.node == "":
            raise GraphError(filled(UNKNOWN_PATH, path=target.path))
        call = self._authorised(request, target)
        if route is None:
            raise _unsupported(request.method, target)
        self._check_permissions(call.token.scopes, route.scopes)
        return route.answer(self.world, call)

    def _facebook_payload(self, request: Request, target: Target) -> Json:
        """As above; what is an account's own is answered as at the other host, for the account the token acts for."""
        key = f"{request.method} {target.template}"
        own, shared = FACEBOOK_GRAPH.get(key), GRAPH.get(key) if target.is_accounts_own else None
        if own is None and shared is None and target.node == "":
            raise GraphError(filled(UNKNOWN_PATH, path=target.path))
        call = self._authorised_by_facebook(request, target)
        if own is not None:
            self._check_permissions(call.token.scopes, own.scopes)
            return own.answer(self.world, call)
        if shared is None or target.edge == "subscribed_apps":  # the Page subscribes, not the account
            raise _unsupported(request.method, target)
        acting = facebook.as_account(self.world, call)
        if self.world.seconds_throttled(acting.account.user_id):
            raise GraphError(ACCOUNT_THROTTLED)
        self._check_permissions(acting.scopes, shared.scopes)
        if target.node_type == "IGUser" and not target.edge:
            return facebook.read_instagram_account(self.world, acting.account, call.parameters)
        return shared.answer(
            self.world, Call(request, call.parameters, call.node, acting, call.token_text, is_facebook=True)
        )

    def _authorised(self, request: Request, target: Target) -> Call:
        text = request.access_token
        if text is None:
            raise GraphError(TOKEN_MISSING_FOR_ME if target.node == "me" else TOKEN_MISSING)
        token, parameters = oauth.valid_token(self.world, text), Parameters(request.parameters)
        call = Call(request, parameters, target.node, token, text)
        oauth.check_proof(self.world, text, parameters, self.world.options.app_secret)
        if self.world.seconds_throttled(call.account.user_id):
            raise GraphError(ACCOUNT_THROTTLED)
        self._check_parameters(parameters)
        _check_object(call, target)
        return call

    def _authorised_by_facebook(self, request: Request, target: Target) -> FacebookCall:
        text = request.access_token
        if text is None:
            raise GraphError(TOKEN_MISSING_FOR_ME if target.node == "me" else TOKEN_MISSING)
        token, parameters = facebook_login.valid_token(self.world, text), Parameters(request.parameters)
        oauth.check_proof(self.world, text, parameters, self.world.options.meta_app_secret)
        self._check_parameters(parameters)
        return FacebookCall(request, parameters, target.node, token, text)

    def _check_parameters(self, parameters: Parameters) -> None:
        if self.world.switches.removed_parameters == "refuse":
            for name in REMOVED_PARAMETERS:
                if name in parameters:
                    raise invalid(f"The parameter {name} is no longer supported")

    def _check_permissions(self, scopes: Sequence[str], needed: Sequence[str]) -> None:
        missing = [scope for scope in needed if scope not in scopes]
        if not missing:
            return
        code, status = self.world.switches.permission_code, self.world.switches.permission_http_status
        message = f"(#{code}) Requires {' and '.join(missing)} permission to manage the object"
        raise GraphError(replace(PERMISSION_MISSING, code=code, status=status, message=message))

    def _refused(self, refusal: Refusal, request: Request, target: Target) -> Response:
        headers = graph_headers(target.version, self.world.switches.newest_version, refusal)
        return json_response(refusal.envelope(self.world.ids.trace()), refusal.status, headers | self._usage(request))

    def _usage(self, request: Request) -> dict[str, str]:
        """The app's share stays what the switch says while one account is throttled."""
        switches, account_id = self.world.switches, self._account_id(request)
        if left := self.world.seconds_throttled(account_id or ""):
            return usage_headers(account_id, switches.usage_percent, 100, math.ceil(left / 60))
        return usage_headers(account_id, switches.usage_percent, switches.usage_percent, switches.regain_minutes)

    def _spoiled(self, fault: Fault, request: Request, target: Target, true_answer: Response | None) -> Response:
        if fault.kind == "json_error" and target.template == CODE_EXCHANGE and not target.is_facebook:
            return json_response(OAuthError(fault.message or "Invalid request").envelope(), fault.status or 400)
        answer = spoiled(fault, true_answer, self.world.ids.trace())
        if fault.is_throttle:
            app = self.world.switches.usage_percent if fault.is_of_one_account else 100
            usage = usage_headers(self._account_id(request), app, 100, fault.regain_minutes)
            answer = replace(answer, headers={**answer.headers, **usage})
        return answer

    def _record(self, request: Request, target: Target, answer: Response, fault: Fault | None) -> None:
        try:
            names = sorted(request.parameters)
        except UnreadableBodyError:
            names = []
        record = CallRecord(
            at=self.world.now,
            method=request.method,
            template=target.template,
            path=target.path,
            parameters=names,
            status=answer.status,
            account=self._account_id(request),
            fault=f"{fault.kind} {fault.when}" if fault else None,
        )
        self.world.calls.append(record)

    def _account_id(self, request: Request) -> str | None:
        try:
            text = request.access_token or ""
        except UnreadableBodyError:
            return None
        if token := self.world.tokens.get(text):
            return token.account.user_id
        person = self.world.facebook.tokens.get(text)
        account = facebook.linked_account(self.world, person.page) if person and person.page else None
        return account.user_id if account else None


def _check_object(call: Call, target: Target) -> None:
    """Another account's node looks exactly like one that does not exist."""
    if target.node_type == "IGUser" and target.node not in {"me", call.account.user_id, call.account.id}:
        raise object_missing(call.request.method, target.node)


def _unsupported(method: str, target: Target) -> GraphError:
    if method == "GET" and target.node_type and target.edge:
        return invalid(f"Tried accessing nonexisting field ({target.edge}) on node type ({target.node_type})")
    return object_missing(method, target.node)
