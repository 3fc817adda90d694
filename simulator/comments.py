"""Comments on what is live: made, listed, read, and switched off. Replies, hiding and deleting are not played."""

from simulator.call import Call
from simulator.clock import meta_timestamp
from simulator.errors import COMMENTS_OFF, GraphError, invalid, object_missing
from simulator.fields import Fields, Reader, parse_fields, pick
from simulator.paging import page_of
from simulator.payloads import About
from simulator.reads import media_product_type, visible_media
from simulator.wire import Json
from simulator.world import Account, Comment, Media, World

MAX_PER_PAGE = 50
DEFAULT_FIELDS = "timestamp,text,id"


def add(world: World, call: Call) -> Json:
    """POST /{media}/comments. With `fields` the comment is made all the same, and then an error answered."""
    media = visible_media(world, call)
    text = call.parameters.required("message")
    if media.id in world.comments_off:
        raise GraphError(COMMENTS_OFF)
    comment = write(world, media, call.account, text)
    if "fields" in call.parameters:
        raise invalid("Tried accessing nonexisting field on node type (IGComment)")
    return {"id": comment.id}


def write(world: World, media: Media, author: Account, text: str) -> Comment:
    comment = Comment(world.ids.comment(), media.id, author, text, world.now)
    world.comments[comment.id] = comment
    _tell(world, media, comment)
    return comment


def _tell(world: World, media: Media, comment: Comment) -> None:
    """The owner's app hears of it once it has subscribed to anything at all, also of the owner's own comments."""
    owner, author = media.account, comment.author
    if owner.user_id not in world.subscribed_fields:
        return
    about = About(
        account=owner.user_id,
        at=world.now,
        follower=author.user_id,
        username=author.username,
        text=comment.text,
        media_id=media.id,
        comment_id=comment.id,
        is_own=author.user_id == owner.user_id,
        media_product_type=media_product_type(media),
    )
    world.webhooks.tell("comment", about)


def list_of_media(world: World, call: Call) -> Json:
    """GET /{media}/comments: newest first; a fresh one may be missing for a while."""
    listed = [c for c in world.comments_on(visible_media(world, call)) if not _is_hidden(world, c)]
    wanted = parse_fields(call.parameters.text("fields") or DEFAULT_FIELDS)
    items, paging = page_of(listed[::-1], call, key=lambda c: c.id, moment=lambda c: c.created_at, most=MAX_PER_PAGE)
    answer: Json = {"data": [_fields_of(world, comment, wanted) for comment in items]}
    return answer | ({"paging": paging} if paging else {})


def read(world: World, call: Call) -> Json:
    comment = world.comments[call.node]
    owner = world.media[comment.media_id].account
    if owner.user_id != call.account.user_id or _is_hidden(world, comment):
        raise object_missing("get", call.node)
    return _fields_of(world, comment, parse_fields(call.parameters.text("fields") or DEFAULT_FIELDS))


def switch(world: World, call: Call) -> Json:
    """POST /{media}?comment_enabled=true|false. Comments made before stay."""
    media = visible_media(world, call)
    enabled = call.parameters.flag("comment_enabled")
    if enabled is None:
        raise invalid("The parameter comment_enabled is required")
    if enabled:
        world.comments_off.discard(media.id)
    else:
        world.comments_off.add(media.id)
    return {"success": True}


def _is_hidden(world: World, comment: Comment) -> bool:
    return world.now < comment.created_at + world.switches.fresh_comment_lag


def _fields_of(world: World, comment: Comment, wanted: Fields) -> Json:
    media = world.media[comment.media_id]
    readers: dict[str, Reader] = {
        "from": lambda: {"id": comment.author.user_id, "username": comment.author.username},
        "hidden": lambda: False,
        "id": lambda: comment.id,
        "like_count": lambda: 0,
        "media": lambda: {"id": media.id, "media_product_type": media_product_type(media)},
        "parent_id": lambda: None,
        "text": lambda: comment.text,
        "timestamp": lambda: meta_timestamp(comment.created_at),
        "username": lambda: comment.author.username,
    }
    return pick(wanted, readers, "IGComment")
