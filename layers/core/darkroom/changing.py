"""
Changing what was accepted: edit it while it is a draft or scheduled, publish it now, take it back, try again.

Each change is one conditional write. Whoever comes first wins: a cancelled post is never sent, and one that may have
been sent is never called cancelled.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from darkroom import publish_times
from darkroom.errors import ConflictError, PreconditionFailedError, QuotaFullError
from darkroom.fingerprints import fingerprint
from darkroom.posts import EDITABLE, FirstComment, Post, PostState
from darkroom.submission import (
    HOLDS_NOTHING,
    STATES,
    Mode,
    Ports,
    Submission,
    account_of,
    behind_what_stands,
    checked,
    counted,
    holding,
    mine,
    reserved,
    set_going,
)
from darkroom.tenants import Caller
from darkroom.values import Value

_MODES: dict[PostState, Mode] = {state: mode for mode, state in STATES.items()}
_TIME = frozenset({"publish_at", "time_zone"})
# Where nothing has been sent yet, and the workflow, if there is one, will find the post cancelled before it sends.
_CANCELLABLE = EDITABLE | {PostState.QUEUED, PostState.PROCESSING, PostState.DELAYED}
_MOST_RACES = 5  # the workflow writes a handful of times a minute at most


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Change(Value):
    """`fields` are those of the content, `mode`, `publish_at`, `time_zone` and `external_id`, as far as they change."""

    version: int
    fields: dict[str, Any]


def edit(caller: Caller, post_id: str, change: Change, ports: Ports) -> Post:
    """
    Raises PreconditionFailedError when the post has changed since that version, ConflictError once it is on its way,
    InvalidPostError, QuotaFullError, TooManyRequestsError (as it would be sent now): then nothing has changed.
    """
    post = mine(caller, post_id, ports)
    if post.version != change.version:
        raise PreconditionFailedError
    _require(post, EDITABLE, "Only a draft or a scheduled post can be edited.")
    wanted = _wanted(post, change.fields)
    publish_at = checked(wanted, account_of(post, ports), ports)
    edited = replace(
        post, content=wanted.content, external_id=wanted.external_id, publish_at=publish_at, time_zone=wanted.time_zone
    )
    state = STATES[wanted.mode]
    if state is PostState.QUEUED:
        counted(caller, ports)
    if state is not post.state:
        edited = edited.moved_to(state, ports.now(), queued_at=ports.now() if state is PostState.QUEUED else None)
    try:
        return _changed(post, edited, ports)
    except ConflictError:
        raise PreconditionFailedError from None


def _wanted(post: Post, fields: dict[str, Any]) -> Submission:
    """What was accepted, with the changes; a time that is not mentioned stays, and the zone of one that is local."""
    mode: Mode = fields.get("mode") or _MODES[post.state]
    kept = _zone_for(fields["publish_at"], post) if "publish_at" in fields else _time(post)
    if mode == "now":
        kept = {}
    content = {name: value for name, value in fields.items() if name not in {*_TIME, "mode", "external_id"}}
    return Submission(
        content=replace(post.content, **content),
        mode=mode,
        external_id=fields.get("external_id", post.external_id),
        **{**kept, **{name: value for name, value in fields.items() if name in _TIME}},
    )


def _zone_for(publish_at: str | None, post: Post) -> dict[str, str | None]:
    """A time with an offset says itself whose it is, and may be elsewhere than the one before."""
    is_local = publish_at is not None and publish_times.is_local(publish_at)
    return {"time_zone": post.time_zone} if is_local else {}


def _time(post: Post) -> dict[str, str | None]:
    """As it can be read again: in UTC, which goes with any zone."""
    at = post.publish_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if post.publish_at else None
    return {"publish_at": at, "time_zone": post.time_zone}


def publish_now(caller: Caller, post_id: str, ports: Ports, first_asked_at: datetime | None = None) -> Post:
    """
    A draft, or a scheduled post before its time. ConflictError when it is neither, or changes at the same moment. With
    `first_asked_at` this is a repetition: a post that was queued since then is answered as it is.
    """
    if first_asked_at is None:
        counted(caller, ports)
    post = mine(caller, post_id, ports)
    if _was_queued_since(first_asked_at, post):
        set_going(post, ports)
        return post
    _require(post, EDITABLE, "Only a draft or a scheduled post can be published now.")
    wanted = Submission(content=post.content, mode="now", external_id=post.external_id)
    checked(wanted, account_of(post, ports), ports)
    now = ports.now()
    return _changed(post, post.moved_to(PostState.QUEUED, now, queued_at=now, publish_at=None, time_zone=None), ports)


def _changed(post: Post, edited: Post, ports: Ports) -> Post:
    """The quota's slot first, then the post, then its schedule: what stops half-way has promised too much, not lost."""
    before = post.slot_at if post.state is PostState.SCHEDULED else None
    with holding(edited, ports):
        earlier = None if edited.state is PostState.DRAFT else reserved(edited, ports, before=before)
        saved = ports.posts.save(replace(edited, duplicate_of=earlier))
    _give_back(post, saved, ports)
    set_going(saved, ports)
    return saved


def cancel(caller: Caller, post_id: str, ports: Ports) -> Post:
    """
    Takes the post back. Cancelling twice answers the same. Raises ConflictError(too_late_to_cancel) from the moment
    in which Instagram may have been asked to publish it.
    """
    for _ in range(_MOST_RACES):
        post = mine(caller, post_id, ports)
        if post.state is PostState.CANCELLED:
            return post
        _require_unsent(post)
        now = ports.now()
        try:
            cancelled = ports.posts.save(
                post.moved_to(PostState.CANCELLED, now, cancelled_at=now, delayed_until=None, problem=None)
            )
        except ConflictError:
            continue  # the workflow was faster; look again
        _give_back(post, cancelled, ports)
        return cancelled
    raise ConflictError("post_state_conflict", "The post is changing too fast; try again.", retry_after=2)


def _require_unsent(post: Post) -> None:
    if post.state is PostState.FAILED:
        raise ConflictError("post_state_conflict", "The post has failed; there is nothing to cancel.")
    if post.state not in _CANCELLABLE or post.publish_attempts or post.publish_attempted_at is not None:
        raise ConflictError("too_late_to_cancel")


def _give_back(before: Post, after: Post, ports: Ports) -> None:
    """
    What the post held and no longer needs. Nothing depends on it: a slot and a fingerprint expire, and a schedule finds
    its post elsewhere.
    """
    if before.state is PostState.DRAFT:
        return
    has_stopped = after.state in HOLDS_NOTHING
    ids = before.tenant_id, before.account_id
    with behind_what_stands(ports):
        if has_stopped:
            ports.quota.release(*ids, before.id, before.slot_at)
        if has_stopped or fingerprint(after.content) != fingerprint(before.content):
            ports.fingerprints.forget(*ids, fingerprint(before.content), before.id)
    with behind_what_stands(ports):
        if before.state is PostState.SCHEDULED and after.state is not PostState.SCHEDULED:
            ports.schedules.remove(before)


def retry(caller: Caller, post_id: str, ports: Ports, first_asked_at: datetime | None = None) -> Post:
    """
    A post that failed, or whose end nobody knows, once more. If it may ever have been sent, its execution asks
    Instagram before anything else and publishes only what is proven not to be live; otherwise it begins from nothing.
    With `first_asked_at` this is a repetition, as in `publish_now`: it begins no further try.
    """
    if first_asked_at is None:
        counted(caller, ports)
    post = mine(caller, post_id, ports)
    if _was_queued_since(first_asked_at, post):
        set_going(post, ports)
        return post
    _require(post, {PostState.FAILED, PostState.UNCONFIRMED}, "Only a failed or unconfirmed post can be tried again.")
    account_of(post, ports).require_publishing(ports.now(), post.content)
    again = _again(post, ports.now())
    without = () if again.publish_attempts else tuple(container.item for container in post.containers)
    with holding(again, ports):
        saved = ports.posts.save(replace(again, duplicate_of=_reserved_again(post, again, ports)), without)
    set_going(saved, ports)
    return saved


def _reserved_again(post: Post, again: Post, ports: Ports) -> str | None:
    """A full window keeps nobody from asking whether the post is live; publishing it a second time waits for room."""
    try:
        return reserved(again, ports, before=post.slot_at)
    except QuotaFullError:
        if not again.publish_attempts:
            raise
        return post.duplicate_of


def _again(post: Post, now: datetime) -> Post:
    """
    An attempt that was disproved once is doubted again: much time may have passed since. Asking about it begins anew,
    and so does the time that asking may take.
    """
    fresh: dict[str, Any] = {
        "tries": post.tries + 1,
        "queued_at": now,
        "publish_at": None,
        "time_zone": None,
        "rebuilds": 0,
        "delays": {},
        "probes": None,
        "failed_at": None,
        "problem": None,
        "comment": FirstComment(),
    }
    if post.publish_attempts:
        fresh |= {"publish_attempts": 1, "publish_attempted_at": now}
    return post.moved_to(PostState.QUEUED, now, **fresh)


def _was_queued_since(moment: datetime | None, post: Post) -> bool:
    return moment is not None and post.queued_at is not None and post.queued_at >= moment


def _require(post: Post, states: frozenset[PostState] | set[PostState], sentence: str) -> None:
    if post.state not in states:
        raise ConflictError("post_state_conflict", f"{sentence} This one is {post.state}.")
