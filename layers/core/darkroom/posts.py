"""
What our caller asks for, and how far it has got. A post changes state through `Post.moved_to` only, in memory, and
through one conditional write in the table.

The content classes are plain dataclasses: pydantic validates them at the HTTP edge and makes openapi.json from them,
and the workflow steps, which start cold for every first post, load without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from darkroom.errors import ConflictError
from darkroom.values import Value

Kind = Literal["image", "carousel", "reel", "story"]
MediaType = Literal["image", "video"]
RunState = Literal["none", "running", "ended"]  # of one execution of the workflow


class PostState(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    PROCESSING = "processing"
    DELAYED = "delayed"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"


# Where each state may go. PUBLISHING falls back to PROCESSING when Instagram says that the container is not ready after
# all, and QUEUED goes straight to it when an attempt of an earlier try still has to be asked about; if nobody asks, it
# ends as UNCONFIRMED, delayed or not. FAILED and UNCONFIRMED are ends: nobody looks again by himself, but an execution
# that was still asking may turn them into PUBLISHED, and a person may try again. DELAYED goes straight to PUBLISHING in
# the hands of a second execution that was asking about an attempt when the first one put the post off.
TRANSITIONS: Mapping[PostState, frozenset[PostState]] = MappingProxyType(
    {
        PostState.DRAFT: frozenset({PostState.SCHEDULED, PostState.QUEUED, PostState.CANCELLED}),
        PostState.SCHEDULED: frozenset({PostState.DRAFT, PostState.QUEUED, PostState.CANCELLED}),
        PostState.QUEUED: frozenset(
            {
                PostState.PROCESSING,
                PostState.PUBLISHING,
                PostState.DELAYED,
                PostState.FAILED,
                PostState.CANCELLED,
                PostState.UNCONFIRMED,
            }
        ),
        PostState.PROCESSING: frozenset(
            {PostState.PUBLISHING, PostState.DELAYED, PostState.FAILED, PostState.CANCELLED}
        ),
        PostState.DELAYED: frozenset(
            {
                PostState.PROCESSING,
                PostState.PUBLISHING,
                PostState.FAILED,
                PostState.CANCELLED,
                PostState.UNCONFIRMED,
            }
        ),
        PostState.PUBLISHING: frozenset(
            {PostState.PROCESSING, PostState.PUBLISHED, PostState.FAILED, PostState.UNCONFIRMED}
        ),
        PostState.UNCONFIRMED: frozenset({PostState.PUBLISHED, PostState.FAILED, PostState.QUEUED}),
        PostState.FAILED: frozenset({PostState.PUBLISHED, PostState.QUEUED}),
        PostState.PUBLISHED: frozenset(),
        PostState.CANCELLED: frozenset(),
    }
)


# On its way and not yet at an end: an execution has to be moving the post.
OPEN = frozenset({PostState.QUEUED, PostState.PROCESSING, PostState.DELAYED, PostState.PUBLISHING})
# How many executions one try may take; the watchdog starts all but the first.
MOST_RUNS = 5
# Its caller may still change it.
EDITABLE = frozenset({PostState.DRAFT, PostState.SCHEDULED})

# What a request may hold and nothing else; pydantic reads this where it validates.
_REFUSE_UNKNOWN = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UserTag(Value):
    """`x` and `y` run from 0.0 to 1.0 from the top left; needed on images, not possible on reels."""

    __pydantic_config__ = _REFUSE_UNKNOWN

    username: str
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class MediaItem(Value):
    """`type` may be left out where the kind or the URL's ending says it."""

    __pydantic_config__ = _REFUSE_UNKNOWN

    url: str
    type: MediaType | None = None
    alt_text: str | None = None
    user_tags: tuple[UserTag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ReelOptions(Value):
    """
    `cover_url` wins over `thumb_offset_ms`. `trial` shows the reel to non-followers first and says how it graduates:
    by hand, or when Instagram sees it perform.
    """

    __pydantic_config__ = _REFUSE_UNKNOWN

    cover_url: str | None = None
    thumb_offset_ms: int | None = None
    share_to_feed: bool | None = None
    audio_name: str | None = None
    trial: Literal["MANUAL", "SS_PERFORMANCE"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PostContent(Value):
    """
    What is to appear on Instagram. Never changed in silence: what cannot be carried is refused. `first_comment` and
    `comments_enabled` (false turns comments off) come after the post is live: Instagram takes them on media only.
    """

    __pydantic_config__ = _REFUSE_UNKNOWN

    kind: Kind
    media: tuple[MediaItem, ...]
    caption: str | None = None
    location_id: str | None = None
    collaborators: tuple[str, ...] = ()
    reel: ReelOptions | None = None
    is_ai_generated: bool | None = None
    first_comment: str | None = None
    comments_enabled: bool | None = None

    def media_type(self, item: MediaItem) -> MediaType | None:
        """Given, or implied by the kind, or plain from the URL's ending; None when nobody can tell."""
        if item.type:
            return item.type
        if self.kind in ("image", "reel"):
            return "image" if self.kind == "image" else "video"
        path = item.url.partition("?")[0].lower()
        if path.endswith((".jpg", ".jpeg")):
            return "image"
        return "video" if path.endswith((".mp4", ".mov")) else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Container(Value):
    """
    What Instagram processes before it is live. `item` is the 0-based carousel item, or None for the container that is
    published: the only one of other kinds, the parent of a carousel.
    """

    container_id: str
    item: int | None
    created_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class FirstComment(Value):
    """
    How far the first comment has got. `attempted_at` is written before Instagram is asked: a comment cannot be unsent
    either, so while it is set and no id is known, only asking goes on.
    """

    attempted_at: datetime | None = None
    comment_id: str | None = None
    problem: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Post(Value):
    """
    `publish_attempted_at` is written before Instagram is asked to publish and only taken back when an answer proves
    that nothing happened: while it is set, publishing again needs proof. `fence` holds the newest media ids of the
    account just before that attempt: what is listed there cannot be this post. `problem` is the body the API shows.

    `tries` counts how often its caller has had it published: the first time, and each retry. `rebuilds` counts lost
    containers that were made anew, `delays` how often it was put off in this try, by the code of the problem. `probes`
    names the outage that this post was let through to find out about. `has_moved`: its state is not yet stored.
    """

    id: str
    tenant_id: str
    account_id: str
    content: PostContent
    external_id: str | None = None
    group_id: str | None = None
    duplicate_of: str | None = None
    state: PostState = PostState.QUEUED
    state_since: datetime
    accepted_at: datetime
    publish_at: datetime | None = None
    time_zone: str | None = None
    queued_at: datetime | None = None
    request_id: str | None = None
    tries: int = 1
    containers: tuple[Container, ...] = ()
    rebuilds: int = 0
    delays: Mapping[str, int] = field(default_factory=dict)
    delayed_until: datetime | None = None
    probes: str | None = None
    publish_attempted_at: datetime | None = None
    publish_attempts: int = 0
    fence: tuple[str, ...] = ()
    published_at: datetime | None = None
    failed_at: datetime | None = None
    cancelled_at: datetime | None = None
    media_id: str | None = None
    permalink: str | None = None
    comment: FirstComment = FirstComment()
    problem: dict[str, Any] | None = None
    version: int = field(default=1)
    has_moved: bool = False

    @property
    def slot_at(self) -> datetime:
        """When it takes its place in the account's publishing quota."""
        return self.publish_at or self.queued_at or self.accepted_at

    @property
    def first_run(self) -> int:
        """The number of this try's first execution: each try has its own."""
        return (self.tries - 1) * MOST_RUNS + 1

    def container(self, item: int | None) -> Container | None:
        return next((container for container in self.containers if container.item == item), None)

    def moved_to(self, state: PostState, now: datetime, **changes: Any) -> "Post":
        """The post in its next state. Raises ConflictError where there is no such step."""
        if state not in TRANSITIONS[self.state]:
            raise ConflictError("post_state_conflict", f"A {self.state} post cannot become {state}.")
        return replace(self, state=state, state_since=now, has_moved=True, **changes)
