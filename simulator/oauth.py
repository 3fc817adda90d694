"""Logging in: authorise, code, short token, long token, refresh. Lifetimes are in `options`."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from simulator import pages
from simulator.call import Call
from simulator.errors import (
    PROOF_MISSING,
    PROOF_WRONG,
    REVOKED,
    SECRET_WRONG,
    SESSION_KEY_INVALID,
    TOKEN_UNREADABLE,
    GraphError,
    OAuthError,
    filled,
    invalid,
)
from simulator.options import CODE_LIFETIME, LONG_TOKEN_LIFETIME, SHORT_TOKEN_LIFETIME
from simulator.parameters import Parameters
from simulator.wire import Json, Request, Response, html_response, json_response, redirect
from simulator.world import Account, Code, Token, World

BASIC = "instagram_business_basic"
PUBLISH = "instagram_business_content_publish"
COMMENTS = "instagram_business_manage_comments"
SCOPES = (
    BASIC,
    PUBLISH,
    COMMENTS,
    "instagram_business_manage_messages",
    "instagram_business_manage_insights",
)
OTHER_CODE_MESSAGE = (
    "Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the "
    "OAuth dialog request"
)


class DialogueError(Exception):
    """The authorise page cannot even be shown; the person sees the sentence, the app sees nothing."""


@dataclass(frozen=True)
class Dialogue:
    """A valid authorise request."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None

    def back_to_app(self, **answer: str) -> str:
        if self.state is not None:
            answer["state"] = self.state
        joint = "&" if urlsplit(self.redirect_uri).query else "?"
        return f"{self.redirect_uri}{joint}{urlencode(answer)}"


def show_dialogue(world: World, request: Request) -> Response:
    """GET /oauth/authorize, for a person."""
    try:
        dialogue = read_dialogue(world, Parameters(request.query_parameters), world.options.app_id, SCOPES)
    except DialogueError as exc:
        return html_response(pages.dialogue_error(str(exc)), 400)
    return html_response(pages.dialogue(list(world.accounts.values()), dialogue.scopes, BASIC, request.query))


def answer_dialogue(world: World, request: Request) -> Response:
    """
    POST /oauth/authorize, by the page's form or by a script.

    `decision`: allow or deny. `user`: a username, by default the first. `scopes`: by default all that were asked for.
    """
    try:
        dialogue = read_dialogue(world, Parameters(request.query_parameters), world.options.app_id, SCOPES)
        form = Parameters(request.parameters)
        if form.text("decision") == "deny":
            return redirect(denial(dialogue))
        account = _chosen_account(world, form.text("user"))
    except DialogueError as exc:
        return html_response(pages.dialogue_error(str(exc)), 400)
    code = new_code(world, account, granted(dialogue, request.values("scopes")), dialogue.redirect_uri)
    return redirect(dialogue.back_to_app(code=code) + "#_")


def exchange_code(world: World, request: Request) -> Response:
    """POST /oauth/access_token on api.instagram.com. Raises OAuthError."""
    form = Parameters(request.parameters)
    if form.text("client_id") != world.options.app_id:
        raise OAuthError("Invalid platform app")
    if form.text("grant_type") != "authorization_code":
        raise OAuthError("Invalid grant_type")
    if form.text("client_secret") != world.options.app_secret:
        raise OAuthError("Error validating client secret")
    code = _spend_code(world, form)
    token = new_token(world, code.account, code.scopes, is_long=False)
    return json_response(_short_token_answer(world, token, code))


def exchange_for_long_token(world: World, call: Call) -> Json:
    """GET /access_token?grant_type=ig_exchange_token."""
    if call.parameters.text("grant_type") != "ig_exchange_token":
        raise invalid("Param grant_type must be ig_exchange_token")
    if call.parameters.text("client_secret") != world.options.app_secret:
        raise GraphError(SECRET_WRONG)
    if call.token.is_long:
        raise GraphError(SESSION_KEY_INVALID)
    token = new_token(world, call.account, call.token.scopes, is_long=True)
    return _long_token_answer(world, token)


def refresh(world: World, call: Call) -> Json:
    """GET /refresh_access_token?grant_type=ig_refresh_token."""
    if call.parameters.text("grant_type") != "ig_refresh_token":
        raise invalid("Param grant_type must be ig_refresh_token")
    if not call.token.is_long or world.now < call.token.issued_at + world.switches.refresh_min_age:
        raise invalid("Only a long-lived access token that is at least 24 hours old can be refreshed")
    if world.switches.refresh_mode == "same":
        call.token.issued_at, call.token.expires_at = world.now, world.now + LONG_TOKEN_LIFETIME
        return _long_token_answer(world, call.token_text)
    if world.switches.refresh_mode == "rotate_kill":
        call.token.revoked_with = 467
    return _long_token_answer(world, new_token(world, call.account, call.token.scopes, is_long=True))


def new_code(world: World, account: Account, scopes: tuple[str, ...], redirect_uri: str) -> str:
    code = world.ids.code()
    world.codes[code] = Code(account, scopes, redirect_uri, world.now + CODE_LIFETIME)
    return code


def new_token(world: World, account: Account, scopes: tuple[str, ...], *, is_long: bool) -> str:
    text = world.ids.token()
    lifetime = LONG_TOKEN_LIFETIME if is_long else SHORT_TOKEN_LIFETIME
    world.tokens[text] = Token(account, scopes, is_long, world.now, world.now + lifetime)
    return text


def valid_token(world: World, text: str) -> Token:
    """Raises GraphError 190 with the subcode that says why."""
    status = world.switches.invalid_token_http_status
    token = world.tokens.get(text)
    if token is None:  # never issued here, or of the other login flavour (EAA…)
        raise GraphError(TOKEN_UNREADABLE.with_status(status))
    subcode = token.revoked_with or (463 if world.now >= token.expires_at else None)
    if subcode is not None:
        raise GraphError(filled(REVOKED[subcode], app_id=world.options.app_id).with_status(status))
    return token


def check_proof(world: World, text: str, parameters: Parameters, app_secret: str) -> None:
    """HMAC-SHA256 of the token, or of `token|time` while `appsecret_time` is younger than 5 minutes."""
    proof, mode = parameters.text("appsecret_proof"), world.switches.appsecret_proof
    if mode == "ignore" or (mode == "check" and proof is None):
        return
    if proof is None:
        raise GraphError(PROOF_MISSING)
    moment = parameters.integer("appsecret_time")
    message = text if moment is None else f"{text}|{moment}"
    expected = hmac.new(app_secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    if proof != expected or (moment is not None and abs(world.now - moment) > 300):
        raise GraphError(PROOF_WRONG)


def read_dialogue(world: World, query: Parameters, app_id: str, known: Sequence[str]) -> Dialogue:
    """Of the app with this id, which may ask for the known scopes. Raises DialogueError."""
    if query.text("client_id") != app_id:
        raise DialogueError("Invalid platform app")
    redirect_uri = query.text("redirect_uri")
    if redirect_uri is None or urlsplit(redirect_uri).scheme not in {"http", "https"}:
        raise DialogueError("Invalid redirect_uri")
    if world.options.redirect_uris and redirect_uri not in world.options.redirect_uris:
        raise DialogueError("Invalid redirect_uri")
    if query.text("response_type") != "code":
        raise DialogueError("Invalid response_type")
    scopes = tuple(dict.fromkeys((query.text("scope") or "").replace(",", " ").split()))
    if not scopes or not set(scopes) <= set(known):
        raise DialogueError(f"Invalid scope: {' '.join(s for s in scopes if s not in known)}")
    return Dialogue(redirect_uri, scopes, query.text("state"))


def denial(dialogue: Dialogue) -> str:
    return dialogue.back_to_app(
        error="access_denied", error_reason="user_denied", error_description="The user denied your request"
    )


def _chosen_account(world: World, username: str | None) -> Account:
    account = next(iter(world.accounts.values()), None) if username is None else world.account_named(username)
    if account is None:
        raise DialogueError("There is no such account")
    if account.profile.account_type == "Personal":
        raise DialogueError("Only professional accounts can be connected")
    return account


def granted(dialogue: Dialogue, ticked: list[str]) -> tuple[str, ...]:
    if not ticked:
        return dialogue.scopes
    chosen = set(",".join(ticked).replace(",", " ").split())
    return tuple(scope for scope in dialogue.scopes if scope in chosen)


def _spend_code(world: World, form: Parameters) -> Code:
    code = world.codes.get(form.text("code") or "")
    if code is None or code.is_used:
        raise OAuthError("Matching code was not found or was already used")
    if world.now >= code.expires_at:
        raise OAuthError("This authorization code has expired")
    if form.text("redirect_uri") != code.redirect_uri:
        raise OAuthError(OTHER_CODE_MESSAGE)
    code.is_used = True
    return code


def _short_token_answer(world: World, token: str, code: Code) -> Json:
    """Meta's page wraps it in data[]; running code reads it flat, with a `user_id` that is a number beyond 2^53."""
    permissions = ",".join(code.scopes)
    if world.switches.short_token_shape == "data":  # noqa: S105 - a shape, no secret
        return {"data": [{"access_token": token, "user_id": code.account.id, "permissions": permissions}]}
    as_list = world.switches.permissions_shape == "list"
    return {
        "access_token": token,
        "user_id": int(code.account.id),
        "permissions": list(code.scopes) if as_list else permissions,
    }


def _long_token_answer(world: World, text: str) -> Json:
    expires_in = int(world.tokens[text].expires_at - world.now)
    return {"access_token": text, "token_type": "bearer", "expires_in": expires_in}
