"""Reading what is there: the account, its media and stories, one media, its children."""

from collections.abc import Callable

from simulator.call import Call
from simulator.clock import meta_timestamp
from simulator.containers import is_too_fresh
from simulator.errors import invalid, object_missing
from simulator.fields import Fields, Reader, parse_fields, pick
from simulator.options import STORY_LIFETIME
from simulator.paging import page_of
from simulator.wire import Json
from simulator.world import Account, Kind, Media, World

DISPUTED_FIELDS = {"caption", "media_product_type"}
SUBSCRIBABLE = {
    "comments": "instagram_business_manage_comments",
    "live_comments": "instagram_business_manage_comments",
    "mentions": "instagram_business_manage_comments",
    "messages": "instagram_business_manage_messages",
    "message_reactions": "instagram_business_manage_messages",
    "message_edit": "instagram_business_manage_messages",
    "messaging_postbacks": "instagram_business_manage_messages",
    "messaging_referral": "instagram_business_manage_messages",
    "messaging_seen": "instagram_business_manage_messages",
    "messaging_optins": "instagram_business_manage_messages",
    "messaging_handover": "instagram_business_manage_messages",
    "standby": "instagram_business_manage_messages",
}


def read_account(world: World, call: Call) -> Json:
    """GET /me and /{ig}. `id` is app-scoped, `user_id` is the professional account."""
    wanted = parse_fields(call.parameters.text("fields") or "id")
    answer = pick(wanted, _account_readers(world, call), "IGUser")
    return {"data": [answer]} if world.switches.me_shape == "data" else answer


def list_media(world: World, call: Call) -> Json:
    """GET /{ig}/media: newest first, never stories."""
    own = [m for m in _own_media(world, call.account) if m.plan.kind is not Kind.STORY]
    return _media_page(world, call, own)


def list_stories(world: World, call: Call) -> Json:
    """GET /{ig}/stories: only those younger than a day."""
    live_since = world.now - STORY_LIFETIME
    own = [m for m in _own_media(world, call.account) if m.plan.kind is Kind.STORY and m.published_at > live_since]
    return _media_page(world, call, own)


def read_media(world: World, call: Call) -> Json:
    return _media_fields(world, call, visible_media(world, call), _wanted(call))


def list_children(world: World, call: Call) -> Json:
    album = visible_media(world, call)
    return {"data": [_media_fields(world, call, world.media[child], _wanted(call)) for child in album.children]}


def list_subscriptions(world: World, call: Call) -> Json:
    subscribed = world.subscribed_fields.get(call.account.user_id)
    return {"data": [{"id": world.options.app_id, "subscribed_fields": subscribed}] if subscribed else []}


def subscribe(world: World, call: Call) -> Json:
    wanted = call.parameters.listing("subscribed_fields")
    if not wanted:
        raise invalid("The parameter subscribed_fields is required")
    for name in wanted:
        if name not in SUBSCRIBABLE:
            raise invalid(f"Param subscribed_fields[0] must be one of {{{', '.join(SUBSCRIBABLE)}}}")
        if SUBSCRIBABLE[name] not in call.token.scopes:
            raise invalid(f"To subscribe to the {name} field, one of these permissions is needed: {SUBSCRIBABLE[name]}")
    world.subscribed_fields[call.account.user_id] = wanted
    return {"success": True}


def unsubscribe(world: World, call: Call) -> Json:
    world.subscribed_fields.pop(call.account.user_id, None)
    return {"success": True}


def permalink(world: World, media: Media, origin: str) -> str:
    if world.options.local_permalinks:
        return f"{origin}/_sim/posts/{media.shortcode}"
    base = "https://www.instagram.com"
    if media.plan.kind is Kind.STORY:
        return f"{base}/stories/{media.account.username}/{media.id}"
    return f"{base}/{'reel' if media.plan.kind is Kind.REEL else 'p'}/{media.shortcode}/"


def media_type(media: Media) -> str:
    if media.plan.kind is Kind.CAROUSEL:
        return "CAROUSEL_ALBUM"
    return "VIDEO" if media.plan.is_video else "IMAGE"


def media_product_type(media: Media) -> str:
    return {Kind.REEL: "REELS", Kind.STORY: "STORY"}.get(media.plan.kind, "FEED")


def visible_media(world: World, call: Call) -> Media:
    """The media in the path, of the caller's own. Raises GraphError 100/33."""
    media = world.media[call.node]
    if media.account.user_id != call.account.user_id or is_too_fresh(world, media.published_at):
        raise object_missing(call.request.method, call.node)
    return media


def _own_media(world: World, account: Account) -> list[Media]:
    """Newest first."""
    own = [m for m in world.media.values() if m.account.user_id == account.user_id and m.parent_id is None]
    return own[::-1]


def _media_page(world: World, call: Call, media: list[Media]) -> Json:
    items, paging = page_of(media, call, key=lambda m: m.id, moment=lambda m: m.published_at)
    answer: Json = {"data": [_media_fields(world, call, item, _wanted(call)) for item in items]}
    return answer | ({"paging": paging} if paging else {})


def _wanted(call: Call) -> Fields:
    return parse_fields(call.parameters.text("fields") or "id")


def _media_fields(world: World, call: Call, media: Media, wanted: Fields) -> Json:
    readers = _media_readers(world, call, media, wanted)
    if world.switches.caption_fields == "refused":
        readers = {name: reader for name, reader in readers.items() if name not in DISPUTED_FIELDS}
    return pick(wanted, readers, "IGMedia")


def _media_readers(world: World, call: Call, media: Media, wanted: Fields) -> dict[str, Reader]:
    plan, origin = media.plan, call.request.origin
    file_url = f"{origin}/_sim/media/{media.id}"
    hides_permalink = media.parent_id is not None and world.switches.child_permalink == "hidden"
    return {
        "id": lambda: media.id,
        "alt_text": lambda: plan.alt_text,
        "caption": lambda: plan.caption,
        "children": lambda: _expand_children(world, call, media, wanted["children"]),
        "comments_count": lambda: len(world.comments_on(media)),
        "is_ai_generated": lambda: plan.is_ai_generated,
        "is_comment_enabled": lambda: media.id not in world.comments_off,
        "is_shared_to_feed": lambda: plan.share_to_feed is not False if plan.kind is Kind.REEL else None,
        "legacy_instagram_media_id": lambda: media.id[::-1],
        "like_count": lambda: 0,
        "media_product_type": lambda: media_product_type(media),
        "media_type": lambda: media_type(media),
        "media_url": lambda: None if plan.kind is Kind.CAROUSEL else file_url,
        "owner": lambda: {"id": media.account.user_id},
        "permalink": lambda: None if hides_permalink else permalink(world, media, origin),
        "shortcode": lambda: media.shortcode,
        "thumbnail_url": lambda: file_url if plan.is_video else None,
        "timestamp": lambda: meta_timestamp(media.published_at),
        "username": lambda: media.account.username,
    }


def _expand_children(world: World, call: Call, media: Media, nested: Fields | None) -> Json | None:
    if not media.children:
        return None
    wanted = nested or {"id": None}
    return {"data": [_media_fields(world, call, world.media[child], wanted) for child in media.children]}


def _account_readers(world: World, call: Call) -> dict[str, Callable[[], object]]:
    account = call.account
    account_type = account.profile.account_type
    return {
        "id": lambda: account.id,
        "user_id": lambda: account.user_id,
        "username": lambda: account.username,
        "name": lambda: account.profile.name or None,
        "account_type": lambda: account_type.upper() if world.switches.account_type_style == "upper" else account_type,
        "profile_picture_url": lambda: f"{call.request.origin}/_sim/samples/square.jpg",
        "followers_count": lambda: 1200,
        "follows_count": lambda: 180,
        "media_count": lambda: sum(m.plan.kind is not Kind.STORY for m in _own_media(world, account)),
    }
