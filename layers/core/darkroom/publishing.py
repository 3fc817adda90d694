"""
The steps that make a post public, in the order of statemachines/publish_post.asl.yaml; beginning.py has what comes
before, confirming.py what follows.

Every step may be run twice: Step Functions retries, workers die. So each reads the post first and does nothing that is
already done. Only `publish_container` does what cannot be undone, and it writes the attempt down before it calls.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

from darkroom import containers
from darkroom.errors import ConflictError, ContainerExpiredError, ContainerLostError, ProcessingTimeoutError
from darkroom.instagram.errors import InstagramError, MediaNotReadyError, MediaUnreachableError, OutcomeUnknownError
from darkroom.instagram.models import Access, ContainerStatus, Media
from darkroom.posts import Container, Post, PostState
from darkroom.workflow import (
    AccountAccess,
    CallingPorts,
    ContainerTask,
    GivenUpError,
    NotNowError,
    Ports,
    PostTask,
    access,
    account_of,
    attempt_taken_back,
    candidates,
    ended,
    known_container,
    newest_media,
    uncancelled,
)

# How long Instagram may process before we stop waiting. Images take seconds; long reels take many minutes.
PATIENCE_IMAGE = timedelta(minutes=5)
PATIENCE_VIDEO = timedelta(minutes=35)
# While a container is young, one check asks, waits 2 s, asks again …, so that an image needs no round of the workflow.
# Later each check asks once: a round costs as much as sleeping for 12 s (docs/decisions/0008).
POLL_EVERY = timedelta(seconds=2)
POLL_FOR = timedelta(seconds=12)
FRESH_FOR = timedelta(hours=23)  # Instagram keeps a container for 24; from then on a finished item is asked about again
MOST_REBUILDS = 2  # the same answer comes for a passing fault and for a file that nobody can fetch


def create_container(task: ContainerTask, ports: CallingPorts) -> dict[str, Any]:
    """
    Creates the container unless the post has it already. A lost answer leaves an orphan at Instagram, which nobody ever
    sees and which expires in a day; so this may be retried. ConflictError: another worker was faster, and the next run
    finds its container.
    """
    post = uncancelled(task, ports)
    existing = post.container(task.item)
    if existing is None:
        container_id = _created(post, access(post, ports), _parameters(post, task.item), ports)
        existing = Container(container_id=container_id, item=task.item, created_at=ports.now())
        ports.posts.add_container(post, existing)
        ports.quota.count_container(post.tenant_id, post.account_id, ports.now())
    return {"container_id": existing.container_id}


def _created(post: Post, whose: Access, parameters: containers.Parameters, ports: CallingPorts) -> str:
    """One whose answer was lost may exist, and counts; one that Instagram refused does not."""
    try:
        return ports.instagram.create_container(whose, parameters)
    except InstagramError as error:
        if error.status is None:
            ports.quota.count_container(post.tenant_id, post.account_id, ports.now())
        raise


def _parameters(post: Post, item: int | None) -> containers.Parameters:
    plan = containers.plan(post.content)
    if item is not None:
        return plan.items[item].parameters
    if not plan.items:
        return plan.main.parameters
    children = tuple(known_container(post, index).container_id for index in range(len(plan.items)))
    return plan.with_children(children).parameters


def check_container(task: ContainerTask, ports: CallingPorts) -> dict[str, Any]:
    """
    Asks until the container is ready or no longer young, once at least. Answers `{is_ready, wait_seconds}`: how long
    the workflow should wait before it checks again, growing with the container's age.

    Raises what Instagram says of an ERROR or EXPIRED container, or ContainerLostError when it is worth making anew;
    ProcessingTimeoutError when patience ends.
    """
    post = uncancelled(task, ports)
    container = post.container(task.item)
    if container is None:
        raise ContainerLostError  # forgotten by the check of another item
    if task.item is not None and container.finished_at is not None and ports.now() - container.created_at < FRESH_FOR:
        return _checked(container, ports.now(), is_ready=True)
    instagram_access = access(post, ports)
    give_up = min(container.created_at, ports.now()) + POLL_FOR
    while True:
        status = ports.instagram.container_status(instagram_access, container.container_id)
        if status.status_code != "IN_PROGRESS" or ports.now() + POLL_EVERY > give_up:
            break
        ports.sleep(POLL_EVERY.total_seconds())
    if status.status_code in ("ERROR", "EXPIRED"):
        _give_up_container(post, task.item, status, ports)
    # PUBLISHED counts as ready: `publish_container` asks once more when there was an attempt before.
    is_ready = status.status_code != "IN_PROGRESS"
    if is_ready:
        if container.finished_at is None:
            ports.posts.add_container(post, replace(container, finished_at=ports.now()))
    elif ports.now() - container.created_at > _patience(post, task.item):
        raise ProcessingTimeoutError
    return _checked(container, ports.now(), is_ready=is_ready)


def _give_up_container(post: Post, item: int | None, status: ContainerStatus, ports: Ports) -> NoReturn:
    """
    A container that expired, or failed for no fault of the media, is made anew, but never once the post may have been
    sent. With an expired one its siblings are as old, also one that was not there yet when this check began; and a
    carousel's parent that fails may do so because of its items. When Instagram keeps failing, or is known to at the
    moment, the post waits and begins again.
    """
    failure = ended(status)
    expired = isinstance(failure, ContainerExpiredError)
    is_passing = expired or isinstance(failure, MediaUnreachableError | GivenUpError)
    items = range(len(containers.plan(post.content).items))
    most = 1 if expired else MOST_REBUILDS + len(items)  # items may fail together, and are found one after the other
    if not is_passing or post.publish_attempts:
        raise failure
    lost = (*items, None) if expired or item is None else (item, None)
    if isinstance(failure, GivenUpError) and (post.rebuilds >= most or ports.outages.current() is not None):
        ports.posts.save(replace(post, rebuilds=0), lost)
        raise NotNowError(subcode=failure.subcode)
    if post.rebuilds >= most:
        raise failure
    ports.posts.save(replace(post, rebuilds=post.rebuilds + 1), lost)
    raise ContainerLostError


def _patience(post: Post, item: int | None) -> timedelta:
    media = post.content.media if item is None else (post.content.media[item],)
    return PATIENCE_VIDEO if any(post.content.media_type(each) == "video" for each in media) else PATIENCE_IMAGE


def _checked(container: Container, now: datetime, *, is_ready: bool) -> dict[str, Any]:
    age = (now - container.created_at).total_seconds()
    return {"is_ready": is_ready, "wait_seconds": int(min(60, max(15, age / 3)))}


def publish_container(task: PostTask, ports: CallingPorts) -> dict[str, Any]:
    """
    Makes the post public and answers `{media_id}`.

    Raises OutcomeUnknownError when it may have happened, now or in an earlier run of this step: then only
    `confirm_publish` may go on. Any other error of Instagram's proves that nothing was sent, and the attempt is taken
    back. "Not ready" proves it the first time only: that is also how a second publish of one container may be refused.
    """
    post = uncancelled(task, ports)
    if post.media_id is not None:
        return {"media_id": post.media_id}
    if post.publish_attempted_at is not None:
        raise OutcomeUnknownError
    account = account_of(post, ports)
    account.require_publishing(ports.now(), post.content)
    instagram_access = AccountAccess.by(account, ports.tokens)
    container = known_container(post, None)
    newest = newest_media(post, instagram_access, ports)
    if post.publish_attempts:
        _doubt(post, newest, ports.instagram.container_status(instagram_access, container.container_id), ports)
    post = _attempting(post, newest, ports)
    try:
        return {"media_id": ports.instagram.publish_container(instagram_access, container.container_id)}
    except OutcomeUnknownError:
        raise
    except MediaNotReadyError as error:
        if post.publish_attempts > 1:
            raise OutcomeUnknownError(code=error.code, subcode=error.subcode, trace_id=error.trace_id) from error
        attempt_taken_back(_uncounted(post), ports)
        if ports.now() - container.created_at > _patience(post, None):
            raise ProcessingTimeoutError from error
        raise
    except InstagramError:
        attempt_taken_back(_uncounted(post), ports)
        raise


def _doubt(post: Post, newest: tuple[Media, ...], status: ContainerStatus, ports: Ports) -> None:
    """
    An attempt was disproved once, and much time may have passed since: a delay, a second execution. If Instagram shows
    anything now that could come of it, the attempt stands again, and OutcomeUnknownError has it asked about.
    """
    if status.status_code == "PUBLISHED" or candidates(post, newest):
        ports.posts.save(post.moved_to(PostState.PUBLISHING, ports.now(), publish_attempted_at=ports.now()))
        raise OutcomeUnknownError


def _uncounted(post: Post) -> Post:
    """Refused before anything could happen: only attempts of unknown outcome are counted."""
    return replace(post, publish_attempts=post.publish_attempts - 1)


def _attempting(post: Post, fence: tuple[Media, ...], ports: Ports) -> Post:
    """
    Exactly one worker gets past this write; to any other the outcome is unknown, unless it was its caller who came
    first and cancelled. The fence stays as it was before the first attempt: an effect that shows late must not end up
    behind it.
    """
    attempting = post.moved_to(
        PostState.PUBLISHING,
        ports.now(),
        publish_attempted_at=ports.now(),
        publish_attempts=post.publish_attempts + 1,
        fence=post.fence if post.publish_attempts else tuple(media.id for media in fence),
    )
    try:
        return ports.posts.save(attempting)
    except ConflictError as error:
        uncancelled(PostTask(post.tenant_id, post.id), ports)
        raise OutcomeUnknownError from error
