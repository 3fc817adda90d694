"""Facebook Login: dialogue, code, tokens of a person and of a Page. Played for the Meta app, not the Instagram one."""

import math

from simulator import pages
from simulator.errors import (
    APPLICATION_WRONG,
    CODE_EXPIRED,
    CODE_OF_ANOTHER_URI,
    CODE_USED,
    REVOKED,
    SECRET_WRONG,
    TOKEN_UNREADABLE,
    GraphError,
    filled,
    invalid,
)
from simulator.oauth import Dialogue, DialogueError, denial, granted, read_dialogue
from simulator.options import CODE_LIFETIME, LONG_TOKEN_LIFETIME, SHORT_TOKEN_LIFETIME
from simulator.parameters import Parameters
from simulator.people import FacebookCode, FacebookToken, PretendPage, person_id
from simulator.wire import Json, Request, Response, html_response, json_response, redirect
from simulator.world import World

BASIC = "instagram_basic"
PUBLISH = "instagram_content_publish"
COMMENTS = "instagram_manage_comments"
SHOW_LIST = "pages_show_list"
READ_ENGAGEMENT = "pages_read_engagement"
MANAGE_METADATA = "pages_manage_metadata"
BUSINESS = "business_management"
SCOPES = (
    BASIC,
    PUBLISH,
    COMMENTS,
    "instagram_manage_messages",
    "instagram_manage_insights",
    "instagram_manage_contents",
    "instagram_manage_engagement",
    "instagram_branded_content_creator",
    SHOW_LIST,
    READ_ENGAGEMENT,
    MANAGE_METADATA,
    BUSINESS,
    "ads_management",
    "ads_read",
    "public_profile",
)


def show_dialogue(world: World, request: Request) -> Response:
    """GET /{version}/dialog/oauth, for a person."""
    try:
        dialogue = _dialogue(world, request)
    except DialogueError as exc:
        return html_response(pages.dialogue_error(str(exc)), 400)
    return html_response(pages.facebook_dialogue(world.facebook, dialogue.scopes, request.query))


def answer_dialogue(world: World, request: Request) -> Response:
    """
    POST to the same place, by the page's form or by a script.

    `decision`: allow or deny. `user`: a person's name, by default the first. `scopes`: by default all asked for.
    """
    try:
        dialogue = _dialogue(world, request)
        form = Parameters(request.parameters)
        if form.text("decision") == "deny":
            return redirect(denial(dialogue))
        person = _chosen_person(world, form.text("user"))
    except DialogueError as exc:
        return html_response(pages.dialogue_error(str(exc)), 400)
    code = world.ids.code()
    scopes = granted(dialogue, request.values("scopes"))
    declined = tuple(scope for scope in dialogue.scopes if scope not in scopes)
    expires_at = world.now + CODE_LIFETIME
    world.facebook.codes[code] = FacebookCode(person, scopes, declined, dialogue.redirect_uri, expires_at)
    return redirect(dialogue.back_to_app(code=code) + "#_=_")


def give_token(world: World, request: Request) -> Response:
    """GET or POST /oauth/access_token: for a code, or with `fb_exchange_token` for another token. Raises GraphError."""
    form = Parameters(request.parameters)
    if form.text("client_id") != world.options.meta_app_id:
        raise GraphError(APPLICATION_WRONG)
    if form.text("client_secret") != world.options.meta_app_secret:
        raise GraphError(SECRET_WRONG)
    if form.text("grant_type") == "fb_exchange_token":
        return json_response(_exchanged(world, form))
    code = _spent_code(world, form)
    return json_response(_answer(world, new_token(world, code.person, code.scopes, code.declined, is_long=False)))


def new_token(
    world: World, person: str, scopes: tuple[str, ...], declined: tuple[str, ...] = (), *, is_long: bool
) -> str:
    text = world.ids.facebook_token()
    lifetime = LONG_TOKEN_LIFETIME if is_long else SHORT_TOKEN_LIFETIME
    world.facebook.tokens[text] = FacebookToken(person, scopes, is_long, world.now, world.now + lifetime, declined)
    return text


def page_token(world: World, text: str, token: FacebookToken, page: PretendPage) -> str:
    """Made from a long-lived token it never expires, made from a short-lived one it dies with that."""
    known = world.facebook.page_tokens.get((text, page.id))
    if known is None:
        known = world.ids.facebook_token()
        expires_at = math.inf if token.is_long else token.expires_at
        made = FacebookToken(token.person, token.scopes, token.is_long, world.now, expires_at, page=page)
        world.facebook.tokens[known] = made
        world.facebook.page_tokens[text, page.id] = known
    return known


def valid_token(world: World, text: str) -> FacebookToken:
    """Raises GraphError 190 with the subcode that says why."""
    status, token = world.switches.invalid_token_http_status, world.facebook.tokens.get(text)
    if token is None:  # never issued here, or of the other login (IGAA…)
        raise GraphError(TOKEN_UNREADABLE.with_status(status))
    if (subcode := dead_with(world, token)) is not None:
        raise GraphError(filled(REVOKED[subcode], app_id=world.options.meta_app_id).with_status(status))
    return token


def dead_with(world: World, token: FacebookToken) -> int | None:
    return token.revoked_with or (463 if world.now >= token.expires_at else None)


def debug_token(world: World, request: Request) -> Response:
    """GET /debug_token, for the app itself (`id|secret`). Raises GraphError."""
    options = world.options
    if request.access_token != f"{options.meta_app_id}|{options.meta_app_secret}":
        raise GraphError(TOKEN_UNREADABLE)
    token = world.facebook.tokens.get(Parameters(request.parameters).required("input_token"))
    if token is None:
        return json_response({"data": {"is_valid": False, "scopes": [], "error": {"code": 190}}})
    about: Json = {
        "app_id": options.meta_app_id,
        "type": "PAGE" if token.page else "USER",
        "application": "The pretend app",
        "expires_at": 0 if math.isinf(token.expires_at) else int(token.expires_at),
        "data_access_expires_at": int(token.issued_at) + 90 * 86_400,
        "is_valid": dead_with(world, token) is None,
        "scopes": list(token.scopes),
        "user_id": person_id(token.person),
    }
    return json_response({"data": about | ({"profile_id": token.page.id} if token.page else {})})


def _dialogue(world: World, request: Request) -> Dialogue:
    return read_dialogue(world, Parameters(request.query_parameters), world.options.meta_app_id, SCOPES)


def _chosen_person(world: World, name: str | None) -> str:
    people = world.facebook.people()
    if not people or (name is not None and name not in people):
        raise DialogueError("There is no such person")
    return name or people[0]


def _exchanged(world: World, form: Parameters) -> Json:
    token = valid_token(world, form.required("fb_exchange_token"))
    if token.page is not None:
        raise invalid("The access token is not a user access token")
    return _answer(world, new_token(world, token.person, token.scopes, token.declined, is_long=True))


def _spent_code(world: World, form: Parameters) -> FacebookCode:
    code = world.facebook.codes.get(form.text("code") or "")
    if code is None or code.is_used:
        raise GraphError(CODE_USED)
    if world.now >= code.expires_at:
        raise GraphError(CODE_EXPIRED)
    if form.text("redirect_uri") != code.redirect_uri:
        raise GraphError(CODE_OF_ANOTHER_URI)
    code.is_used = True
    return code


def _answer(world: World, text: str) -> Json:
    answer: Json = {"access_token": text, "token_type": "bearer"}
    if world.switches.facebook_expires_in == "hidden":
        return answer
    return answer | {"expires_in": int(world.facebook.tokens[text].expires_at - world.now)}
