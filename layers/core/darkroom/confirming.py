"""
The steps after the call that makes a post public: what happened, and writing it down.

`confirm_publish` is the only way on from an unknown outcome. It believes Instagram's container and Instagram's lists,
never our own hopes, and says `not_published` only after several reads agree.
"""

import math
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from darkroom import problems, standing
from darkroom.accounts import Account
from darkroom.errors import DarkroomError, NotFoundError
from darkroom.instagram.errors import InstagramUnavailableError, OutcomeUnknownError, RateLimitedError
from darkroom.instagram.models import ContainerStatus, Media
from darkroom.outages import ENDED
from darkroom.posts import OPEN, Post, PostContent, PostState
from darkroom.workflow import (
    CallingPorts,
    ConfirmTask,
    FailureTask,
    Ports,
    PostTask,
    PublishedTask,
    access,
    account_of,
    attempt_taken_back,
    candidates,
    caught_problem,
    ended,
    known_container,
    newest_media,
)

# This many FINISHED reads, four minutes in all, prove that an attempt had no effect. Patience is cheap: only unknown
# outcomes wait.
CLEAN_READS = 4
MOST_ASKS = 30
ASK_FOR = timedelta(hours=26)  # a throttle may last a day, and while it does nobody asks
LONGEST_WAIT = timedelta(hours=1)
MOST_ATTEMPTS = 3


def confirm_publish(task: ConfirmTask, ports: CallingPorts) -> dict[str, Any]:
    """
    Asks Instagram what became of an attempt. Answers `{outcome, asks, attempt, clean_reads, media_id, wait_seconds}`;
    outcome is `published`, `not_published` (publish again), `unclear` (ask again) or `failed` (nothing is live, and
    `error` says why).

    `published` takes the status PUBLISHED; `not_published` several FINISHED reads, each after a wait, and no candidate
    among the account's media: one read may be stale. Raises OutcomeUnknownError when asking has gone on for long
    enough, also when Instagram does not answer: then a person has to look.
    May be run again after any error.
    """
    post = ports.posts.get(task.tenant_id, task.post_id)
    task = _about_the_attempt_that_stands(task, post)
    if post.media_id is not None:
        return _confirmed("published", task, media_id=post.media_id)
    if post.publish_attempted_at is None:
        return _confirmed("not_published" if _may_go_on(post, task) else "failed", task)
    if pause := ports.quota.allowance(post.tenant_id, post.account_id).pause_left(ports.now()):
        return _not_asked(task, post, pause, ports.now())
    status, found = _asked(task, post, ports)
    if status.status_code == "PUBLISHED":
        return _confirm_live(task, found)
    if status.status_code == "FINISHED" and not found:
        return _confirm_not_live(task, post, ports)
    if status.status_code in ("ERROR", "EXPIRED") and not found:
        attempt_taken_back(replace(post, publish_attempts=0), ports)  # this container can never be live
        raise ended(status)
    return _ask_again(task, post, ports, clean_reads=0)


def _about_the_attempt_that_stands(task: ConfirmTask, post: Post) -> ConfirmTask:
    """
    Two executions may ask about the same attempt; when one has disproved it and made another, what the other has read
    says nothing about that one, and it begins to count anew.
    """
    at = post.publish_attempted_at
    attempt = None if at is None else int(at.timestamp() * 1000)
    return task if task.attempt == attempt else replace(task, attempt=attempt, clean_reads=0)


def _asked(task: ConfirmTask, post: Post, ports: CallingPorts) -> tuple[ContainerStatus, tuple[Media, ...]]:
    """The container's status, and the media that could be this post."""
    whose = access(post, ports)
    try:
        status = ports.instagram.container_status(whose, known_container(post, None).container_id)
        return status, candidates(post, newest_media(post, whose, ports))
    except (InstagramUnavailableError, RateLimitedError):
        _require_patience(task, post, ports.now())
        raise


def _may_go_on(post: Post, task: ConfirmTask) -> bool:
    """
    No attempt stands: another execution has disproved it, or this one's worker died before it made one. But where
    Instagram has refused what comes before the attempt, it would do so again and again.
    """
    problem = caught_problem(task.error)
    is_refused = problem is not None and problem["code"] not in ("outcome_unknown", "store_unavailable")
    return post.state in OPEN and 0 < post.publish_attempts < MOST_ATTEMPTS and not is_refused


def _not_asked(task: ConfirmTask, post: Post, pause: timedelta, now: datetime) -> dict[str, Any]:
    """The account is throttled, and asking would prolong that."""
    _require_patience(task, post, now)
    waits = _confirmed("unclear", task, clean_reads=task.clean_reads)
    return waits | {"wait_seconds": max(waits["wait_seconds"], math.ceil(min(pause, LONGEST_WAIT).total_seconds()))}


def _confirm_live(task: ConfirmTask, found: tuple[Media, ...]) -> dict[str, Any]:
    """
    The media list lags behind: give it some asks to name the one media before going on without its id. Where one bears
    our words, captions are shown to us, and those without any are somebody else's.
    """
    found = tuple(media for media in found if media.caption) or found
    if len(found) != 1 and task.asks < CLEAN_READS:
        return _confirmed("unclear", task)
    return _confirmed("published", task, media_id=found[0].id if len(found) == 1 else None)


def _confirm_not_live(task: ConfirmTask, post: Post, ports: Ports) -> dict[str, Any]:
    if task.clean_reads + 1 < CLEAN_READS:
        return _ask_again(task, post, ports, clean_reads=task.clean_reads + 1)
    attempt_taken_back(post, ports)
    return _confirmed("not_published" if post.publish_attempts < MOST_ATTEMPTS else "failed", task)


def _ask_again(task: ConfirmTask, post: Post, ports: Ports, *, clean_reads: int) -> dict[str, Any]:
    _require_patience(task, post, ports.now())
    return _confirmed("unclear", task, clean_reads=clean_reads)


def _require_patience(task: ConfirmTask, post: Post, now: datetime) -> None:
    is_late = post.publish_attempted_at is not None and now - post.publish_attempted_at > ASK_FOR
    if is_late or task.asks + 1 >= MOST_ASKS:
        raise OutcomeUnknownError


def _confirmed(outcome: str, task: ConfirmTask, *, clean_reads: int = 0, media_id: str | None = None) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "asks": task.asks + 1,
        "attempt": task.attempt,
        "clean_reads": clean_reads,
        "media_id": media_id,
        "wait_seconds": min(40 * 2**task.asks, 120),
    }


def mark_published(task: PublishedTask, ports: Ports) -> dict[str, Any]:
    """
    Answers `{then}`: what the post wants now that it is live. Where nobody knows which media it is, nothing more can be
    done to it, and the post says so. A probe that gets here ends its outage.
    """
    post, now = ports.posts.get(task.tenant_id, task.post_id), ports.now()
    then = _then(post.content)
    if post.state is not PostState.PUBLISHED:
        live: dict[str, Any] = {"media_id": task.media_id, "published_at": now}
        if task.media_id is None and then != "nothing":
            live["comment"] = replace(post.comment, problem=problems.describe(NotFoundError("media_unknown")))
        ports.posts.save(post.moved_to(PostState.PUBLISHED, now, **live, problem=None, failed_at=None))
    if post.probes:
        _end_outages(now, ports)
    return {"then": then if task.media_id else "nothing"}


def _end_outages(now: datetime, ports: Ports) -> None:
    """A post that got through everything disproves them all: one outage may have shown itself in several ways."""
    while (outage := ports.outages.current()) is not None:
        if ended_outage := ports.outages.close(outage.id, now):
            ports.announce(ENDED, ended_outage.facts())


def _then(content: PostContent) -> str:
    if content.first_comment is not None:
        return "add_first_comment"
    return "turn_comments_off" if content.comments_enabled is False else "nothing"


def read_permalink(task: PostTask, ports: CallingPorts) -> dict[str, Any]:
    """Best effort: the post is live whether or not this works. First to be given up when calls are scarce."""
    post = ports.posts.get(task.tenant_id, task.post_id)
    if post.media_id is None or post.permalink is not None:
        return {}
    if ports.quota.allowance(post.tenant_id, post.account_id).reads_wait(ports.now()):
        raise RateLimitedError
    media = ports.instagram.media(access(post, ports), post.media_id)
    if media.permalink is None:
        raise InstagramUnavailableError
    ports.posts.save(replace(post, permalink=media.permalink))
    return {}


def mark_failed(task: FailureTask, ports: Ports) -> dict[str, Any]:
    """
    Ends the post: `unconfirmed` while an attempt to publish stands that nobody could disprove, otherwise `failed`. A
    dead token or a restricted account is flagged, so that the next post is refused at once with whose turn it is. A
    post that is live stays published, and says so if what it wanted after that did not come about.
    """
    problem = caught_problem(task.error) or problems.describe(DarkroomError())
    token_version = problem.pop("token_version", None)
    try:
        post = ports.posts.get(task.tenant_id, task.post_id)
    except NotFoundError:
        return {}  # erased on its way, with everything of its account's
    if post.state is PostState.PUBLISHED:
        if _then(post.content) != "nothing" and post.comment.comment_id is None:
            ports.posts.save(replace(post, comment=replace(post.comment, problem=problem)))
    elif post.state in OPEN:
        state = PostState.FAILED if post.publish_attempted_at is None else PostState.UNCONFIRMED
        told = {"problem": _told(problem, state), "failed_at": ports.now(), "delayed_until": None}
        post = ports.posts.save(post.moved_to(state, ports.now(), **told))
    if post.state is PostState.FAILED:  # also when an earlier run of this step got no further
        ports.quota.release(post.tenant_id, post.account_id, post.id, post.slot_at)
    with suppress(NotFoundError):  # disconnected meanwhile
        account = account_of(post, ports)
        if _is_to_blame(account, token_version, post, problem):
            standing.flag(account, problem, ports.standing)
    return {}


def _is_to_blame(account: Account, token_version: int | None, post: Post, problem: dict[str, Any]) -> bool:
    """
    A token that was refused says nothing about the one that replaced it. Without a token it is about the account, as a
    container's status tells; then the owner may have done what Instagram wants, and connected again, since the post was
    on its way.
    """
    if token_version is not None:
        return account.token_version == token_version
    return problem["code"] == "action_required" and account.connected_at <= (post.queued_at or post.accepted_at)


def _told(problem: dict[str, Any], state: PostState) -> dict[str, Any]:
    """
    Why asking ended (a throttle, a full table) is no advice to whoever must not send the post twice: `unconfirmed`
    always says so. `failed` never does: what was unknown when the error was caught has been disproved since.
    """
    is_unknown = problem["code"] == "outcome_unknown"
    if is_unknown == (state is PostState.UNCONFIRMED):
        return problem
    told = problems.describe(InstagramUnavailableError() if is_unknown else OutcomeUnknownError())
    return told | ({"instagram": problem["instagram"]} if "instagram" in problem else {})
