"""What a test or a person at the keyboard may ask of the simulator itself, under /_sim/. Never part of Instagram."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import httpx

from simulator import comments, consent, oauth, pages, samples
from simulator.clock import meta_timestamp
from simulator.containers import status_of
from simulator.errors import REVOKED
from simulator.faults import BadFaultError, read_fault
from simulator.options import PretendAccount
from simulator.payloads import PAYLOADS, About
from simulator.people import FacebookToken, PretendPage, person_id
from simulator.reads import media_product_type, media_type, permalink
from simulator.webhooks import MOST_IN_ONE, Callback, CallbackError
from simulator.wire import Json, Request, Response, html_response, json_response, redirect
from simulator.world import Account, Media, Token, World

ACCOUNT_TYPES = {"Business", "Media_Creator", "Personal"}
LONGEST = 10**10


class ControlError(Exception):
    """The request cannot be understood; the sentence says why."""


def answer(world: World, request: Request) -> Response:
    path = request.path.rstrip("/")
    if path.startswith("/_sim/posts/"):
        return _post_page(world, path.removeprefix("/_sim/posts/"))
    if path.startswith("/_sim/media/"):
        return _source_of(world, path.removeprefix("/_sim/media/"))
    if request.method == "DELETE" and path.startswith("/_sim/faults/"):
        return _end_fault(world, path.removeprefix("/_sim/faults/"))
    handler = HANDLERS.get(f"{request.method} {path}")
    if handler is None:
        return json_response({"error": f"no {request.method} {path}", "there_are": list(HANDLERS)}, 404)
    try:
        result = handler(world, _body(request))
    except (ControlError, BadFaultError, CallbackError, ValueError) as exc:
        return json_response({"error": str(exc)}, 400)
    return result if isinstance(result, Response) else json_response(result)


def ledger_of(world: World, origin: str = "") -> list[Json]:
    """Carousel children are inside their carousel."""
    return [_entry(world, media, origin) for media in world.media.values() if media.parent_id is None]


def throttle(world: World, username: Any, minutes: float) -> None:
    """Until so many minutes from now; 0 ends it. Raises ControlError."""
    world.throttled_until[_account_named(world, username).user_id] = world.now + 60 * minutes


def _post_page(world: World, shortcode: str) -> Response:
    entry = next((e for e in ledger_of(world) if e["shortcode"] == shortcode), None)
    if entry is None:
        return html_response(pages.dialogue_error("There is no such post."), 404)
    return html_response(pages.post(entry))


def _entry(world: World, media: Media, origin: str) -> Json:
    plan = media.plan
    return {
        "media_id": media.id,
        "container_id": media.container_id,
        "account": {"username": media.account.username, "user_id": media.account.user_id},
        "kind": plan.kind.value,
        "media_type": media_type(media),
        "media_product_type": media_product_type(media),
        "caption": plan.caption,
        "alt_text": plan.alt_text,
        "details": plan.details,
        "source_url": plan.image_url or plan.video_url,
        "published_at": media.published_at,
        "timestamp": meta_timestamp(media.published_at),
        "shortcode": media.shortcode,
        "permalink": permalink(world, media, origin),
        "is_comment_enabled": media.id not in world.comments_off,
        "comments": [{"id": comment.id, "text": comment.text} for comment in world.comments_on(media)],
        "children": [_entry(world, world.media[child], origin) for child in media.children],
    }


def _source_of(world: World, media_id: str) -> Response:
    """`media_url` leads here, and from here to where the caller's file was."""
    media = world.media.get(media_id)
    parts = [media, *(world.media[child] for child in media.children)] if media else []
    sources = [part.plan.image_url or part.plan.video_url for part in parts]
    url = next((source for source in sources if source), None)
    return redirect(url) if url else json_response({"error": "no such media"}, 404)


def _body(request: Request) -> Json:
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as exc:
        raise ControlError("the body is not JSON") from exc
    if not isinstance(body, dict):
        raise ControlError("the body is not a JSON object")
    return body


def _health(world: World, _: Json) -> Json:
    return {"status": "ok", "app_id": world.options.app_id, "now": world.now}


def _overview(world: World, _: Json) -> Response:
    return html_response(pages.overview(ledger_of(world), world.accounts.values()))


def _read_clock(world: World, _: Json) -> Json:
    return {"now": world.now, "timestamp": meta_timestamp(world.now), "is_virtual": world.clock.is_virtual}


def _move_clock(world: World, body: Json) -> Json:
    world.clock.advance(_number(body, "advance"))
    return _read_clock(world, body)


def _number(body: Json, name: str) -> float:
    value = body.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < LONGEST:
        raise ControlError(f"{name} takes a number")
    return value


def _read_switches(world: World, _: Json) -> Json:
    return {"switches": world.switches.table()}


def _change_switches(world: World, body: Json) -> Json:
    world.switches = world.switches.changed(body)
    return _read_switches(world, body)


def _list_faults(world: World, _: Json) -> Json:
    return {"faults": world.faults.listing()}


def _add_fault(world: World, body: Json) -> Json:
    return world.faults.add(read_fault(body)).as_json()


def _clear_faults(world: World, _: Json) -> Json:
    world.faults.clear()
    return _list_faults(world, _)


def _end_fault(world: World, fault_id: str) -> Response:
    try:
        world.faults.remove(fault_id)
    except KeyError:
        return json_response({"error": f"there is no fault {fault_id!r}"}, 404)
    return json_response(_list_faults(world, {}))


def _list_throttles(world: World, _: Json) -> Json:
    names = {account.username: world.seconds_throttled(account.user_id) for account in world.accounts.values()}
    return {"throttles": [{"username": name, "seconds_left": left} for name, left in names.items() if left]}


def _throttle(world: World, body: Json) -> Json:
    throttle(world, body.get("username"), _number(body, "minutes"))
    return _list_throttles(world, body)


def _write_comment(world: World, body: Json) -> Json:
    """What a follower does in the app: `username` comments on any media, whoever owns it."""
    media = world.media.get(str(body.get("media_id")))
    if media is None or not isinstance(body.get("text"), str):
        raise ControlError("takes username, media_id and text")
    return {"id": comments.write(world, media, _account_named(world, body.get("username")), body["text"]).id}


def _read_webhooks(world: World, _: Json) -> Json:
    callback = world.webhooks.callback
    return {
        "callback_url": callback.url if callback else None,
        "waiting": len(world.webhooks.happened),
        "deliveries": [each.shown() for each in list(world.webhooks.deliveries)],
        "kinds": list(PAYLOADS),
    }


def _subscribe_webhooks(world: World, body: Json) -> Json:
    url, token = body.get("callback_url"), body.get("verify_token")
    if not isinstance(url, str) or not isinstance(token, str):
        raise ControlError("takes callback_url and verify_token")
    with world.unlocked():  # the callback is somebody else's, and may take its time
        world.webhooks.subscribe(Callback(url, token))
    return _read_webhooks(world, body)


def _send_webhook(world: World, body: Json) -> Json:
    """As the dashboard's Test button: `kind` is one of GET /_sim/webhooks; the rest are fields of payloads.About."""
    kind, count = body.pop("kind", None), int(_number({"count": body.pop("count", 1)}, "count"))
    account = _account_named(world, body.pop("username", None))
    if kind not in PAYLOADS:
        raise ControlError(f"kind is one of {', '.join(PAYLOADS)}")
    if world.webhooks.callback is None:
        raise ControlError("nobody has subscribed: POST /_sim/webhooks")
    at = _number(body, "at") if "at" in body else world.now
    known = About.__dataclass_fields__.keys() - {"account"}
    if body.keys() - known:
        raise ControlError(f"takes kind, username, count and {', '.join(sorted(known))}")
    sent = [About(**{**body, "account": account.user_id, "at": at}) for _ in range(min(count, MOST_IN_ONE))]
    for about in sent:
        world.webhooks.tell(kind, about)
    return {"sent": [{"comment_id": each.comment_id, "mid": each.mid, "media_id": each.media_id} for each in sent]}


def _deliver_webhooks(world: World, body: Json) -> Json:
    """Everything that waits, whether it is due or not."""
    with world.unlocked():
        world.webhooks.deliver(is_everything=True)
    return _read_webhooks(world, body)


def _list_accounts(world: World, _: Json) -> Json:
    return {"accounts": [_account(a) for a in world.accounts.values()]}


def _add_account(world: World, body: Json) -> Json:
    if not isinstance(body.get("username"), str) or body.get("account_type", "Business") not in ACCOUNT_TYPES:
        raise ControlError(f"takes username and account_type ({', '.join(sorted(ACCOUNT_TYPES))})")
    if body.keys() - PretendAccount.__dataclass_fields__.keys() or not isinstance(body.get("name", ""), str):
        raise ControlError(f"takes {', '.join(PretendAccount.__dataclass_fields__)}")
    return _account(world.add_account(PretendAccount(**body)))


def _account(account: Account) -> Json:
    return asdict(account.profile) | {"user_id": account.user_id, "id": account.id}


def _issue_token(world: World, body: Json) -> Json:
    account = _account_named(world, body.get("username"))
    scopes = tuple(_scopes(body.get("scopes", oauth.SCOPES)))
    text = oauth.new_token(world, account, scopes, is_long=bool(body.get("is_long", True)))
    return {"access_token": text, "user_id": account.user_id, "id": account.id, "scopes": scopes}


def _scopes(given: Any) -> list[str]:
    if not isinstance(given, list | tuple) or not all(isinstance(scope, str) for scope in given):
        raise ControlError("scopes takes a list of names")
    return list(given)


def _list_pages(world: World, _: Json) -> Json:
    return {"pages": [_page(page) for page in world.facebook.pages.values()]}


def _add_page(world: World, body: Json) -> Json:
    known = {field.name for field in fields(PretendPage)}
    if not isinstance(body.get("name"), str) or not isinstance(body.get("person"), str) or body.keys() - known:
        raise ControlError(f"takes name and person, and of {', '.join(sorted(known))} the rest")
    if body.get("username") is not None:
        _account_named(world, body["username"])
    if "tasks" in body:
        body["tasks"] = tuple(_scopes(body["tasks"]))
    return _page(world.facebook.add_page(PretendPage(**body)))


def _page(page: PretendPage) -> Json:
    return {"id": page.id, "person_id": person_id(page.person)} | asdict(page)


def _revoke_tokens(world: World, body: Json) -> Json:
    """`access_token`, or every token of `username` or of `person`; calls are answered with `subcode` from now on."""
    subcode = body.get("subcode", 458)
    if not isinstance(subcode, int) or subcode not in REVOKED:
        raise ControlError(f"subcode is one of {', '.join(map(str, REVOKED))}")
    hit = _tokens_of(world, body)
    for token in hit:
        token.revoked_with = subcode
    return {"revoked": len(hit)}


def _sign_request(world: World, body: Json) -> Json:
    """What Meta would post, for a test that posts it itself. `issued_at`: epoch seconds, by default now."""
    issued_at = int(_number(body, "issued_at")) if "issued_at" in body else None
    return {"signed_request": consent.signed_request(world, _account_named(world, body.get("username")), issued_at)}


def _withdraw(world: World, body: Json) -> Json:
    """The owner removes the app, or asks for their data to be deleted; Meta posts to `url`. Its answer comes back."""
    account, url = _account_named(world, body.get("username")), body.get("url")
    if not isinstance(url, str):
        raise ControlError("takes username and url")
    consent.remove_app(world, account)
    try:
        told = consent.post(world, url, consent.signed_request(world, account))
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise ControlError(f"{url} cannot be reached: {type(exc).__name__}") from exc
    return {"status": told.status_code, "body": told.text}


def _tokens_of(world: World, body: Json) -> list[Token | FacebookToken]:
    """A Page's token is its account's and the person's."""
    if "access_token" in body:
        found = (world.tokens.get(body["access_token"]), world.facebook.tokens.get(body["access_token"]))
        return [token for token in found if token is not None]
    facebooks = world.facebook.tokens.values()
    if "person" in body:
        return [token for token in facebooks if token.person == body["person"]]
    account = _account_named(world, body.get("username"))
    own = [token for token in world.tokens.values() if token.account.user_id == account.user_id]
    return [*own, *(token for token in facebooks if token.page and token.page.username == account.username)]


def _account_named(world: World, username: Any) -> Account:
    account = world.account_named(username)
    if account is None:
        raise ControlError(f"there is no account {username!r}")
    return account


def _list_containers(world: World, _: Json) -> Json:
    listing = [
        {
            "id": container.id,
            "username": container.account.username,
            "kind": container.plan.kind.value,
            "is_child": container.plan.is_child,
            "children": container.plan.children,
            "created_at": container.created_at,
            "status_code": status_of(world, container).name,
            "media_ids": container.media_ids,
        }
        for container in list(world.containers.values())
    ]
    return {"containers": listing}


def _forget_calls(world: World, _: Json) -> Json:
    world.calls.clear()
    return {"calls": []}


def _reset(world: World, _: Json) -> Json:
    world.reset()
    return _health(world, _)


HANDLERS: dict[str, Callable[[World, Json], Json | Response]] = {
    "GET /_sim": _overview,
    "GET /_sim/health": _health,
    "GET /_sim/ledger": lambda world, _: {"ledger": ledger_of(world)},
    "GET /_sim/calls": lambda world, _: {"calls": [asdict(call) for call in world.calls]},
    "DELETE /_sim/calls": _forget_calls,
    "GET /_sim/containers": _list_containers,
    "GET /_sim/clock": _read_clock,
    "POST /_sim/clock": _move_clock,
    "GET /_sim/switches": _read_switches,
    "PATCH /_sim/switches": _change_switches,
    "GET /_sim/faults": _list_faults,
    "POST /_sim/faults": _add_fault,
    "DELETE /_sim/faults": _clear_faults,
    "GET /_sim/throttles": _list_throttles,
    "POST /_sim/throttles": _throttle,
    "POST /_sim/comments": _write_comment,
    "GET /_sim/webhooks": _read_webhooks,
    "POST /_sim/webhooks": _subscribe_webhooks,
    "POST /_sim/webhooks/send": _send_webhook,
    "POST /_sim/webhooks/deliver": _deliver_webhooks,
    "GET /_sim/accounts": _list_accounts,
    "POST /_sim/accounts": _add_account,
    "GET /_sim/pages": _list_pages,
    "POST /_sim/pages": _add_page,
    "POST /_sim/tokens": _issue_token,
    "POST /_sim/tokens/revoke": _revoke_tokens,
    "POST /_sim/signed_requests": _sign_request,
    "POST /_sim/withdrawals": _withdraw,
    "GET /_sim/samples": lambda *_: {"samples": [samples.PREFIX + name for name in samples.SAMPLES]},
    "POST /_sim/reset": _reset,
}
