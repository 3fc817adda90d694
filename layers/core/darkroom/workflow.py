"""
What the steps of one post's workflow share: the tasks that statemachines/publish_post.asl.yaml hands them, the ports
through which they see the outside, and the few questions that several of them ask.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, Self

from darkroom import standing
from darkroom.accounts import Account
from darkroom.containers import Parameters
from darkroom.errors import ConflictError, ContainerExpiredError, NotFoundError, PostCancelledError
from darkroom.instagram.errors import InstagramUnavailableError, RateLimitedError
from darkroom.instagram.models import Access, Comment, ContainerStatus, Media, PublishingLimit
from darkroom.outages import Outages
from darkroom.posts import Container, Post, PostState
from darkroom.quota import Allowance
from darkroom.values import Value

CLOCK_SKEW = timedelta(minutes=10)  # between Instagram's clock and ours


class Posts(Protocol):
    def get(self, tenant_id: str, post_id: str) -> Post:
        """Raises NotFoundError."""
        ...

    def save(self, post: Post, without: tuple[int | None, ...] = ()) -> Post:
        """
        Writes the post unless somebody else has since it was read (ConflictError); answers its new version. `without`
        names the items whose containers are forgotten.
        """
        ...

    def add_container(self, post: Post, container: Container) -> None:
        """
        Adds the container of that item, or what is new of it. ConflictError when the item has another container: which
        one is published must never change. Safe beside other items' containers being added.
        """
        ...


class Accounts(Protocol):
    def get(self, tenant_id: str, account_id: str) -> Account:
        """Raises NotFoundError."""
        ...


class Quota(Protocol):
    """What Instagram lets the account do, and what of it is taken. Each method begins with tenant and account id."""

    def allowance(self, tenant_id: str, account_id: str) -> Allowance: ...
    def told(self, tenant_id: str, account_id: str, usage: int, total: int, duration: int, now: datetime) -> None: ...  # noqa: PLR0913, PLR0917 — Instagram's answer, whose, and when
    def used(self, tenant_id: str, account_id: str, percent: int, now: datetime) -> None: ...
    def pause(self, tenant_id: str, account_id: str, until: datetime) -> None: ...
    def slots(self, tenant_id: str, account_id: str, since: datetime, until: datetime) -> tuple[datetime, ...]: ...
    def release(self, tenant_id: str, account_id: str, post_id: str, at: datetime) -> None: ...
    def count_container(self, tenant_id: str, account_id: str, now: datetime) -> None: ...
    def containers_since(self, tenant_id: str, account_id: str, moment: datetime) -> int: ...


class Tokens(Protocol):
    def token(self, account: Account) -> str:
        """Decrypts the account's token. Raises TokenUnreadableError, NotFoundError when it was erased."""
        ...


class Instagram(Protocol):
    def create_container(self, access: Access, parameters: Parameters) -> str: ...
    def container_status(self, access: Access, container_id: str) -> ContainerStatus: ...
    def publish_container(self, access: Access, container_id: str) -> str: ...
    def media(self, access: Access, media_id: str) -> Media: ...
    def recent_media(self, access: Access) -> tuple[Media, ...]: ...
    def stories(self, access: Access) -> tuple[Media, ...]: ...
    def publishing_limit(self, access: Access) -> PublishingLimit: ...
    def add_comment(self, access: Access, media_id: str, message: str) -> str: ...
    def comments(self, access: Access, media_id: str) -> tuple[Comment, ...]: ...
    def set_comments_enabled(self, access: Access, media_id: str, enabled: bool) -> None: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    """
    What every step sees. `announce` tells the owner's event bus a fact: its name and its details; `standing` is for
    what an account's owner has to know.
    """

    posts: Posts
    accounts: Accounts
    quota: Quota
    outages: Outages
    standing: standing.Ports
    announce: Callable[[str, dict[str, Any]], None]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CallingPorts(Ports):
    """For the steps that call Instagram: they alone can reach a token."""

    tokens: Tokens
    instagram: Instagram
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class AccountAccess(Access):
    """What a call has to know, and the account that it was read from: whose token, and which of its tokens, this is."""

    account: Account

    @classmethod
    def by(cls, account: Account, tokens: Tokens) -> Self:
        """Raises what `tokens` does. The account is read first: its token is this one or a newer."""
        token = tokens.token(account)
        return cls(account.ig_user_id, token, account.login, account.page_id, account=account)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PostTask(Value):
    tenant_id: str
    post_id: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ContainerTask(Value):
    """`item` is the 0-based carousel item, or None for the container that is published."""

    tenant_id: str
    post_id: str
    item: int | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PublishedTask(Value):
    """`media_id` is None when the post is proven live but its media could not be told from others."""

    tenant_id: str
    post_id: str
    media_id: str | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConfirmTask(Value):
    """
    `error` is what made the outcome unknown, as in FailureTask. `clean_reads` are those of `attempt`: when it was made,
    in milliseconds of Unix time.
    """

    tenant_id: str
    post_id: str
    asks: int
    attempt: int | None
    clean_reads: int
    error: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DelayTask(Value):
    """`error` is what the post has to wait for, as in FailureTask."""

    tenant_id: str
    post_id: str
    error: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FailureTask(Value):
    """`error` is what Step Functions caught: `Error` is a class name, `Cause` the JSON that the runtime made of it."""

    tenant_id: str
    post_id: str
    error: dict[str, str]


class GivenUpError(InstagramUnavailableError):
    """Instagram's own trouble ended this container. The workflow repeats an InstagramUnavailableError, but not this."""


class NotNowError(GivenUpError):
    """… and made anew it would end the same way at the moment: the post waits, and begins again."""


def uncancelled(task: PostTask | ContainerTask | DelayTask, ports: Ports) -> Post:
    """The task's post. Raises PostCancelledError: whoever cancelled it is not to be overruled."""
    post = ports.posts.get(task.tenant_id, task.post_id)
    if post.state is PostState.CANCELLED:
        raise PostCancelledError
    return post


def account_of(post: Post, ports: Ports) -> Account:
    try:
        return ports.accounts.get(post.tenant_id, post.account_id)
    except NotFoundError:
        raise NotFoundError("account_gone") from None


def access(post: Post, ports: CallingPorts) -> AccountAccess:
    return AccountAccess.by(account_of(post, ports), ports.tokens)


def known_container(post: Post, item: int | None) -> Container:
    container = post.container(item)
    if container is None:
        raise ConflictError("post_state_conflict", "The post has no container yet.")
    return container


def ended(status: ContainerStatus) -> Exception:
    """What an ERROR or EXPIRED container means. Nothing ever changes it, so it is no reason to wait."""
    failure = status.failure()
    if type(failure) is InstagramUnavailableError:
        return GivenUpError(subcode=failure.subcode)
    return failure or ContainerExpiredError()


def unless_paused(post: Post, ports: CallingPorts) -> None:
    """Raises RateLimitedError while the account is throttled: a call would prolong that for all its posts."""
    if pause := ports.quota.allowance(post.tenant_id, post.account_id).pause_left(ports.now()):
        raise RateLimitedError(retry_after=pause.total_seconds(), is_pause=True)


def newest_media(post: Post, access: Access, ports: CallingPorts) -> tuple[Media, ...]:
    """Where the post would appear: among the stories, or among the rest."""
    return ports.instagram.stories(access) if post.content.kind == "story" else ports.instagram.recent_media(access)


def candidates(post: Post, newest: tuple[Media, ...]) -> tuple[Media, ...]:
    """
    Media that appeared since the attempt and could be this post: none, ours, or several that look alike. One alone is
    no proof: the same picture with the same words may have been sent twice, and ours be the one that is not live.
    """
    return tuple(media for media in newest if _could_be(post, media))


def _could_be(post: Post, media: Media) -> bool:
    """Media without a caption may be anybody's: not every app is shown captions."""
    since = known_container(post, None).created_at - CLOCK_SKEW
    kinds = {"image": "FEED", "carousel": "FEED", "reel": "REELS", "story": "STORY"}
    is_album = media.media_type == "CAROUSEL_ALBUM"
    return (
        media.id not in post.fence
        and media.media_product_type in (None, kinds[post.content.kind])
        and is_album == (post.content.kind == "carousel")
        and (not is_album or media.children_count in (None, len(post.content.media)))
        and (media.timestamp is None or media.timestamp >= since)
        and _words(media.caption) in ([], _words(post.content.caption))
    )


def _words(caption: str | None) -> list[str]:
    """Instagram trims white space."""
    return (caption or "").split()


def attempt_taken_back(post: Post, ports: Ports) -> None:
    """Only when Instagram is known not to have published: from here on the post may be published again."""
    ports.posts.save(post.moved_to(PostState.PROCESSING, ports.now(), publish_attempted_at=None))


def caught_problem(error: dict[str, str]) -> dict[str, Any] | None:
    """The problem that `steps` put into the error message; None when the runtime died before it could."""
    try:
        problem = json.loads(json.loads(error["Cause"])["errorMessage"])
    except (KeyError, TypeError, ValueError):
        return None
    return problem if isinstance(problem, dict) and isinstance(problem.get("code"), str) else None
