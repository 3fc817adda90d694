"""Containers: created, processed, finished or failed, expired after a day."""

import enum
from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread

from simulator.call import Call
from simulator.container_rules import read_plan
from simulator.errors import (
    BUILDER_EXPIRED,
    NO_TRIAL_REELS,
    TOO_MANY_CONTAINERS,
    GraphError,
    filled,
    invalid,
    object_missing,
)
from simulator.fields import parse_fields, pick
from simulator.images import fetch_and_judge_image
from simulator.options import DAY
from simulator.videos import fetch_and_judge_video
from simulator.wire import Json
from simulator.world import Account, Container, ContainerPlan, Kind, World


class Status(enum.Enum):
    IN_PROGRESS = "In Progress: Media is still being processed."
    FINISHED = "Finished: Media has been uploaded and it is ready to be published."
    PUBLISHED = "Published: Media has been published."
    ERROR = "Error: Media upload has failed with error code {subcode}"
    EXPIRED = "Expired: The media was not published within 24 hours."


def create(world: World, call: Call) -> Json:
    """POST /{ig}/media. Images are fetched and judged before the answer, videos afterwards."""
    plan = read_plan(call.parameters, world.switches, is_facebook=call.is_facebook)
    _check_account(world, call.account, plan)
    _check_children(world, call.account, plan)
    switches = world.switches
    with world.unlocked():
        if plan.image_url:
            is_for_feed = plan.kind is Kind.IMAGE
            fetch_and_judge_image(world.fetcher, plan.image_url, switches, is_for_feed=is_for_feed)
        if plan.cover_url:
            fetch_and_judge_image(world.fetcher, plan.cover_url, switches, is_for_feed=False)
    container = _new_container(world, call.account, plan)
    world.containers[container.id] = container
    return {"id": container.id}


def read(world: World, call: Call) -> Json:
    """GET /{container}. Without `fields` just the id."""
    container = world.containers[call.node]
    if container.account.user_id != call.account.user_id or is_too_fresh(world, container.created_at):
        raise object_missing("get", call.node)
    wanted = parse_fields(call.parameters.text("fields") or "id")
    status = _reported_status(world, container, is_asked=bool({"status", "status_code"} & wanted.keys()))
    readers = {
        "id": lambda: container.id,
        "status_code": lambda: status.name,
        "status": lambda: _status_text(world, container, status),
        "copyright_check_status": lambda: {"matches_found": False, "status": "completed"},
    }
    return pick(wanted, readers, "IGContainer")


def status_of(world: World, container: Container) -> Status:
    """Learns on the way how a download ended. May let go of the lock meanwhile."""
    parts = [world.containers[child] for child in container.plan.children]
    for part in [*parts, container]:
        _settle(world, part)
    failures = [part.failure for part in [container, *parts] if part.failure]
    container.failure = container.failure or next(iter(failures), None)
    if container.media_ids:
        return Status.PUBLISHED
    if container.has_expired(world.now):
        return Status.EXPIRED
    if failures:
        return Status.ERROR
    is_ready = all(_is_processed(world, part) for part in [container, *parts])
    return Status.FINISHED if is_ready and not world.switches.never_finish else Status.IN_PROGRESS


def is_too_fresh(world: World, since: float) -> bool:
    """Instagram sometimes does not find what it has just made."""
    return world.now < since + world.switches.fresh_read_lag


def _check_account(world: World, account: Account, plan: ContainerPlan) -> None:
    if "trial_params" in plan.details and not account.profile.can_share_trial_reels:
        raise GraphError(NO_TRIAL_REELS)
    recent = [
        c for c in world.containers.values() if c.account.user_id == account.user_id and c.created_at > world.now - DAY
    ]
    if len(recent) >= world.options.containers_per_day:
        raise GraphError(TOO_MANY_CONTAINERS)


def _check_children(world: World, account: Account, plan: ContainerPlan) -> None:
    for child_id in plan.children:
        child = world.containers.get(child_id)
        if child is None or child.account.user_id != account.user_id or child.has_expired(world.now):
            raise GraphError(filled(BUILDER_EXPIRED, id=child_id))
        if not child.plan.is_child:
            raise invalid(f"Container {child_id} was not created with is_carousel_item")
        if world.switches.child_reuse == "refuse" and _is_taken(world, child_id):
            raise invalid(f"Container {child_id} already belongs to a carousel")


def _is_taken(world: World, child_id: str) -> bool:
    return any(child_id in container.plan.children for container in world.containers.values())


def _new_container(world: World, account: Account, plan: ContainerPlan) -> Container:
    seconds = world.options.video_seconds if plan.is_video else world.options.image_seconds
    container = Container(world.ids.container(), account, plan, world.now, world.now + seconds)
    container.failure = world.switches.containers_fail or None
    if plan.is_video and not container.failure:
        fetcher, switches = world.fetcher, world.switches
        container.processing = _in_background(lambda: fetch_and_judge_video(fetcher, plan, switches))
    return container


def _in_background(work: Callable[[], int | None]) -> Future[int | None]:
    """A daemon thread, so that a slow media host never delays the end of the simulator."""
    future: Future[int | None] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - re-raised to whoever asks for the result
            future.set_exception(exc)

    Thread(target=run, daemon=True, name="media-download").start()
    return future


def _settle(world: World, container: Container) -> None:
    processing = container.processing
    if processing is None or world.now < container.ready_at:
        return
    if world.clock.is_virtual:  # real downloads take no virtual time
        with world.unlocked():
            wait([processing])
    if processing.done():
        container.failure, container.processing = processing.result(), None


def _is_processed(world: World, container: Container) -> bool:
    return container.processing is None and world.now >= container.ready_at


def _reported_status(world: World, container: Container, *, is_asked: bool) -> Status:
    """The status, or for a few reads after a publish the one before it."""
    status = status_of(world, container)
    if is_asked and status is Status.PUBLISHED and container.stale_reads_left:
        container.stale_reads_left -= 1
        return Status.FINISHED
    return status


def _status_text(world: World, container: Container, status: Status) -> str:
    if status is Status.ERROR and world.switches.status_text == "subcode":
        return str(container.failure)
    return status.value.format(subcode=container.failure)
