"""Posts as the API takes and shows them."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any, Literal, TypedDict

from annotated_types import MaxLen, MinLen

from darkroom.errors import BadRequestError, FieldError
from darkroom.http_events import Answer
from darkroom.posting import Preview, Result
from darkroom.posts import Container, MediaItem, Post, PostContent, PostState, ReelOptions
from darkroom.submission import Mode, Submission
from darkroom.views import REFUSE_UNKNOWN, PageQuery

_AccountId = Annotated[str, MinLen(1), MaxLen(128)]  # empty is a mistake, not the default account
_Time = Annotated[str, MinLen(1), MaxLen(64)]
# Why a post may be refused, whichever way it comes.
REFUSALS = (
    "invalid_post", "no_default_account", "reauthorization_required", "action_required", "permissions_missing",
    "publishing_limit_reached", "not_found",
)  # fmt: skip
REFUSALS_OF_NEW = (*REFUSALS, "duplicate_suspected")
_CONTENT_FIELDS = tuple(field.name for field in fields(PostContent))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NewPost(PostContent):
    """
    Without `account_id` the default account is meant; `account_ids` makes one post for each. `publish_at` is RFC 3339,
    or a local time without an offset together with `time_zone`, an IANA name. `on_duplicate` says what to do about
    content that was accepted for the account within the last 24 hours. `external_id` is yours and comes back as it is.
    """

    account_id: _AccountId | None = None
    account_ids: Annotated[tuple[_AccountId, ...], MinLen(1), MaxLen(50)] | None = None
    mode: Mode = "now"
    publish_at: _Time | None = None
    time_zone: _Time | None = None
    on_duplicate: Literal["warn", "refuse"] = "warn"
    external_id: str | None = None

    def submission_to_one(self, request_id: str) -> Submission:
        """Raises BadRequestError where it names many accounts: what is asked about has one answer."""
        if self.account_ids is not None:
            message = "Ask about one account at a time, in account_id."
            raise BadRequestError(errors=(FieldError("/account_ids", "not_possible", message),))
        return self.submission(request_id)

    def submission(self, request_id: str, *, is_repeated: bool = False) -> Submission:
        """Raises BadRequestError when it names both one account and many, or one of many twice."""
        many = self.account_ids or ()
        if many and (self.account_id is not None or len(set(many)) < len(many)):
            message = "Name each account once, in account_id or in account_ids."
            raise BadRequestError(errors=(FieldError("/account_ids", "not_unique", message),))
        return Submission(
            content=PostContent(**{name: getattr(self, name) for name in _CONTENT_FIELDS}),
            mode=self.mode,
            publish_at=self.publish_at,
            time_zone=self.time_zone,
            account_id=self.account_id,
            external_id=self.external_id,
            refuses_duplicates=self.on_duplicate == "refuse",
            request_id=request_id,
            is_repeated=is_repeated,
        )


class PostPatch(TypedDict, total=False):
    """What is named changes, null takes it away; what is not named stays. The account and the kind of a post stay."""

    __pydantic_config__ = REFUSE_UNKNOWN  # type: ignore[misc] # pydantic's way to configure a TypedDict

    mode: Literal["draft", "scheduled"]
    publish_at: _Time | None
    time_zone: _Time | None
    caption: str | None
    media: tuple[MediaItem, ...]
    location_id: str | None
    collaborators: tuple[str, ...]
    reel: ReelOptions | None
    is_ai_generated: bool | None
    first_comment: str | None
    comments_enabled: bool | None
    external_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Warning:  # noqa: A001 — the API's word; Python's own is not used here
    """The request was accepted; `post_id` is the post that it may be a mistaken repetition of."""

    code: Literal["duplicate_suspected"]
    message: str
    post_id: str


def _duplicate(post_id: str) -> Warning:
    message = "The same content was accepted for this account within the last 24 hours."
    return Warning(code="duplicate_suspected", message=message, post_id=post_id)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PostView(PostContent):
    """
    `problem` says why a failed post failed, or why a delayed one waits, and whose turn it is. `containers` are in the
    order of the items. `version` is what If-Match takes.
    """

    id: str
    account_id: str
    external_id: str | None
    group_id: str | None
    state: PostState
    state_since: datetime
    accepted_at: datetime
    publish_at: datetime | None
    time_zone: str | None
    queued_at: datetime | None
    delayed_until: datetime | None
    containers: tuple[Container, ...]
    publish_attempted_at: datetime | None
    published_at: datetime | None
    failed_at: datetime | None
    cancelled_at: datetime | None
    media_id: str | None
    permalink: str | None
    first_comment_id: str | None
    comments_problem: dict[str, Any] | None
    problem: dict[str, Any] | None
    tries: int
    version: int
    warnings: tuple[Warning, ...]

    @classmethod
    def of(cls, post: Post) -> "PostView":
        content = {name: getattr(post.content, name) for name in _CONTENT_FIELDS}
        own = {field.name for field in fields(cls)} & {field.name for field in fields(Post)} - set(_CONTENT_FIELDS)
        return cls(
            **content,
            **{name: getattr(post, name) for name in own},
            first_comment_id=post.comment.comment_id,
            comments_problem=post.comment.problem,
            warnings=(_duplicate(post.duplicate_of),) if post.duplicate_of else (),
        )


def post_answer(status: int, post: Post) -> Answer:
    """Its version is its entity tag; what was accepted says where it is."""
    headers = {"etag": f'"{post.version}"'} | ({"location": f"/v1/posts/{post.id}"} if status == 202 else {})
    return Answer(status, PostView.of(post), headers)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PlanView:
    """
    The containers that publishing would make; `main` is the one that is published. `publish_at` is what the time of the
    request means in UTC.
    """

    is_valid: Literal[True]
    items: tuple[dict[str, Any], ...]
    main: dict[str, Any]
    publish_at: datetime | None
    warnings: tuple[Warning, ...]

    @classmethod
    def of(cls, preview: Preview) -> "PlanView":
        return cls(
            is_valid=True,
            items=tuple(item.parameters for item in preview.plan.items),
            main=preview.plan.main.parameters,
            publish_at=preview.publish_at,
            warnings=(_duplicate(preview.duplicate_of),) if preview.duplicate_of else (),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ResultView:
    """Either the post of this account or the problem that kept it from being accepted."""

    account_id: str
    post: PostView | None
    problem: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class GroupView:
    """
    One result for each account, in the order of the request; the posts share `group_id`. A problem with a status of 500
    or more is ours: ask again for that account alone, under a new key, if its `retry.allowed`.
    """

    group_id: str
    data: tuple[ResultView, ...]

    @classmethod
    def of(cls, group_id: str, results: tuple[Result, ...]) -> "GroupView":
        shown = (
            ResultView(account_id=r.account_id, post=PostView.of(r.post) if r.post else None, problem=r.problem)
            for r in results
        )
        return cls(group_id=group_id, data=tuple(shown))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PostsQuery(PageQuery):
    account_id: _AccountId | None = None
    state: PostState | None = None
