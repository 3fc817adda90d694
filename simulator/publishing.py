"""POST /{ig}/media_publish and its quota: the one call whose effect the whole world can see."""

from collections.abc import Callable
from dataclasses import replace

from simulator import ids
from simulator.call import Call
from simulator.containers import Status, status_of
from simulator.errors import (
    BUILDER_EXPIRED,
    CHILD_ALONE,
    MEDIA_NOT_FOUND,
    NOT_READY,
    QUOTA_REACHED,
    GraphError,
    filled,
    invalid,
)
from simulator.fields import parse_fields, pick
from simulator.options import DAY, QUOTA_WINDOW
from simulator.wire import Json
from simulator.world import Account, Container, Kind, Media, World

REPUBLISH_ERRORS = {"24/2207006": MEDIA_NOT_FOUND, "24/2207008": BUILDER_EXPIRED, "9007/2207027": NOT_READY}


def publish(world: World, call: Call) -> Json:
    creation_id = call.parameters.required("creation_id")
    container = world.containers.get(creation_id)
    if container is None or container.account.user_id != call.account.user_id:
        raise GraphError(filled(MEDIA_NOT_FOUND, id=creation_id))
    _refuse_unpublishable(world, container)
    if container.media_ids and world.switches.republish_mode == "same":
        return {"id": container.media_ids[0]}
    if _usage(world, call.account, world.now - QUOTA_WINDOW) >= world.switches.quota_total:
        raise GraphError(QUOTA_REACHED)
    return {"id": _make_visible(world, container).id}


def read_limit(world: World, call: Call) -> Json:
    """GET /{ig}/content_publishing_limit. Without `fields` only the usage."""
    since = _since(world, call)
    readers: dict[str, Callable[[], object]] = {
        "quota_usage": lambda: _usage(world, call.account, since),
        "config": lambda: {"quota_total": world.switches.quota_total, "quota_duration": QUOTA_WINDOW},
        "id": lambda: None,
    }
    wanted = parse_fields(call.parameters.text("fields") or "quota_usage")
    return {"data": [pick(wanted, readers, "IGContentPublishingLimit")]}


def _refuse_unpublishable(world: World, container: Container) -> None:
    plan, status = container.plan, status_of(world, container)
    if plan.is_child or (plan.kind is Kind.VIDEO and world.switches.lone_video != "allow"):
        raise GraphError(CHILD_ALONE)
    if status is Status.EXPIRED:
        raise GraphError(filled(BUILDER_EXPIRED, id=container.id))
    if status in {Status.IN_PROGRESS, Status.ERROR}:
        raise GraphError(NOT_READY)
    if status is Status.PUBLISHED and world.switches.republish_mode == "error":
        raise GraphError(filled(REPUBLISH_ERRORS[world.switches.republish_error], id=container.id))


def _make_visible(world: World, container: Container) -> Media:
    album = _media(world, container)
    children = [_media(world, world.containers[child], parent_id=album.id) for child in container.plan.children]
    album = replace(album, children=tuple(child.id for child in children))
    world.media |= {media.id: media for media in [album, *children]}
    world.published_at.setdefault(container.account.user_id, []).append(world.now)
    container.media_ids.append(album.id)
    container.stale_reads_left = world.switches.stale_status_reads
    return album


def _media(world: World, container: Container, parent_id: str | None = None) -> Media:
    media_id = world.ids.media()
    return Media(
        id=media_id,
        account=container.account,
        container_id=container.id,
        plan=container.plan,
        published_at=world.now,
        shortcode=ids.shortcode(media_id),
        parent_id=parent_id,
    )


def _usage(world: World, account: Account, since: float) -> int:
    return sum(moment > since for moment in world.published_at.get(account.user_id, []))


def _since(world: World, call: Call) -> float:
    since = call.parameters.integer("since")
    if since is None:
        return world.now - QUOTA_WINDOW
    if since < world.now - DAY:
        raise invalid("Param since must be within the last 24 hours")
    return float(since)
