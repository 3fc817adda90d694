"""Everything the pretend Instagram knows: who exists, who may do what, what is being processed, what is live."""

import enum
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from simulator.clock import Clock
from simulator.faults import FaultProgramme
from simulator.ids import Ids, app_scoped_id, professional_account_id
from simulator.media_files import MediaFetcher
from simulator.options import CONTAINER_LIFETIME, Options, PretendAccount
from simulator.people import Facebook
from simulator.switches import Switches
from simulator.webhooks import Webhooks
from simulator.wire import Json


@dataclass(frozen=True)
class Account:
    """`user_id` is the professional account (1784…); `id` is the same person as the app sees them."""

    profile: PretendAccount
    user_id: str
    id: str

    @property
    def username(self) -> str:
        return self.profile.username


@dataclass
class Code:
    account: Account
    scopes: tuple[str, ...]
    redirect_uri: str
    expires_at: float
    is_used: bool = False


@dataclass
class Token:
    account: Account
    scopes: tuple[str, ...]
    is_long: bool
    issued_at: float
    expires_at: float
    revoked_with: int | None = None


class Kind(enum.Enum):
    IMAGE = "image"
    VIDEO = "video"  # on its own only behind the lone_video switch
    REEL = "reel"
    STORY = "story"
    CAROUSEL = "carousel"


@dataclass(frozen=True)
class ContainerPlan:
    """What a caller asked for, validated."""

    kind: Kind
    is_child: bool = False
    image_url: str | None = None
    video_url: str | None = None
    cover_url: str | None = None
    caption: str | None = None
    alt_text: str | None = None
    children: tuple[str, ...] = ()
    thumb_offset: int | None = None
    share_to_feed: bool | None = None
    is_ai_generated: bool | None = None
    details: Json = field(default_factory=dict)

    @property
    def is_video(self) -> bool:
        return self.video_url is not None


@dataclass
class Container:
    """
    `processing` yields the subcode a video failed with, or None.

    `media_ids` has a second entry only after republish_mode=dup.
    """

    id: str
    account: Account
    plan: ContainerPlan
    created_at: float
    ready_at: float
    processing: Future[int | None] | None = None
    failure: int | None = None
    media_ids: list[str] = field(default_factory=list)
    stale_reads_left: int = 0

    def has_expired(self, now: float) -> bool:
        return now >= self.created_at + CONTAINER_LIFETIME


@dataclass(frozen=True)
class Media:
    """Something the world can see. Children of a carousel have a `parent_id`."""

    id: str
    account: Account
    container_id: str
    plan: ContainerPlan
    published_at: float
    shortcode: str
    children: tuple[str, ...] = ()
    parent_id: str | None = None


@dataclass(frozen=True)
class Comment:
    id: str
    media_id: str
    author: Account
    text: str
    created_at: float


@dataclass(frozen=True)
class CallRecord:
    """Names of parameters, never their values: tokens and captions stay out."""

    at: float
    method: str
    template: str
    path: str
    parameters: list[str]
    status: int
    account: str | None
    fault: str | None


@dataclass
class World:
    """
    The state behind one lock.

    Whoever reads or changes it holds `lock`; media downloads happen inside `unlocked()`.
    """

    options: Options
    clock: Clock
    ids: Ids
    fetcher: MediaFetcher
    default_switches: Switches = field(default_factory=Switches)
    switches: Switches = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)
    accounts: dict[str, Account] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    published_at: dict[str, list[float]] = field(default_factory=dict)
    comments: dict[str, Comment] = field(default_factory=dict)
    comments_off: set[str] = field(default_factory=set)
    throttled_until: dict[str, float] = field(default_factory=dict)
    subscribed_fields: dict[str, list[str]] = field(default_factory=dict)
    page_fields: dict[str, list[str]] = field(default_factory=dict)
    facebook: Facebook = field(default_factory=Facebook)
    calls: list[CallRecord] = field(default_factory=list)
    faults: FaultProgramme = field(default_factory=FaultProgramme)
    webhook_transport: httpx.BaseTransport | None = None
    webhooks: Webhooks = field(init=False)

    def __post_init__(self) -> None:
        self.switches = self.default_switches
        secret = self.options.app_secret
        self.webhooks = Webhooks(
            self.clock,
            secret,
            lambda: self.switches,
            lambda user_id: self.subscribed_fields.pop(user_id, None),
            self.webhook_transport,
        )
        self._add_default_accounts()

    def reset(self) -> None:
        """As new, except for the clock: time only goes forward."""
        for collection in (self.accounts, self.codes, self.tokens, self.containers, self.media, self.comments):
            collection.clear()
        for by_account in (self.published_at, self.subscribed_fields, self.page_fields, self.throttled_until):
            by_account.clear()
        self.facebook.clear()
        self.comments_off.clear()
        self.calls.clear()
        self.faults.clear()
        self.webhooks.clear()
        self.switches = self.default_switches
        self._add_default_accounts()

    def _add_default_accounts(self) -> None:
        for profile in self.options.accounts:
            self.add_account(profile)
        for page in self.options.pages:
            self.facebook.add_page(page)

    @property
    def now(self) -> float:
        return self.clock.now()

    def add_account(self, profile: PretendAccount) -> Account:
        """Adding a username again changes its profile and keeps its ids."""
        user_id = professional_account_id(profile.username)
        self.accounts[user_id] = Account(profile, user_id, app_scoped_id(profile.username))
        return self.accounts[user_id]

    def account_named(self, username: str) -> Account | None:
        return next((a for a in self.accounts.values() if a.username == username), None)

    def account_with(self, node: str) -> Account | None:
        """By either of an account's two ids."""
        return self.accounts.get(node) or next((a for a in self.accounts.values() if a.id == node), None)

    def comments_on(self, media: Media) -> list[Comment]:
        """Oldest first."""
        return [comment for comment in self.comments.values() if comment.media_id == media.id]

    def seconds_throttled(self, user_id: str) -> float:
        return max(0.0, self.throttled_until.get(user_id, 0.0) - self.now)

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        """Let others in while this caller waits for a download."""
        self.lock.release()
        try:
            yield
        finally:
            self.lock.acquire()
